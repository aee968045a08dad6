"""One thread of the fastest OpenBLAS kernels that this CPU can run.

Import before torch: OpenBLAS reads its environment when it is loaded.

The kernels are chosen as in host.openblas_core, unless OPENBLAS_CORETYPE is set
already.
"""

import ctypes
import os
import sys

import host


def _choose_kernels():
    assert "torch" not in sys.modules, "import blas before torch"
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    core = host.openblas_core()
    if core:
        os.environ.setdefault("OPENBLAS_CORETYPE", core)


def describe():
    """OpenBLAS's own words on itself, or which BLAS libraries are loaded."""
    import torch

    torch.ones(64, 64) @ torch.ones(64, 64)
    with open("/proc/self/maps") as lines:
        paths = {line.split()[-1] for line in lines if "blas" in line}
    # Debian puts the symbols that torch calls into libblas.so.3, a library
    # of its own beside libopenblas, with kernels of its own.
    for path in sorted(paths, key=lambda p: "libblas.so" not in p):
        library = ctypes.CDLL(path)
        if hasattr(library, "openblas_get_config"):
            library.openblas_get_config.restype = ctypes.c_char_p
            threads = library.openblas_get_num_threads()
            return "%s, %d thread%s (%s)" % (
                library.openblas_get_config().decode().strip(),
                threads,
                "" if threads == 1 else "s",
                path,
            )
    return ", ".join(sorted(paths)) or "none loaded as a shared library"


def is_openblas():
    return "OpenBLAS" in describe()


_choose_kernels()
