"""One thread of the fastest OpenBLAS kernels that this CPU can run.

Import before torch: OpenBLAS reads its environment when it is loaded.

OpenBLAS 0.3.21 knows CPUs by model number and takes a newer one for a
Prescott, whose SSE3 kernels multiply matrices four times slower than the
AVX-512 ones. A comparison with that PyTorch would flatter us, so the choice
is made here from the CPU's flags, unless OPENBLAS_CORETYPE is set already.
"""

import ctypes
import os
import sys

_AVX512 = {"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"}
_AVX2 = {"avx2", "fma"}


def cpu_info(key):
    """The first value of a key of /proc/cpuinfo, or an empty string."""
    try:
        with open("/proc/cpuinfo") as lines:
            for line in lines:
                name, _, value = line.partition(":")
                if name.strip() == key:
                    return value.strip()
    except OSError:
        pass
    return ""


def _choose_kernels():
    assert "torch" not in sys.modules, "import blas before torch"
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    flags = set(cpu_info("flags").split())
    if _AVX512 <= flags:
        os.environ.setdefault("OPENBLAS_CORETYPE", "SkylakeX")
    elif _AVX2 <= flags:
        os.environ.setdefault("OPENBLAS_CORETYPE", "Haswell")


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
