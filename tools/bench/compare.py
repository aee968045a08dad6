#!/usr/bin/env python3
"""Times our kernels and training steps against other libraries, on one core.

  ./bazelw run //tools/bench:compare                     about ten minutes
  ./bazelw run //tools/bench:compare -- --quick          about one
  ./bazelw run //tools/bench:compare -- --only 'step/' --peers torch --json=out.json
  ./bazelw run //tools/bench:compare -- --list           names of cases and peers

Every side is a process of its own, pinned to the same CPU and silent until it is
told to run (command_loop.h). Ours and a peer's take turns; their ratio is taken
within each pair of runs, so that a neighbour's load disturbs both alike. Tables
go to standard output, progress to standard error.

Peers are optional. What is missing is named with the command that installs it;
tools/bench/peers.sh installs all of them.
"""

import argparse
import json
import math
import os
import re
import sys
import time

sys.dont_write_bytecode = True  # the sources are behind the links
_HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [_HERE, os.path.join(os.path.dirname(_HERE), "peer")]

import compare_cases
import compare_report
import compare_sides
import host

# Seconds that one run should last at least, so that a clock's and a pipe's share
# is small; a step is long anyway.
SLICE = {
    "linear": 0.01,
    "softmax": 0.01,
    "sigmoid": 0.01,
    "step": 0.05,
    "descent": 0.05,
    "machine": 0.001,
}
ONE_THREAD = "one-thread"
BINARIES = os.path.join(host.ROOT, "bazel-bin", "tools", "bench")
CLOCKS = {"wall": compare_sides.WALL, "cpu": compare_sides.CPU}
RESULTS = os.path.join(host.ROOT, "docs", "results", "speed")
# What XNNPACK, made for inference, says to half of the cases.
KNOWN_GAPS = ("no gradients",)
# Others' work on this many CPUs shows in the figures.
BUSY = 0.5


class OutOfTime(Exception):
    pass


def say(text):
    print(text, file=sys.stderr, flush=True)


def governor(core):
    path = "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_governor" % core
    try:
        with open(path) as file:
            return file.read().strip()
    except OSError:
        return "unknown"


def context_of(options):
    return {
        **host.context(),
        "cpu_flags": host.cpu_info("flags"),
        "core": options.core,
        "governor": governor(options.core),
        "pairs": options.pairs,
        "clock": options.clock,
        "sides": {},
    }


class Comparison:
    """The processes and what they have told so far."""

    def __init__(self, options):
        self.options = options
        self.started = time.monotonic()
        self.deadline = self.started + options.seconds
        self.context = context_of(options)
        self.machine = {}
        self.results = []  # (case, peer key, figures)
        self.skipped = []  # (what, why)
        self.sides = {}  # key -> Side, None where it is missing
        self.titles = {}

    def elapsed(self):
        return time.monotonic() - self.started

    def close(self):
        for side in self.sides.values():
            if side:
                side.close()

    # Sides.

    def keep(self, key, side):
        self.sides[key] = side
        self.context["sides"][key] = side.hello
        return side

    def ours(self, threads=1):
        key = "polarize" if threads == 1 else "polarize-%d" % threads
        if key not in self.sides:
            cpus = self.options.cpus[:threads]
            side = compare_sides.start_ours(self.options.binary, cpus)
            self.keep(key, side)
        return self.sides[key]

    def descents(self):
        if "descents" not in self.sides:
            binary = self.options.descents
            self.sides["descents"] = compare_sides.Descents(
                binary, self.options.cpus[:1]
            )
        return self.sides["descents"]

    def peer(self, peer):
        if peer.key not in self.sides:
            self.sides[peer.key] = None
            try:
                side = compare_sides.start_peer(peer, self.options.cpus[:1])
                self.keep(peer.key, side)
                self.titles[peer.key] = self.title(peer, side.hello)
            except (compare_sides.Missing, compare_sides.Broken, ValueError) as error:
                why = "not run (%s); %s installs it" % (error, peer.install)
                self.skip(peer.title, why)
        return self.sides[peer.key]

    def title(self, peer, hello):
        if peer.key.startswith("torch-") and peer.key != "torch-compile":
            return "PyTorch " + re.match(r"[0-9.]*[0-9]", hello["version"]).group()
        return peer.title

    def skip(self, what, why):
        say("left out: %s: %s" % (what, why))
        self.skipped.append((what, why))

    # Times.

    def prepare(self, side, spec, clock=None):
        """Opens a case and returns how often to run it in one slice."""
        side.open(spec)
        side.clock = CLOCKS[self.options.clock] if clock is None else clock
        side.run(1)  # the first meets cold caches, and compilers
        target = SLICE[spec.split()[0]]
        times, seconds = 1, side.run(1)
        while seconds < target / 2:
            times *= min(math.ceil(target / max(seconds, 1e-6)), 100)
            seconds = side.run(times)
        return times

    def measure_machine(self):
        """The best seen of each figure, before and after everything else."""
        ours = self.ours()
        n = compare_cases.MEMORY_NUMBERS
        for name, amount in (
            ("fma", 2 * 12 << 21),
            ("bfloat16", 2 * 12 << 21),
            ("read", 4 * n),
            ("copy", 2 * 4 * n),
            ("triad", 3 * 4 * n),
        ):
            spec = "machine op=%s" % name
            if name in ("read", "copy", "triad"):
                spec += " n=%d" % n
            try:
                times = self.prepare(ours, spec)
            except compare_sides.Skipped:
                continue
            best = min(ours.run(times) for _ in range(30)) / times
            self.machine[name] = max(self.machine.get(name, 0.0), amount / best)

    def pairs(self, case, key, ours, our_times, side, times):
        """Runs in turns, and keeps what they took."""
        our_seconds, seconds = [], []
        for _ in range(self.options.pairs):
            our_seconds.append(ours.run(our_times) / our_times)
            if side:
                seconds.append(side.run(times) / times)
        if side:
            figures = compare_report.compare(our_seconds, seconds)
            text = compare_report.ratio_text(figures["ratio"])
        else:
            spread = compare_report.spread(our_seconds)
            figures = {"ours_seconds": dict(spread, pairs=our_seconds)}
            text = compare_report.time_text(spread["median"])
        self.results.append((case, key, figures))
        what = "%-42s %-14s %s" % (case.name, key or "alone", text)
        say("%5.0f s  %s" % (self.elapsed(), what))

    def check_time(self):
        if time.monotonic() > self.deadline:
            raise OutOfTime()

    def measure(self, case, peers):
        """One case: ours against every peer in turn, or alone."""
        spec = case.ours or case.spec
        if case.group == "threads":
            return self.measure_threads(case)
        descent = case.group == "descents"
        ours = self.descents() if descent else self.ours()
        clock = compare_sides.CPU if descent else None
        try:
            our_times = self.prepare(ours, spec, clock)
        except compare_sides.Skipped as why:
            return self.skip(case.name, str(why))
        compared = False
        for peer in peers:
            if case.spec.split()[0] not in peer.kinds:
                continue
            if peer.key in case.without and not self.options.all:
                continue
            self.check_time()
            side = self.peer(peer)
            if not side:
                continue
            try:
                times = self.prepare(side, case.spec, clock)
                self.pairs(case, peer.key, ours, our_times, side, times)
                compared = True
            except compare_sides.Skipped as why:
                if str(why) not in KNOWN_GAPS:
                    self.skip("%s with %s" % (case.name, peer.title), str(why))
            except compare_sides.Broken as why:
                self.skip("%s with %s" % (case.name, peer.title), str(why))
                self.sides[peer.key] = None
        if not compared:
            self.pairs(case, "", ours, our_times, None, 0)

    def measure_threads(self, case):
        """Our two threads against our one."""
        if len(self.options.cpus) < 2:
            return self.skip(case.name, "only one CPU may be used")
        self.titles[ONE_THREAD] = "one thread"
        two, one = self.ours(2), self.ours()
        our_times = self.prepare(two, case.ours, compare_sides.WALL)
        times = self.prepare(one, case.spec, compare_sides.WALL)
        self.pairs(case, ONE_THREAD, two, our_times, one, times)

    def run(self, cases, peers):
        """Everything, until time is up."""
        self.measure_machine()
        for i, case in enumerate(cases):
            try:
                self.check_time()
                self.measure(case, peers)
            except OutOfTime:
                left = ", ".join(c.name for c in cases[i:])
                why = "the limit of %g seconds" % self.options.seconds
                self.skip("%d cases (%s)" % (len(cases) - i, left), why)
                break
        self.measure_machine()

    def report(self):
        self.context["seconds"] = self.elapsed()
        self.context["load_average_after"] = os.getloadavg()
        order = [ONE_THREAD] + [peer.key for peer in compare_sides.peers()]
        titles = {key: self.titles[key] for key in order if key in self.titles}
        told = (self.context, self.machine, self.results, self.skipped)
        text = compare_report.markdown(*told, titles) + "\n"
        figures = json.dumps(compare_report.as_json(*told), separators=(",", ":")) + "\n"
        print(text, end="")
        if self.options.json:
            user_folder = os.environ.get("BUILD_WORKING_DIRECTORY", "")
            write(os.path.join(user_folder, self.options.json), figures)
        if self.options.save:
            stem = os.path.join(RESULTS, machine_name(self.context))
            write(stem + ".md", text)
            write(stem + ".json", figures)


def machine_name(context):
    """A file's name for this kind of machine."""
    model = re.sub(r"[^a-z0-9]+", "-", context["cpu_model"].lower()).strip("-")
    return "%s-%s" % (model, context["cpu_family_model"].replace("/", "-"))


def write(path, text):
    host.write_whole(path, text)
    say("wrote " + path)


def regular_expression(text):
    try:
        return re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError("'%s': %s" % (text, error))


def parse_arguments(argv):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )

    def add(name, text, **more):
        parser.add_argument(name, help=text, **more)

    def add_flag(name, text):
        add(name, text, action="store_true")

    def add_pattern(name, text):
        add(name, text, type=regular_expression, default="", metavar="REGEX")

    add_flag("--quick", "few cases, 3 pairs, about a minute at most")
    add_flag("--all", "every size, and every step with every peer")
    add_pattern("--only", "cases whose name matches")
    add_pattern("--peers", "peers whose name matches")
    add("--pairs", "of runs per comparison (default 7)", type=int, metavar="N")
    add("--seconds", "none begins later (default 600)", type=float, metavar="S")
    add("--core", "CPU to pin to (default: the last allowed)", type=int, metavar="N")
    add("--json", "where to write all figures as well", metavar="FILE")
    add_flag("--save", "write docs/results/speed/MACHINE.md and .json")
    add_flag("--list", "print names and end")
    text = "of every run: wall (default) or cpu, for a machine that others use too"
    add("--clock", text, choices=CLOCKS, default="wall")
    add("--binary", argparse.SUPPRESS, default=os.path.join(BINARIES, "side"))
    add(
        "--descents",
        argparse.SUPPRESS,
        default=os.path.join(BINARIES, "value_softmax"),
    )
    options = parser.parse_args(argv)
    if options.quick and options.all:
        parser.error("--quick and --all contradict each other")
    if options.pairs is None:
        options.pairs = 3 if options.quick else 7
    if options.seconds is None:
        options.seconds = 55.0 if options.quick else 3600.0 if options.all else 600.0
    if options.pairs < 1:
        parser.error("--pairs: must be at least 1")
    if not options.seconds > 0:
        parser.error("--seconds: must be above 0")
    allowed = sorted(os.sched_getaffinity(0))
    if options.core is None:
        options.core = allowed[-1]
    if options.core not in allowed:
        parser.error("--core=%d: this process may use %s" % (options.core, allowed))
    options.cpus = [options.core] + [c for c in allowed if c != options.core]
    options.binary = os.path.abspath(options.binary)
    options.descents = os.path.abspath(options.descents)
    return options


def chosen_cases(options):
    """What was asked for by name; else what --quick, --all or neither means."""
    return [
        case
        for case in compare_cases.all_cases()
        if options.only.search(case.name)
        and (case.quick or not options.quick)
        and (options.all or not case.costly)
    ]


def main(argv):
    options = parse_arguments(argv)
    cases = chosen_cases(options)
    peers = [p for p in compare_sides.peers() if options.peers.search(p.key)]
    if options.quick and not options.peers.pattern:
        peers = [p for p in peers if p.key != "torch-compile"]
    if options.list:
        print("\n".join(["cases:"] + ["  " + case.name for case in cases]))
        print("\n".join(["peers:"] + ["  " + peer.key for peer in peers]))
        return 0
    if not cases:
        sys.exit("--only=%s: no such case; --list prints them" % options.only.pattern)
    comparison = Comparison(options)
    code = 0
    try:
        say("%d cases, at most %.0f seconds" % (len(cases), options.seconds))
        if os.getloadavg()[0] > BUSY:
            text = "the machine is busy (load average %.1f): ratios will spread; "
            text += "--clock=cpu helps"
            say(text % os.getloadavg()[0])
        comparison.run(cases, peers)
    except KeyboardInterrupt:
        comparison.skip("the rest", "interrupted")
        code = 130
    except compare_sides.Broken as error:
        comparison.skip("the rest", str(error))
        code = 1
    finally:
        comparison.close()
    comparison.report()
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
