#!/usr/bin/env python3
"""Writes small checkpoints as axlearn does, with TensorStore itself.

  tools/peer/write_checkpoint.py experiments/pretrained/checkpoint/testdata

makes FOLDER/float32 and FOLDER/bfloat16: two layers, four heads, the 13 arrays of
the 7B models and their index, in several chunk grids, some of which do not divide
the shape. What an element is, is a function of its array and its number (value()
below, and checkpoint_testing.cc), so that the tests know the truth without reading
it. --scale=N makes embed_dim, ffn_dim and vocab N times as large.

Needs numpy, ml_dtypes and tensorstore.
"""

import argparse
import json
import os
import shutil

import ml_dtypes
import numpy as np
import tensorstore

LAYERS, DIM, HEADS, HEAD_DIM, FFN, VOCAB = 2, 12, 4, 4, 10, 64
LAYER = "decoder/transformer/repeat/layer/"

# The arrays in the order of experiments/pretrained/checkpoint/arrays.cc: path and
# axes. Whatever changes their order changes the values.
ARRAYS = [
    ("decoder/emb/token_emb/weight", "VD"),
    ("decoder/output_norm/scale", "D"),
    (LAYER + "self_attention/prenorm/scale", "LD"),
    (LAYER + "self_attention/postnorm/scale", "LD"),
    (LAYER + "self_attention/attention/i_proj/qkv_proj/weight", "L3DNH"),
    (LAYER + "self_attention/attention/o_proj/weight", "LDNH"),
    (LAYER + "self_attention/attention/scale_query/norm/scale", "LH"),
    (LAYER + "self_attention/attention/scale_key/norm/scale", "LH"),
    (LAYER + "feed_forward/prenorm/scale", "LD"),
    (LAYER + "feed_forward/postnorm/scale", "LD"),
    (LAYER + "feed_forward/linear1_0/weight", "LDF"),
    (LAYER + "feed_forward/linear1_1/weight", "LDF"),
    (LAYER + "feed_forward/linear2/weight", "LFD"),
]

# Parts along each axis, as fully sharded training cuts: model_dim alone.
SHARDED = {4: (1, 1, 4, 1, 1), 5: (1, 4, 1, 1), 10: (1, 4, 1), 11: (1, 4, 1), 12: (1, 1, 4)}
# Chunks that do not divide the shape, or cut the layers.
ODD = {0: (25, 5), 2: (1, 5), 4: (2, 2, 5, 3, 4), 5: (1, 5, 3, 3), 10: (2, 5, 7), 12: (1, 10, 5)}
UNCOMPRESSED, SLASHES = 11, 12  # arrays of the bfloat16 checkpoint


def value(array, shape):
    """Element i of an array: a hash of both, as a number from -1 to 1. The
    embedding's are coarse, so that there is something to compress."""
    i = np.arange(np.prod(shape, dtype=np.uint64), dtype=np.uint64)
    mixed = (i * 2654435761 + np.uint64(array) * 40503 + 12345) & np.uint64(0xFFFFFFFF)
    mixed = ((mixed ^ (mixed >> np.uint64(15))) * np.uint64(2246822519)) & np.uint64(0xFFFFFFFF)
    if array == 0:
        fine = (mixed >> np.uint64(29)).astype(np.float32) / np.float32(4)
    else:
        fine = (mixed >> np.uint64(8)).astype(np.float32) / np.float32(1 << 23)
    return (fine - np.float32(1)).reshape(shape)


def write_array(folder, path, data, dtype, chunks, compressor, separator):
    target = os.path.join(folder, "gda", "model", path)
    store = tensorstore.open(
        {
            "driver": "zarr",
            "kvstore": {"driver": "file", "path": target},
            "metadata": {
                "shape": list(data.shape),
                "chunks": list(chunks),
                "dtype": dtype,
                "compressor": compressor,
                "dimension_separator": separator,
            },
        },
        create=True,
        open=True,
    ).result()
    store.write(data.astype(store.dtype.numpy_dtype)).result()


def write_checkpoint(folder, dtype, numpy_dtype, odd, scale):
    shutil.rmtree(folder, ignore_errors=True)
    sizes = {"L": LAYERS, "3": 3, "D": DIM * scale, "N": HEADS, "H": HEAD_DIM}
    sizes.update({"F": FFN * scale, "V": VOCAB * scale})
    index = [
        ["step", 250000],
        ["prng_key", {"dtype": "uint32", "shape": "(4,)"}],
    ]
    for number, (path, axes) in enumerate(ARRAYS):
        shape = tuple(sizes[letter] for letter in axes)
        parts = SHARDED.get(number, (1,) * len(shape))
        chunks = tuple(-(-size // part) for size, part in zip(shape, parts))
        if odd and number in ODD:
            chunks = ODD[number]
        data = value(number, shape)
        if numpy_dtype is not np.float32:
            data = data.astype(numpy_dtype)
        plain = odd and number == UNCOMPRESSED
        separator = "/" if odd and number == SLASHES else "."
        write_array(
            folder, path, data, dtype, chunks, None if plain else {"id": "zstd"}, separator
        )
        name = "model/" + path
        index.append([name, {"dtype": np.dtype(numpy_dtype).name, "shape": str(shape)}])
    with open(os.path.join(folder, "index"), "w", encoding="utf-8") as file:
        json.dump(index, file)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("folder")
    parser.add_argument("--scale", type=int, default=1)
    args = parser.parse_args()
    path = lambda name: os.path.join(args.folder, name)
    write_checkpoint(path("float32"), "<f4", np.float32, False, args.scale)
    write_checkpoint(path("bfloat16"), "bfloat16", ml_dtypes.bfloat16, True, args.scale)


if __name__ == "__main__":
    main()
