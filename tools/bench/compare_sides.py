"""The sides of a comparison as processes, and where to find the peers."""

import dataclasses
import hashlib
import json
import os
import select
import subprocess
import sys

import host

PEER_FOLDER = os.path.join(host.ROOT, "tools", "peer")
CACHE = os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "polarize"
)
SYSTEM_PYTHON = "/usr/bin/python3"
VENV_PYTHON = os.path.join(CACHE, "peers", "bin", "python")
COMPILER = "g++"


class Missing(Exception):
    """A peer that is not installed; the text says how to get it."""


class Skipped(Exception):
    """A case that a side cannot do; the text says why."""


class Broken(Exception):
    """A side that did not keep to the protocol."""


def environment(core_type=""):
    """One thread for every library, and no OpenBLAS settings but ours."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        env[name] = "1"
    if core_type:
        env["OPENBLAS_CORETYPE"] = core_type
    return env


WALL, CPU = 0, 1  # what a side's answer holds


class Side:
    """A process that obeys the lines of command_loop.h, pinned to some CPUs.

    Attributes:
      clock: WALL or CPU, which time counts.
      hello: what it said first.
    """

    def __init__(self, command, cpus, env=None, patience=300.0):
        self.command = command
        self.patience = patience
        self.clock = WALL
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=env or environment(),
            preexec_fn=lambda: os.sched_setaffinity(0, cpus),
            start_new_session=True,  # Ctrl-C is for us: we end it ourselves
        )
        self.hello = self._hello()

    def _hello(self):
        return json.loads(self._read_line())

    def _read_line(self):
        """A whole line; answers are short and come one at a time."""
        ready, _, _ = select.select([self.process.stdout], [], [], self.patience)
        if not ready:
            self._fail("no answer within %.0f seconds" % self.patience)
        line = self.process.stdout.readline()
        if not line:
            self._fail("ended early, exit code %d" % self.process.wait())
        return line.decode().strip()

    def _fail(self, what):
        self.close()
        raise Broken("%s: %s" % (" ".join(self.command), what))

    def _ask(self, line):
        try:
            self.process.stdin.write((line + "\n").encode())
            self.process.stdin.flush()
        except (BrokenPipeError, ValueError):
            self._fail("ended early, exit code %s" % self.process.poll())
        return self._read_line()

    def open(self, spec):
        answer = self._ask("open " + spec)
        if answer.startswith("skip"):
            raise Skipped(answer[5:])
        if answer != "ready":
            self._fail("said '%s' instead of 'ready'" % answer)

    def run(self, times):
        """Seconds that `times` runs took, by the side's own clock."""
        answer = self._ask("run %d" % times)
        try:
            seconds = float(answer.split()[self.clock])
        except (ValueError, IndexError):
            seconds = -1.0
        if not seconds >= 0:  # a clock may not notice a short run
            self._fail("answered '%s' instead of seconds" % answer)
        return seconds

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            try:
                pipe.close()
            except BrokenPipeError:
                pass  # what it was told last it never read


class _Descent(Side):
    """value_softmax.cc with a case."""

    def _hello(self):
        return {"target": self._read_line()}

    def _ask(self, line):
        return "- " + super()._ask(line)  # it tells CPU time alone


class Descents:
    """Our steps of section 3: a process of value_softmax.cc for each case."""

    def __init__(self, binary, cpus):
        self.binary, self.cpus, self.side = binary, cpus, None

    def open(self, spec):
        self.close()
        case = spec.partition("case=")[2]
        self.side = _Descent([self.binary, "--case=" + case], self.cpus)
        self.side.clock = CPU

    def run(self, times):
        return self.side.run(times)

    def close(self):
        if self.side:
            self.side.close()


@dataclasses.dataclass(frozen=True)
class Peer:
    """What our side is compared with.

    Attributes:
      key: what --peers matches.
      title: head of its column.
      kinds: kinds of cases that it may know.
      install: the command that gets it.
      python: which interpreter runs `script`; or
      library: with which to link `script`, a C++ file, instead.
      module: that the interpreter must have.
      arguments: of the script.
    """

    key: str
    title: str
    kinds: tuple
    install: str
    script: str
    python: str = ""
    module: str = ""
    library: str = ""
    arguments: tuple = ()


_DEBIAN = "sudo apt-get install --no-install-recommends "
_PIP = "tools/bench/peers.sh"


def peers():
    """Every peer, installed or not."""
    everything = ("linear", "softmax", "sigmoid", "step")
    rows = ("linear", "softmax", "sigmoid")
    return (
        Peer(
            "torch-debian",
            "PyTorch of Debian",
            everything,
            _DEBIAN + "python3-torch libopenblas0-pthread",
            "torch_side.py",
            SYSTEM_PYTHON,
            "torch",
        ),
        Peer(
            "torch-pip",
            "PyTorch of pip",
            everything,
            _PIP,
            "torch_side.py",
            VENV_PYTHON,
            "torch",
        ),
        Peer(
            "torch-compile",
            "torch.compile",
            ("step",),
            _PIP,
            "torch_side.py",
            VENV_PYTHON,
            "torch",
            arguments=("--compile",),
        ),
        Peer("jax", "JAX", everything, _PIP, "jax_side.py", VENV_PYTHON, "jax"),
        Peer(
            "numpy",
            "NumPy of pip",
            ("linear", "descent"),
            _PIP,
            "numpy_side.py",
            VENV_PYTHON,
            "numpy",
        ),
        Peer(
            "openblas",
            "OpenBLAS",
            ("linear",),
            _DEBIAN + "g++ libopenblas-dev",
            "openblas_side.cc",
            library="openblas",
        ),
        Peer(
            "onednn",
            "oneDNN",
            rows,
            _DEBIAN + "g++ libdnnl-dev",
            "onednn_side.cc",
            library="dnnl",
        ),
        Peer(
            "xnnpack",
            "XNNPACK",
            rows,
            _DEBIAN + "g++ libxnnpack-dev libpthreadpool-dev",
            "xnnpack_side.cc",
            library="XNNPACK",
        ),
    )


def _has_module(python, module):
    code = "import importlib.util, sys; sys.exit(not importlib.util.find_spec(%r))"
    try:
        return not subprocess.run(
            [python, "-c", code % module], stderr=subprocess.DEVNULL
        ).returncode
    except OSError:
        return False


def _compile(source, library):
    """The program made of a peer's C++ file; built once for each text of it."""
    loop = os.path.join(host.ROOT, "tools", "bench", "command_loop.h")
    text = b""
    for path in (source, loop):
        with open(path, "rb") as file:
            text += file.read()
    folder = os.path.join(CACHE, "peer_programs")
    stem = os.path.splitext(os.path.basename(source))[0]
    program = os.path.join(folder, stem + "-" + hashlib.sha256(text).hexdigest()[:12])
    if os.path.exists(program):
        return program
    aside = "%s.%d" % (program, os.getpid())
    command = [COMPILER, "-std=c++17", "-O2", "-I" + host.ROOT, source, "-o", aside]
    try:
        os.makedirs(folder, exist_ok=True)
        made = subprocess.run(
            command + ["-l" + library], stderr=subprocess.PIPE, universal_newlines=True
        )
    except OSError as error:
        raise Missing("%s: %s" % (error.filename, error.strerror))
    if made.returncode:
        errors = [line for line in made.stderr.splitlines() if "error" in line]
        raise Missing((errors or [made.stderr.strip() or "g++ failed"])[0])
    os.replace(aside, program)
    return program


def _debian_version(package):
    try:
        return subprocess.run(
            ["dpkg-query", "-W", "-f=${Version}", package],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            universal_newlines=True,
        ).stdout.strip()
    except OSError:
        return ""


def start_peer(peer, cpus):
    """The peer's process; raises Missing with the reason."""
    script = os.path.join(PEER_FOLDER, peer.script)
    if peer.library:
        program = _compile(script, peer.library)
        core = host.openblas_core() if peer.library == "openblas" else ""
        side = Side([program], cpus, environment(core))
        # XNNPACK does not know its own.
        side.hello["version"] = side.hello["version"] or _debian_version(
            "lib%s-dev" % peer.library.lower()
        )
        return side
    if not _has_module(peer.python, peer.module):
        raise Missing("%s has no module %s" % (peer.python, peer.module))
    return Side([peer.python, script, *peer.arguments], cpus)


def start_ours(binary, cpus):
    if not os.access(binary, os.X_OK):
        sys.exit("%s: not there; ./bazelw build //tools/bench:all makes it" % binary)
    return Side([binary], cpus)
