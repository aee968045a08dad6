"""Reads and writes safetensors files with numpy alone.

Format: the header's length (8 bytes, little-endian), a JSON header
{name: {dtype, shape, data_offsets: [begin, end]}}, then the bytes.
"""

import json
import struct

import numpy as np

_DTYPES = {"F64": "<f8", "F32": "<f4", "I64": "<i8", "I32": "<i4"}


def read(path):
    """A dictionary of arrays; ValueError if the file is damaged."""
    with open(path, "rb") as file:
        data = file.read()
    tensors = {}
    try:
        (length,) = struct.unpack_from("<Q", data)
        body = memoryview(data)[8 + length :]
        for name, entry in json.loads(data[8 : 8 + length]).items():
            if name != "__metadata__":
                begin, end = entry["data_offsets"]
                array = np.frombuffer(body[begin:end], _DTYPES[entry["dtype"]])
                tensors[name] = array.reshape(entry["shape"]).copy()
    except (struct.error, ValueError, KeyError, AttributeError) as error:
        raise ValueError("%s: no safetensors file: %s" % (path, error)) from error
    return tensors


def write(path, tensors):
    """Writes a dictionary of arrays, in its order."""
    header, blobs, offset = {}, [], 0
    for name, array in tensors.items():
        dtype = next(d for d, n in _DTYPES.items() if array.dtype == np.dtype(n))
        blobs.append(np.ascontiguousarray(array).tobytes())
        header[name] = {
            "dtype": dtype,
            "shape": list(array.shape),
            "data_offsets": [offset, offset + len(blobs[-1])],
        }
        offset += len(blobs[-1])
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the bytes begin aligned
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))
