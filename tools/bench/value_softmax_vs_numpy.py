#!/usr/bin/env python3
"""Times steps of section 3's descents, of our program and of NumPy, in turns.

  bazel build //tools/bench:value_softmax
  PYTHON tools/bench/value_softmax_vs_numpy.py \\
      --binary=bazel-bin/tools/bench/value_softmax [--json=RESULT.json]

NumPy's steps are those of the reference's notebook, in form: logistic, condition
numbers and kl with a function for each gradient, which computes the forward pass
again, and scipy.special's softmax; the others with one forward pass and a softmax
by hand. Parameters change in place; losses and histories are left out on both
sides. --lean times, in addition, a NumPy that shares one forward pass, keeps
what does not change and calls no SciPy: what there is to gain without leaving
Python. Both sides begin again after as many steps as the family has. Run it with
each Python whose NumPy is to be compared.

Both run on one thread, pinned to the same CPU, in turns: while one runs the other
waits. CPU time counts, and a ratio is taken within each round, so that a
neighbour's load disturbs both alike; the median over the rounds counts. OpenBLAS
chooses its kernels itself: variables that would choose for it are removed, and
the program starts itself again without them.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
# OpenBLAS reads these when it is loaded.
_CHOOSERS = "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"
if any(name in os.environ for name in _CHOOSERS):
    for _name in _CHOOSERS:
        os.environ.pop(_name, None)
    os.execv(sys.executable, [sys.executable] + sys.argv)

try:
    import numpy as np
    import scipy
    from scipy.special import expit, softmax
except ImportError as error:
    sys.exit("needs NumPy and SciPy (Debian: python3-numpy, python3-scipy): %s" % error)

_ROOT = os.path.normpath(os.path.dirname(os.path.abspath(__file__)) + "/../..")
sys.path.insert(0, os.path.join(_ROOT, "tools", "peer"))

import host  # noqa: E402
import value_softmax as peer  # noqa: E402

# Case -> its name in the table, and after how many steps both sides begin again
# (the family's).
CASES = {
    "logistic": ("logistic 8x8", 1000000),
    "normalisations_square/softmax": ("square 10x10", 5000),
    "normalisations_logistic/softmax": ("logistic 10x10", 100000),
    "tied/10": ("tied, D = 10", 10000),
    "tied/20": ("tied, D = 20", 10000),
    "tied/50": ("tied, D = 50", 10000),
    "tied/100": ("tied, D = 100", 10000),
    "condition_numbers/1": ("condition numbers 20x20x20", 300000),
    "kl": ("kl 10x10", 10000000),
}


# The steps as the reference has them. Each class holds V and a, in place.


class Start:
    """V, a and the problem of a family's configuration."""

    def __init__(self, loss, size, lr, tied=False, **init):
        defaults = {
            "seed": 123,
            "order": "values_first",
            "values": "normal",
            "value_scale": 0.1,
            "attention_mean": 0,
            "attention_scale": 0,
            "target": "unit_normal",
            "target_scale": 10,
        }
        model = peer.Model(
            {
                "model": {
                    "features": size,
                    "latent": size,
                    "map": "softmax",
                    "temperature": 1,
                    "sink_logit": 0,
                    "learn_sink_logit": False,
                    "tied": tied,
                    "loss": loss,
                    "samples": size,
                    "condition_number": 1,
                    "entropy_penalty": 0,
                },
                "init": dict(defaults, **init),
            }
        )
        self.model, self.lr, self.b, self.X = model, lr, model.b, model.X
        self.restart()

    def restart(self):
        start = self.model.start.copy()
        self.V, self.a = start.V, start.a


class TwoGradients(Start):
    """A function for each gradient, both at the old point."""

    def step(self):
        gradient_V, gradient_a = self.gradient_V(), self.gradient_a()
        self.V -= self.lr * gradient_V
        self.a -= self.lr * gradient_a


class Logistic(TwoGradients):
    def gradient_V(self):
        s = softmax(self.a)
        gamma = expit(-np.dot(self.b, self.V @ s))
        return -gamma * np.outer(self.b, s)

    def gradient_a(self):
        s = softmax(self.a)
        gamma = expit(-np.dot(self.b, self.V @ s))
        g = -gamma * (self.V.T @ self.b)
        return s * g - s * np.dot(s, g)


class ConditionNumbers(TwoGradients):
    def gradient_V(self):
        s = softmax(self.a)
        rest = self.b - self.X @ (self.V @ s)
        return -2 * np.outer(self.X.T @ rest, s)

    def gradient_a(self):
        s = softmax(self.a)
        rest = self.b - self.X @ (self.V @ s)
        g = -2 * self.V.T @ (self.X.T @ rest)
        return s * g - s * np.dot(s, g)


class CrossEntropy(TwoGradients):
    def gradient_V(self):
        s = softmax(self.a)
        q = softmax(self.V @ s)
        return np.outer(q - self.b, s)

    def gradient_a(self):
        s = softmax(self.a)
        q = softmax(self.V @ s)
        g = self.V.T @ (q - self.b)
        return s * g - s * np.dot(s, g)


def softmax_by_hand(z):
    e = np.exp(z - np.max(z))
    return e / e.sum()


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class Square(Start):
    def step(self):
        s = softmax_by_hand(self.a)
        rest = self.V @ s - self.b
        gradient_V = np.outer(rest, s)
        g = self.V.T @ rest
        gradient_a = s * (g - np.sum(g * s))
        self.V -= self.lr * gradient_V
        self.a -= self.lr * gradient_a


class LogisticOnce(Start):
    def step(self):
        s = softmax_by_hand(self.a)
        slope = -(1 - sigmoid(np.dot(self.b, self.V @ s)))
        gradient_V = slope * np.outer(self.b, s)
        g = slope * (self.b @ self.V)
        gradient_a = s * (g - np.sum(g * s))
        self.V -= self.lr * gradient_V
        self.a -= self.lr * gradient_a


class Tied(Start):
    def step(self):
        z = self.V @ self.a
        s = softmax_by_hand(z)
        slope = -(1 - sigmoid(np.dot(self.b, self.V @ s)))
        g_beta = slope * self.b
        g = self.V.T @ g_beta
        g_z = s * (g - np.sum(g * s))
        gradient_V = np.outer(g_beta, s) + np.outer(g_z, self.a)
        gradient_a = self.V.T @ g_z
        self.V -= self.lr * gradient_V
        self.a -= self.lr * gradient_a


# The steps as fast as NumPy goes without another library.


class LeanStart(Start):
    def descend(self, g_beta, s, g):
        """Takes the step, from the gradients of beta and of s."""
        g_beta = self.lr * g_beta
        self.V -= g_beta[:, None] * s
        self.a -= self.lr * s * (g - g.dot(s))


def softmax_lean(z):
    e = np.exp(z - z.max())
    e /= e.sum()
    return e


class LeanLogistic(LeanStart):
    def step(self):
        s = softmax_lean(self.a)
        u = self.b.dot(self.V)
        gamma = 1 / (1 + np.exp(u.dot(s)))
        self.descend(-gamma * self.b, s, -gamma * u)


class LeanSquare(LeanStart):
    def step(self):
        s = softmax_lean(self.a)
        g_beta = self.V.dot(s) - self.b
        self.descend(g_beta, s, g_beta.dot(self.V))


class LeanConditionNumbers(LeanStart):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.gram, self.moment = 2 * self.X.T @ self.X, 2 * self.X.T @ self.b

    def step(self):
        s = softmax_lean(self.a)
        g_beta = self.gram.dot(self.V.dot(s)) - self.moment
        self.descend(g_beta, s, g_beta.dot(self.V))


class LeanCrossEntropy(LeanStart):
    def step(self):
        s = softmax_lean(self.a)
        g_beta = softmax_lean(self.V.dot(s)) - self.b
        self.descend(g_beta, s, g_beta.dot(self.V))


class LeanTied(LeanStart):
    def step(self):
        s = softmax_lean(self.V.dot(self.a))
        u = self.b.dot(self.V)
        gamma = 1 / (1 + np.exp(u.dot(s)))
        g = -gamma * u
        g_z = s * (g - g.dot(s))
        gradient_a = g_z.dot(self.V)
        # Both outer products as one product of thin matrices.
        left = np.array((-gamma * self.lr * self.b, self.lr * g_z))
        self.V -= left.T.dot(np.array((s, self.a)))
        self.a -= self.lr * gradient_a


def make(name, lean):
    """NumPy's side of a case, at its start."""
    family, _, variant = name.partition("/")
    both = {"seed": 42, "order": "target_first", "attention_mean": 1}
    both["attention_scale"] = 0.1
    if family == "logistic":
        return (LeanLogistic if lean else Logistic)("logistic", 8, 0.1)
    if family == "normalisations_square":
        return (LeanSquare if lean else Square)("square", 10, 0.1, **both)
    if family == "normalisations_logistic":
        kind = LeanLogistic if lean else LogisticOnce
        return kind("logistic", 10, 0.5, **both)
    if family == "tied":
        kind = LeanTied if lean else Tied
        size = int(variant)
        return kind("logistic", size, 0.05, tied=True, values="identity", **both)
    if family == "condition_numbers":
        scales = {"value_scale": 1e-5, "attention_scale": 1e-3, "target": "normal"}
        kind = LeanConditionNumbers if lean else ConditionNumbers
        return kind("regression", 20, 1e-3, **scales)
    assert family == "kl", name
    kind = LeanCrossEntropy if lean else CrossEntropy
    return kind("kl", 10, 0.1, target="softmax_uniform")


def check(name, lean):
    """NumPy's side computes what the model is; else no timing means anything."""
    side = make(name, lean)
    p, model = side.model.start.copy(), side.model
    for _ in range(20):
        change = -side.lr * model.gradient(p)
        p = model.to_point(model.to_vector(p) + change)
        side.step()
    for ours, theirs in ((side.V, p.V), (side.a, p.a)):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-13)


class Numpy:
    def __init__(self, name, lean=False):
        check(name, lean)
        self.side = make(name, lean)
        self.whole = self.left = CASES[name][1]

    def run(self, steps):
        step = self.side.step
        start = time.process_time()
        while steps > 0:
            now = min(steps, self.left)
            for _ in range(now):
                step()
            steps, self.left = steps - now, self.left - now
            if self.left == 0:
                self.side.restart()
                self.left = self.whole
        return time.process_time() - start


class Binary:
    """Our program, as //tools/bench:value_softmax describes itself."""

    def __init__(self, path, name):
        command = [path, "--case=" + name]
        try:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                universal_newlines=True,
                bufsize=1,
            )
        except OSError as error:
            sys.exit("%s: %s" % (path, error.strerror))
        word, _, self.target = self._read().partition(" ")
        if word != "ready":
            sys.exit("%s: said '%s' instead of 'ready'" % (path, word))

    def _read(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit("our program ended early, code %d" % self.process.wait())
        return line.strip()

    def run(self, steps):
        self.process.stdin.write("run %d\n" % steps)
        seconds = float(self._read())
        if not seconds > 0:
            sys.exit("our program answered %g instead of seconds" % seconds)
        return seconds

    def close(self):
        self.process.stdin.close()
        if self.process.wait():
            sys.exit("our program ended with code %d" % self.process.returncode)


def steps_for(side, seconds):
    """So many that they take about so long; warms up on the way."""
    steps = 10
    while True:
        taken = side.run(steps)
        if taken > seconds / 4:
            return max(1, int(steps * seconds / taken))
        steps *= 4


def spread(values):
    return {
        "median": statistics.median(values),
        "min": min(values),
        "max": max(values),
        "all": values,
    }


def measure(name, args):
    sides = {"numpy": Numpy(name), "polarize": Binary(args.binary, name)}
    if args.lean:
        sides["lean"] = Numpy(name, lean=True)
    steps = {key: steps_for(side, args.seconds) for key, side in sides.items()}
    times = {key: [] for key in sides}
    for _ in range(args.rounds):
        for key, side in sides.items():
            times[key].append(1e9 * side.run(steps[key]) / steps[key])
    sides["polarize"].close()
    result = {key + "_ns": spread(values) for key, values in times.items()}
    for key in sides:
        if key != "polarize":
            ratios = [n / p for n, p in zip(times[key], times["polarize"])]
            result[key + "_ratio"] = spread(ratios)
    result["target"] = sides["polarize"].target
    return result


def row(name, result, lean):
    cells = [
        CASES[name][0],
        "%.1f" % (result["numpy_ns"]["median"] / 1e3),
        "%.1f" % result["polarize_ns"]["median"],
        "%.0f" % result["numpy_ratio"]["median"],
        "%(min).0f to %(max).0f" % result["numpy_ratio"],
    ]
    if lean:
        cells.append("%.0f" % result["lean_ratio"]["median"])
        cells.append("%(min).0f to %(max).0f" % result["lean_ratio"])
    return "| " + " | ".join(cells) + " |"


def numpy_features():
    """The instruction sets that this NumPy has code for and this CPU runs."""
    core = getattr(np, "_core", None) or np.core
    umath = core._multiarray_umath
    found = [n for n in umath.__cpu_dispatch__ if umath.__cpu_features__.get(n)]
    return sorted(set(umath.__cpu_baseline__) | set(found))


def blas_libraries():
    with open("/proc/self/maps") as lines:
        paths = {line.split()[-1] for line in lines if "blas" in line}
    return sorted(os.path.realpath(path) for path in paths)


def context(args, cpu):
    return {
        **host.context(),
        "pinned_to_cpu": cpu,
        "numpy": np.__version__,
        "numpy_cpu_features": numpy_features(),
        "numpy_blas": blas_libraries(),
        "scipy": scipy.__version__,
        "rounds": args.rounds,
        "seconds": args.seconds,
    }


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--binary", required=True, help="//tools/bench:value_softmax")
    parser.add_argument(
        "--case", action="append", choices=CASES, help="repeatable; default: all"
    )
    parser.add_argument("--lean", action="store_true", help="see above")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument(
        "--seconds", type=float, default=0.2, help="of each side in each round"
    )
    parser.add_argument("--cpu", type=int, help="default: the last one allowed")
    parser.add_argument("--json", help="where to write the result")
    args = parser.parse_args()
    if args.rounds < 1 or not args.seconds > 0:
        parser.error("--rounds and --seconds must be positive")
    return args


def main():
    args = parse_arguments()
    cpu = host.pin(args.cpu)
    result = context(args, cpu)
    print(
        "NumPy %s (%s), SciPy %s; %s; load %.2f\n"
        % (
            np.__version__,
            " ".join(result["numpy_cpu_features"][-3:]),
            scipy.__version__,
            result["cpu_model"],
            result["load_average"][0],
        )
    )
    heads = ["a step of", "NumPy, us", "ours, ns", "ratio", "min to max"]
    heads += ["lean NumPy", "min to max"] if args.lean else []
    print("| " + " | ".join(heads) + " |")
    print("|---" + "|---:" * (len(heads) - 1) + "|")
    result["cases"] = {}
    for name in args.case or CASES:
        result["cases"][name] = measure(name, args)
        print(row(name, result["cases"][name], args.lean), flush=True)
    result["load_average_after"] = os.getloadavg()
    if args.json:
        host.write_whole(args.json, json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
