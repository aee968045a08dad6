"""The machine and the source tree that a comparison ran on, and writing it down."""

import os
import platform
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

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


def openblas_core():
    """OPENBLAS_CORETYPE for the fastest kernels of an OpenBLAS that this CPU can run.

    OpenBLAS 0.3.21 knows CPUs by model number and takes a newer one for a
    Prescott, whose SSE3 kernels multiply matrices four times slower than the
    AVX-512 ones. A comparison with that would flatter us, so the choice is made
    from the CPU's flags. Empty where it is better left to OpenBLAS.
    """
    flags = set(cpu_info("flags").split())
    if _AVX512 <= flags:
        return "SkylakeX"
    return "Haswell" if _AVX2 <= flags else ""


def pin(cpu):
    """Pins this process, and with it every child, to one CPU: None takes the last."""
    allowed = os.sched_getaffinity(0)
    if cpu is None:
        cpu = max(allowed)
    if cpu not in allowed:
        sys.exit("--cpu=%d: this process may use %s" % (cpu, sorted(allowed)))
    os.sched_setaffinity(0, {cpu})
    return cpu


def _git(*command):
    try:
        return subprocess.check_output(
            ("git", "-C", ROOT) + command,
            stderr=subprocess.DEVNULL,
            universal_newlines=True,
        ).strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def context():
    """What every record of a comparison begins with; `modified` None: unknown."""
    modified = _git("status", "--porcelain", "--untracked-files=no")
    return {
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": _git("rev-parse", "HEAD") or "unknown",
        "modified": None if modified is None else bool(modified),
        "cpu_model": cpu_info("model name") or platform.processor(),
        "cpu_family_model": "%s/%s" % (cpu_info("cpu family"), cpu_info("model")),
        "cpus": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_average": os.getloadavg(),
    }


def write_whole(path, text):
    """Whole or not at all."""
    aside = path + ".part"
    with open(aside, "w") as file:
        file.write(text)
    os.replace(aside, path)
