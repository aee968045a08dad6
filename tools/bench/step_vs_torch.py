#!/usr/bin/env python3
"""Times training steps of our program and of PyTorch in turns.

  bazel build //tools/bench:step
  /usr/bin/python3 tools/bench/step_vs_torch.py --binary=bazel-bin/tools/bench/step \\
      [--attention_type=softmax] [--aux_loss_weight=0.2] [--out=RESULT.json]
  /usr/bin/python3 tools/bench/step_vs_torch.py --peer_only

A step is zero_grad, forward, loss, backward and the AdamW update on one batch
of induction data that is in memory already. Both run on one thread, pinned to
the same CPU, in turns: while one runs the other waits. Their ratio is taken
within each round, so a neighbour's load disturbs both alike; the median over
the rounds counts.

Our side is a child process, started as
  BINARY --attention_type=A --positional_type=P --aux_loss_weight=W
      --batch_size=B --threads=1 ARG...
It prints a line `ready` when its data and model are made, then answers every
line `run N` on its input with one line, the seconds that N further training
steps took (its own clock, decimal), and ends at the end of its input.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import time

_ROOT = os.path.normpath(os.path.dirname(os.path.abspath(__file__)) + "/../..")
sys.path.insert(0, os.path.join(_ROOT, "tools", "peer"))

import blas  # noqa: E402  before torch
import host  # noqa: E402
import torch  # noqa: E402

import model as peer  # noqa: E402
import optimisers  # noqa: E402

VOCAB_SIZE = 50
SEQ_LENGTH = 13
BATCHES = 8  # visited in turns


class Peer:
    """The default induction training in PyTorch."""

    def __init__(self, args):
        torch.set_num_threads(1)
        random.seed(0)
        count = BATCHES * args.batch_size
        data = peer.induction_data(count, VOCAB_SIZE, SEQ_LENGTH, True)
        self.batches = list(zip(*(part.split(args.batch_size) for part in data)))
        torch.manual_seed(0)
        config = peer.ModelConfig(
            attention_type=args.attention_type,
            positional_type=args.positional_type,
        )
        self.model = peer.Transformer(2 * VOCAB_SIZE, 2 * VOCAB_SIZE, config)
        self.optimizer = optimisers.make(self.model.parameters(), {})
        self.aux_loss_weight = args.aux_loss_weight
        self.step = 0

    def run(self, steps):
        start = time.perf_counter()
        for _ in range(steps):
            inputs, target = self.batches[self.step % len(self.batches)]
            self.optimizer.zero_grad()
            logits = self.model(inputs)
            loss = peer.induction_loss(logits, target, self.aux_loss_weight)
            loss.backward()
            self.optimizer.step()
            loss.item()
            self.step += 1
        return time.perf_counter() - start


class Binary:
    """Our program behind the protocol above."""

    def __init__(self, args):
        self.command = [
            args.binary,
            "--attention_type=" + args.attention_type,
            "--positional_type=" + args.positional_type,
            "--aux_loss_weight=%g" % args.aux_loss_weight,
            "--batch_size=%d" % args.batch_size,
            "--threads=1",
        ] + args.binary_arg
        try:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                universal_newlines=True,
                bufsize=1,
            )
        except OSError as error:
            sys.exit("%s: %s" % (args.binary, error.strerror))
        line = self._read_line()
        if line != "ready":
            self._fail("said '%s' instead of 'ready'" % line)

    def _fail(self, what):
        self.process.kill()
        self.process.wait()
        sys.exit("%s: %s" % (" ".join(self.command), what))

    def _read_line(self):
        line = self.process.stdout.readline()
        if not line:
            self._fail("ended early, exit code %d" % self.process.wait())
        return line.strip()

    def run(self, steps):
        try:
            self.process.stdin.write("run %d\n" % steps)
        except BrokenPipeError:
            self._fail("ended early, exit code %d" % self.process.wait())
        line = self._read_line()
        try:
            seconds = float(line)
        except ValueError:
            seconds = 0.0
        if not seconds > 0:
            self._fail("answered '%s' instead of seconds" % line)
        return seconds

    def close(self):
        self.process.stdin.close()
        return self.process.wait()


def context(args, cpu):
    return {
        **host.context(),
        "pinned_to_cpu": cpu,
        "torch": torch.__version__,
        "torch_threads": torch.get_num_threads(),
        "torch_blas": blas.describe(),
        "openblas_coretype": os.environ.get("OPENBLAS_CORETYPE", ""),
        "options": {
            name: getattr(args, name)
            for name in (
                "attention_type",
                "positional_type",
                "aux_loss_weight",
                "batch_size",
                "rounds",
                "steps",
                "warm_up",
                "binary_arg",
            )
        },
    }


def spread(values):
    return {
        "median": statistics.median(values),
        "min": min(values),
        "max": max(values),
        "all": values,
    }


def measure(sides, args):
    """Side -> milliseconds a step, one number a round."""
    for side in sides.values():
        side.run(args.warm_up)
    times = {name: [] for name in sides}
    for _ in range(args.rounds):
        for name, side in sides.items():
            times[name].append(1e3 * side.run(args.steps) / args.steps)
    return times


def report(times):
    result = {}
    for name, values in times.items():
        result[name + "_ms_per_step"] = spread(values)
    if "polarize" in times:
        pairs = [p / o for p, o in zip(times["torch"], times["polarize"])]
        result["speedup"] = spread(pairs)
        result["speedup_of_medians"] = statistics.median(
            times["torch"]
        ) / statistics.median(times["polarize"])
    for name, values in result.items():
        if isinstance(values, dict):
            numbers = tuple(values[key] for key in ("median", "min", "max"))
            print("%-22s median %8.3f   min %8.3f   max %8.3f" % ((name,) + numbers))
        else:
            print("%-22s        %8.3f" % (name, values))
    return result


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    side = parser.add_mutually_exclusive_group(required=True)
    side.add_argument("--binary", help="our benchmark program")
    side.add_argument("--peer_only", action="store_true", help="time PyTorch alone")
    parser.add_argument(
        "--binary_arg", action="append", default=[], help="passed on (repeatable)"
    )
    parser.add_argument(
        "--attention_type", default="softmax", choices=peer.ATTENTION_TYPES
    )
    parser.add_argument(
        "--positional_type", default="concat", choices=peer.POSITIONAL_TYPES
    )
    parser.add_argument("--aux_loss_weight", type=float, default=0.2)
    parser.add_argument("--batch_size", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=3, help="in a row, per round")
    parser.add_argument("--warm_up", type=int, default=5, help="steps before")
    parser.add_argument("--cpu", type=int, help="default: the last one allowed")
    parser.add_argument("--out", help="where to write the result as JSON")
    args = parser.parse_args()
    for name in ("batch_size", "rounds", "steps", "warm_up"):
        if getattr(args, name) < 1:
            parser.error("--%s: must be at least 1" % name)
    return args


def main():
    args = parse_arguments()
    cpu = host.pin(args.cpu)
    sides = {"torch": Peer(args)}
    if not args.peer_only:
        sides["polarize"] = Binary(args)
    print("PyTorch %s, %s" % (torch.__version__, blas.describe()))
    if not blas.is_openblas():
        print("WARNING: without OpenBLAS PyTorch is many times slower than it can be")
    start = context(args, cpu)
    times = measure(sides, args)
    result = dict(start, load_average_after=os.getloadavg(), **report(times))
    if "polarize" in sides:
        code = sides["polarize"].close()
        if code:
            sys.exit("%s: exit code %d" % (args.binary, code))
    if args.out:
        host.write_whole(args.out, json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
