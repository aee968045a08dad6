#!/usr/bin/env python3
"""NumPy as one side of a comparison: matrix products by the OpenBLAS it brings.

pip's NumPy has a newer OpenBLAS than Debian, which knows newer CPUs.
"""

import ctypes
import sys

sys.dont_write_bytecode = True  # these are sources

import numpy as np

from side import Unsupported, serve


def open_case(kind, values):
    if kind != "linear":
        raise Unsupported()
    rows, inner, outer = (values[name] for name in ("rows", "inner", "outer"))
    random = np.random.default_rng(0)

    def numbers(*shape):
        return random.random(shape, dtype=np.float32) * 4 - 2

    x, y, w = numbers(rows, inner), numbers(rows, outer), numbers(outer, inner)
    left, right, out = {
        "forward": (x, w.T, y),
        "input_gradient": (y, w, x),
        "weight_gradient": (y.T, x, w),
    }[values["op"]]

    def run(times):
        for _ in range(times):
            np.matmul(left, right, out=out)

    return run


def describe():
    """Version of the BLAS that is loaded, and the CPU that it takes this for."""
    build = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    words = [build["name"], build["version"]]
    with open("/proc/self/maps") as lines:
        paths = {line.split()[-1] for line in lines if "openblas" in line}
    for path in paths:
        library = ctypes.CDLL(path)
        for name in ("scipy_openblas_get_corename64_", "openblas_get_corename"):
            if hasattr(library, name):
                function = getattr(library, name)
                function.restype = ctypes.c_char_p
                words.append(function().decode())
    return " ".join(words)


if __name__ == "__main__":
    serve(
        {"name": "NumPy", "version": np.__version__, "detail": describe()},
        open_case,
    )
