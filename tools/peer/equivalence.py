#!/usr/bin/env python3
"""Tests whether our programs end where the reference ends, over ten seeds.

  ./bazelw build //experiments:induction //experiments:classification
  tools/bench/peers.sh --debian
  tools/peer/equivalence.py                 ten minutes of an idle core
  tools/peer/equivalence.py --seeds=0,1,2 --configurations=one_head
  tools/peer/equivalence.py --report_only   from the runs there are

For every configuration and seed it trains the reference's model in PyTorch
(reference_run.py: same data, initial weights and order of batches) and with our
program, one thread each, and takes the final metrics of both. Of each metric the
ten paired differences go through an equivalence test (equivalence_statistics.py)
with the margins of equivalence_cases.py, which come from runs of our program alone.

Every run that ends is a line of --runs at once, and is not made again. The result
goes to --out: equivalence.json and equivalence.md. The exit code is 0 if every
metric of every configuration is equivalent, 1 if one is not, 2 if runs are missing
or failed, or PyTorch does not reproduce the reference's recorded losses.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import sys

sys.dont_write_bytecode = True  # these are sources
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

import equivalence_report
import equivalence_runs
import equivalence_statistics
import host
from equivalence_cases import (
    CONFIGURATIONS,
    DEFAULT,
    MARGIN_DIVISOR,
    MARGIN_REASON,
    margin_of,
    metrics_of,
    value_of,
)

ALPHA = 0.05
SIDES = ("polarize", "pytorch")


def tasks_of(options):
    for seed in options.seeds:
        for name in options.configurations:
            config = {**CONFIGURATIONS[name], "seed": seed}
            for side in SIDES:
                yield {
                    "configuration": name,
                    "seed": seed,
                    "side": side,
                    "config": config,
                }


def say(text):
    print(text, file=sys.stderr, flush=True)


def make_missing(tasks, records, options):
    """Makes the runs that are not there; returns how many failed."""
    missing = [task for task in tasks if not records.find(task)]
    say("%d of %d runs are to be made" % (len(missing), len(tasks)))
    failures = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        make_run = equivalence_runs.make_run
        futures = {pool.submit(make_run, task, options): task for task in missing}
        try:
            for future in concurrent.futures.as_completed(futures):
                name = "%(configuration)s, seed %(seed)d, %(side)s" % futures[future]
                try:
                    records.add(future.result())
                    say(name)
                except equivalence_runs.Failed as why:
                    failures += 1
                    say("%s: FAILED: %s" % (name, why))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return failures


def parting_step(a, b, tolerance=1e-3):
    """The first step, from 1, whose losses differ by more; None if none does."""
    for step, (x, y) in enumerate(zip(a, b), 1):
        if abs(x - y) > tolerance * max(abs(x), abs(y), 1e-3):
            return step
    return None


def compare_configuration(name, pairs):
    """`pairs`: seed -> the records of (polarize, pytorch), at least two seeds."""
    config = CONFIGURATIONS[name]
    metrics = []
    for metric in metrics_of(config):
        ours, reference = (
            [value_of(metric, config, pair[side]["metrics"]) for pair in pairs.values()]
            for side in (0, 1)
        )
        margin = margin_of(metric, reference)
        figures = equivalence_statistics.compare(ours, reference, margin, ALPHA)
        metrics.append(
            {"metric": metric.name, "floor": metric.floor, "why": metric.why, **figures}
        )
    parted = [parting_step(o["losses"], r["losses"]) for o, r in pairs.values()]
    some = next(iter(pairs.values()))
    return {
        "configuration": name,
        "config": config,
        "seeds": list(pairs),
        "steps": len(some[0]["losses"]),
        "parting_steps": parted,
        "metrics": metrics,
    }


def compare(options, records):
    """What there is of every configuration with two seeds or more."""
    pairs = collections.defaultdict(dict)
    versions = collections.defaultdict(set)
    for task in tasks_of(options):
        record = records.find(task)
        if record:
            pairs[task["configuration"], task["seed"]][task["side"]] = record
            versions[task["side"]].add(record["version"])
    results = []
    for name in options.configurations:
        both = {
            seed: tuple(pairs[name, seed][side] for side in SIDES)
            for seed in options.seeds
            if len(pairs[name, seed]) == len(SIDES)
        }
        if len(both) >= 2:
            results.append(compare_configuration(name, both))
        else:
            say("%s: fewer than two seeds" % name)
    return results, {side: sorted(versions[side]) for side in SIDES}


def check_missing(options, records):
    """Makes the check unless it was made; None if it cannot be made."""
    task = {"side": "check", "full": options.full_check}
    record = records.find(task)
    if record is None:
        try:
            record = {**task, "checks": equivalence_runs.run_check(options)}
        except equivalence_runs.Failed as why:
            say("%s: PyTorch cannot be checked: %s" % (options.python, why))
            say("tools/bench/peers.sh --debian installs it for /usr/bin/python3")
            return None
        records.add(record)
    for what, deviation, bound in record["checks"]:
        say("%-72s %.1e (bound %.0e)" % (what, deviation, bound))
    return record["checks"]


def parse_arguments(argv):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )

    def numbers(text):
        return [int(word) for word in text.split(",")]

    def names(text):
        chosen = text.split(",")
        for name in chosen:
            if name not in CONFIGURATIONS:
                known = ", ".join(CONFIGURATIONS)
                message = "'%s' is none of %s" % (name, known)
                raise argparse.ArgumentTypeError(message)
        return chosen

    def add(name, text, **more):
        parser.add_argument(name, help=text, **more)

    text = "some of %s; default: the first four" % ",".join(CONFIGURATIONS)
    add("--configurations", text, type=names, default=DEFAULT)
    add("--seeds", "default 0,1,...,9", type=numbers, default=list(range(10)))
    add("--jobs", "runs at a time (default 1)", type=int, default=1, metavar="N")
    folder = os.path.join(host.ROOT, "docs", "results", "sweep")
    add("--out", "folder of the result (%(default)s)", default=folder, metavar="DIR")
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    runs = os.path.join(cache, "polarize", "equivalence.jsonl")
    add("--runs", "where finished runs are kept (%(default)s)", default=runs)
    binaries = os.path.join(host.ROOT, "bazel-bin", "experiments")
    add("--binaries", "folder of our programs (%(default)s)", default=binaries)
    add("--python", "that has PyTorch (%(default)s)", default="/usr/bin/python3")
    goldens = os.path.join(host.ROOT, "tests", "goldens")
    add("--goldens", argparse.SUPPRESS, default=goldens)
    add("--quick_check", "leave whole runs out of the check of PyTorch's side",
        dest="full_check", action="store_false")  # fmt: skip
    add("--report_only", "make no runs", action="store_true")
    options = parser.parse_args(argv)
    if options.jobs < 1:
        parser.error("--jobs: must be at least 1")
    if len(set(options.seeds)) < 2 or min(options.seeds) < 0:
        parser.error("--seeds: two different ones at least, none below 0")
    options.seeds = sorted(set(options.seeds))
    return options


def main(argv):
    options = parse_arguments(argv)
    records = equivalence_runs.Records(options.runs)
    failures = 0
    if not options.report_only:
        if check_missing(options, records) is None:
            return 2
        tasks = list(tasks_of(options))
        failures = make_missing(tasks, records, options)
    results, versions = compare(options, records)
    if not results:
        return 2
    check = records.find({"side": "check"})
    report = {
        "context": {**host.context(), "versions": versions},
        "alpha": ALPHA,
        "margin_divisor": MARGIN_DIVISOR,
        "margin_reason": MARGIN_REASON,
        "checks": check["checks"] if check else [],
        "results": results,
    }
    text = equivalence_report.markdown(report)
    os.makedirs(options.out, exist_ok=True)
    figures = equivalence_report.as_json(report)
    host.write_whole(os.path.join(options.out, "equivalence.json"), figures)
    host.write_whole(os.path.join(options.out, "equivalence.md"), text)
    print(text, end="")
    if not all(deviation <= bound for _, deviation, bound in report["checks"]):
        say("PyTorch does not reproduce the reference's recorded numbers")
        return 2
    complete = [options.seeds] * len(options.configurations)
    if failures or [result["seeds"] for result in results] != complete:
        say("runs are missing")
        return 2
    verdicts = [m["verdict"] for result in results for m in result["metrics"]]
    return 0 if set(verdicts) == {equivalence_statistics.EQUIVALENT} else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        say("interrupted; the runs that ended are kept")
        sys.exit(130)
