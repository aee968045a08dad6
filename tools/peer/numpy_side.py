#!/usr/bin/env python3
"""NumPy as one side of a comparison: section 3's steps, and matrix products.

The steps are those of tools/bench/value_softmax_vs_numpy.py. Products go to the
OpenBLAS that pip's NumPy brings, which is newer than Debian's.
"""

import ctypes
import os
import sys

sys.dont_write_bytecode = True  # these are sources

import numpy as np

from side import Unsupported, serve


def open_descent(case):
    here = os.path.dirname(os.path.realpath(__file__))
    sys.path.append(os.path.join(os.path.dirname(here), "bench"))
    try:
        import value_softmax_vs_numpy
    except ImportError as error:
        raise Unsupported(str(error))
    return value_softmax_vs_numpy.Numpy(case).run


def open_linear(op, rows, inner, outer):
    random = np.random.default_rng(0)

    def numbers(*shape):
        return random.random(shape, dtype=np.float32) * 4 - 2

    x, y, w = numbers(rows, inner), numbers(rows, outer), numbers(outer, inner)
    left, right, out = {
        "forward": (x, w.T, y),
        "input_gradient": (y, w, x),
        "weight_gradient": (y.T, x, w),
    }[op]

    def run(times):
        for _ in range(times):
            np.matmul(left, right, out=out)

    return run


OPENERS = {"linear": open_linear, "descent": open_descent}


def open_case(kind, values):
    if kind not in OPENERS:
        raise Unsupported()
    return OPENERS[kind](**values)


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
