#!/usr/bin/env python3
"""Checks the forward pass of the pretrained models against numpy in double.

The model below is written from the description of axlearn's gala models (RMSNorm,
hybrid norm, per-head query and key norm, ALiBi, softmax or sigmoid attention with
bias -ln 4096, SwiGLU) and shares no code with ours. Random small models and
prompts go through both; per-head statistics must agree within 1e-5, hidden states
within 1e-4 relative. What bfloat16 products change is printed beside it.

  bazel build //experiments/pretrained/model:check
  tools/peer/check_pretrained.py [--binary=PATH]

Needs numpy.
"""

import argparse
import csv
import os
import subprocess
import sys
import tempfile

import numpy as np

import safetensors_file

NEG_INF = -1e15
EPSILON = 1e-5
CONFIGURED_LENGTH = 4096  # of the sigmoid model, whatever a prompt's length
STATISTICS = 1e-5
HIDDEN = 1e-4


class Sizes:
    def __init__(self, dim, heads, head_dim, ffn, vocab=300, layers=2):
        self.dim, self.heads, self.head_dim, self.ffn = dim, heads, head_dim, ffn
        self.vocab, self.layers = vocab, layers


def random_model(rng, sizes):
    """Arrays as in the checkpoint, without its layer axis: a list of layers, and
    the embedding. Single precision, so that both sides start from the same."""

    def matrix(*shape, fan_in):
        return (rng.standard_normal(shape) / np.sqrt(fan_in)).astype(np.float32)

    def scale(size, mean):
        return (mean + 0.3 * rng.standard_normal(size)).astype(np.float32)

    d, n, h, f = sizes.dim, sizes.heads, sizes.head_dim, sizes.ffn
    layers = []
    for _ in range(sizes.layers):
        layers.append({
            "self_attention/prenorm/scale": scale(d, 1.0),
            "self_attention/postnorm/scale": scale(d, 0.8),
            # Sharp enough that heads differ.
            "scale_query/norm/scale": scale(h, 1.6),
            "scale_key/norm/scale": scale(h, 1.4),
            "qkv_proj/weight": matrix(3, d, n, h, fan_in=d),
            "o_proj/weight": matrix(d, n, h, fan_in=n * h),
            "feed_forward/prenorm/scale": scale(d, 1.1),
            "feed_forward/postnorm/scale": scale(d, 0.7),
            "linear1_0/weight": matrix(d, f, fan_in=d),
            "linear1_1/weight": matrix(d, f, fan_in=d),
            "linear2/weight": matrix(f, d, fan_in=f),
        })
    return layers, matrix(sizes.vocab, d, fan_in=1)


def rms_norm(x, scale):
    moment = np.mean(x * x, axis=-1, keepdims=True)
    return x / np.sqrt(moment + EPSILON) * scale.astype(np.float64)


def alibi_slopes(heads):
    start = 2.0 ** (-(2.0 ** -(np.log2(heads) - 3)))
    return np.array([start * start**i for i in range(heads)])


def logit_bias(ids, heads):
    """[batch, head, query, key]: ALiBi, causal and segment masks, added up."""
    length = ids.shape[1]
    position = np.arange(length)
    distance = position[None, :] - position[:, None]  # key less query
    bias = (alibi_slopes(heads)[:, None, None] * distance)[None]
    bias = bias + (distance > 0) * NEG_INF
    real = (ids != 0)[:, ::-1]
    segment = np.maximum.accumulate(real, axis=1)[:, ::-1]
    other = segment[:, None, :, None] != segment[:, None, None, :]
    return bias + other * NEG_INF


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e))


def forward(layers, embedding, ids, attention):
    """Every layer's input [B, T, D] and probabilities [B, N, T, T]."""
    w = lambda name: layer[name].astype(np.float64)
    x = embedding.astype(np.float64)[ids]
    heads = layers[0]["o_proj/weight"].shape[1]
    bias = logit_bias(ids, heads)
    inputs, probabilities = [], []
    for layer in layers:
        inputs.append(x)
        a = rms_norm(x, layer["self_attention/prenorm/scale"])
        q, k, v = np.einsum("btd,pdnh->pbtnh", a, w("qkv_proj/weight"), optimize=True)
        q = rms_norm(q, layer["scale_query/norm/scale"]) * q.shape[-1] ** -0.5
        k = rms_norm(k, layer["scale_key/norm/scale"])
        s = np.einsum("binh,bjnh->bnij", q, k, optimize=True)
        if attention == "softmax":
            p = softmax(s + bias)
        else:
            p = sigmoid(s + (bias - np.log(CONFIGURED_LENGTH)))
        probabilities.append(p)
        c = np.einsum("bnij,bjnh->binh", p, v, optimize=True)
        out = np.einsum("btnh,dnh->btd", c, w("o_proj/weight"), optimize=True)
        x = x + rms_norm(out, layer["self_attention/postnorm/scale"])
        f = rms_norm(x, layer["feed_forward/prenorm/scale"])
        gate = f @ w("linear1_0/weight")
        hidden = gate * sigmoid(gate) * (f @ w("linear1_1/weight"))
        x = x + rms_norm(hidden @ w("linear2/weight"), layer["feed_forward/postnorm/scale"])
    return inputs, probabilities


def statistics(probabilities, ids):
    """Token-weighted means, each [layer, head]."""
    valid = ids != 0
    count = valid.sum()
    mean = lambda a: np.array([(x * valid[:, None, :]).sum(axis=(0, 2)) / count for x in a])
    total = [p.sum(axis=-1) for p in probabilities]
    share = [p / (t[..., None] + 1e-9) for p, t in zip(probabilities, total)]
    entropy = []
    for p, t in zip(probabilities, total):
        n = p / t[..., None]
        entropy.append(-np.sum(n * np.log(np.where(n > 0, n, 1)), axis=-1))
    received = [np.einsum("bnij,bi->bnj", s, valid.astype(float)) for s in share]
    mean_sum = mean(total)
    spread = np.sqrt(mean([t * t for t in total]) - mean_sum**2)
    return {
        "score": mean([p.max(axis=-1) for p in probabilities]),
        "first_token_proportion": mean([s[..., 0] for s in share]),
        "max_share": mean([s.max(axis=-1) for s in share]),
        "largest_key_share": np.array([r.max(axis=-1).sum(axis=0) / count for r in received]),
        "entropy": mean(entropy),
        "row_sum": mean_sum,
        "row_sum_deviation": spread,
    }


def write_packed(folder, layers, embedding, ids):
    """The files that our side reads; matrices with the input dimension first."""
    for index, layer in enumerate(layers):
        qkv, o = layer["qkv_proj/weight"], layer["o_proj/weight"]
        d = qkv.shape[1]
        safetensors_file.write(
            os.path.join(folder, "layer_%02d.safetensors" % index),
            {
                "attention_prenorm": layer["self_attention/prenorm/scale"],
                "attention_postnorm": layer["self_attention/postnorm/scale"],
                "query_norm": layer["scale_query/norm/scale"],
                "key_norm": layer["scale_key/norm/scale"],
                "ffn_prenorm": layer["feed_forward/prenorm/scale"],
                "ffn_postnorm": layer["feed_forward/postnorm/scale"],
                "q": qkv[0].reshape(d, -1),
                "k": qkv[1].reshape(d, -1),
                "v": qkv[2].reshape(d, -1),
                "o": np.ascontiguousarray(o.reshape(d, -1).T),
                "gate": layer["linear1_0/weight"],
                "up": layer["linear1_1/weight"],
                "down": layer["linear2/weight"],
            },
        )
    path = lambda name: os.path.join(folder, name + ".safetensors")
    safetensors_file.write(
        path("embedding"),
        {"embedding": embedding, "output_norm": np.ones(embedding.shape[1], np.float32)},
    )
    safetensors_file.write(path("ids"), {"ids": ids.astype(np.int32)})


def run_ours(binary, folder, attention, precision):
    with tempfile.TemporaryDirectory() as out:
        subprocess.run([binary, folder, attention, precision, out, "2"], check=True)
        hidden = safetensors_file.read(os.path.join(out, "hidden.safetensors"))
        arrays = {
            name: np.load(os.path.join(out, "%s_%s.npy" % (name, attention)))
            for name in ("max_proportion", "first_token_proportion")
        }
        with open(os.path.join(out, "pretrained.csv"), newline="") as file:
            rows = list(csv.DictReader(file))
    shape = arrays["max_proportion"].shape
    table = {
        name: np.array([float(row[name]) for row in rows]).reshape(shape)
        for name in rows[0]
        if name not in ("model", "layer", "head")
    }
    # The arrays are the table's columns, bit for bit.
    assert np.array_equal(arrays["max_proportion"], table["score"])
    assert np.array_equal(arrays["first_token_proportion"], table["first_token_proportion"])
    return hidden, table


def hidden_error(ours, inputs, ids):
    """The largest relative error of a row, over what is no padding."""
    worst = 0.0
    real = ids != 0
    for index, x in enumerate(inputs):
        rows = np.concatenate([x[b][real[b]] for b in range(len(ids))])
        error = ours["layer_%02d" % index] - rows
        sizes = np.linalg.norm(rows, axis=1)
        worst = max(worst, float((np.linalg.norm(error, axis=1) / sizes).max()))
    return worst


def check(binary, seed, sizes, attention, ids):
    """Prints a line; whether both sides agree."""
    rng = np.random.default_rng(seed)
    layers, embedding = random_model(rng, sizes)
    inputs, probabilities = forward(layers, embedding, ids, attention)
    expected = statistics(probabilities, ids)
    with tempfile.TemporaryDirectory() as folder:
        write_packed(folder, layers, embedding, ids)
        hidden, table = run_ours(binary, folder, attention, "F32")
        _, rounded = run_ours(binary, folder, attention, "BF16")
    differences = {n: float(np.abs(table[n] - expected[n]).max()) for n in expected}
    worst = max(differences, key=differences.get)
    of_hidden = hidden_error(hidden, inputs, ids)
    bf16 = float(np.abs(rounded["score"] - expected["score"]).max())
    good = differences[worst] <= STATISTICS and of_hidden <= HIDDEN
    print(
        "%-7s D %4d H %3d F %4d, %d prompts to %3d tokens: score %.1e, worst %.1e (%s), "
        "hidden %.1e; score in bfloat16 %.1e  %s"
        % (attention, sizes.dim, sizes.head_dim, sizes.ffn, len(ids), ids.shape[1],
           differences["score"], differences[worst], worst, of_hidden, bf16,
           "ok" if good else "DIFFERS")
    )  # fmt: skip
    return good


def prompts(seed, lengths, longest, vocab):
    rng = np.random.default_rng(seed)
    ids = np.zeros((len(lengths), longest), dtype=np.int64)
    for row, length in zip(ids, lengths):
        row[:length] = rng.integers(1, vocab, length)
    return ids


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary", default="bazel-bin/experiments/pretrained/model/check")
    args = parser.parse_args()
    small, wide = Sizes(64, 4, 16, 176), Sizes(256, 4, 64, 700)
    cases = [
        (1, small, prompts(1, [40] * 5, 40, small.vocab)),
        (2, small, prompts(2, [1, 40, 17, 0, 25, 39], 40, small.vocab)),
        (3, wide, prompts(3, [256] * 2, 256, wide.vocab)),
        (4, wide, prompts(4, [256, 3, 100, 255], 256, wide.vocab)),
    ]
    good = True
    for seed, sizes, ids in cases:
        for attention in ("softmax", "sigmoid"):
            good &= check(os.path.abspath(args.binary), seed, sizes, attention, ids)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
