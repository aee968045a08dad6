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
with the margins below, which come from runs of our program alone.

Every run that ends is a line of --runs at once, and is not made again. The result
goes to --out: equivalence.json and equivalence.md. The exit code is 0 if every
metric of every configuration is equivalent, 1 if one is not, 2 if runs are missing
or failed, or PyTorch does not reproduce the reference's recorded losses.
"""

import argparse
import collections
import concurrent.futures
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True  # these are sources
_HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, _HERE)

import equivalence_report
import equivalence_statistics
import host
import textproto_file

ALPHA = 0.05
SIDES = ("polarize", "pytorch")

_MODEL = {
    "embed_dim": 128,
    "num_heads": 4,
    "num_layers": 2,
    "mlp_ratio": 4.0,
    "use_mlp": True,
    "use_layernorm": True,
    "attention_type": "softmax",
    "lr": 1e-3,
    "num_eval": 1000,
}
_INDUCTION = {
    **_MODEL,
    "experiment": "induction",
    "is_causal": True,
    "positional_type": "concat",
    "vocab_size": 50,
    "seq_length": 13,
    "shift_query_token": True,
    "aux_loss_weight": 0.2,
    "num_train": 32000,
    "batch_size": 64,
    "num_epochs": 3,
}
# Solved within some hundred steps, which then go on.
_SMALL_INDUCTION = {
    **_INDUCTION,
    "embed_dim": 64,
    "vocab_size": 20,
    "seq_length": 9,
    "lr": 3e-3,
    "num_train": 25600,
    "num_epochs": 2,
}
_CLASSIFICATION = {
    **_MODEL,
    "experiment": "classification",
    "is_causal": False,
    "positional_type": "no",
    "num_train": 10000,
    "vocab_size": 41,
    "seq_length": 11,
    "num_labels": 4,
    "batch_size": 256,
    "num_epochs": 10,
}

# Classification: two runs of the paper's sweep. Induction: the paper's task and
# model, smaller. Chosen from our own runs, so that final metrics differ between
# seeds, that in `sink` runs which differ in rounding part long before they end, and
# that ten seeds of all take about ten minutes of processor time.
CONFIGURATIONS = {
    "one_head": {
        **_CLASSIFICATION,
        "vocab_size": 161,
        "num_layers": 1,
        "num_heads": 1,
        "use_mlp": False,
        "use_layernorm": False,
    },
    "two_heads": {
        **_CLASSIFICATION,
        "vocab_size": 81,
        "num_layers": 1,
        "num_heads": 2,
        "use_mlp": False,
        "lr": 1e-2,
    },
    "sink": {**_SMALL_INDUCTION, "positional_type": "add"},
    "sigmoid": {**_SMALL_INDUCTION, "attention_type": "sigmoid_unnorm"},
}
DEFAULT = list(CONFIGURATIONS)
# Only when named: the paper's sizes of task and model, half an hour for ten seeds.
CONFIGURATIONS.update(
    sink_wide={**_INDUCTION, "positional_type": "add"},
    sigmoid_wide={**_INDUCTION, "attention_type": "sigmoid_unnorm"},
)

# A number of a run, compared over seeds: the mean over heads of its metrics whose
# keys end in `key`, of the last layer's heads alone with `last_layer`. `floor` is
# the least margin, in the metric's unit, and `why` its reason.
Metric = collections.namedtuple("Metric", "name key last_layer log10 floor why")

# A margin is the reference's standard deviation between seeds divided by this,
# but no less than the metric's floor. Runs that have parted end as far from each
# other as two seeds do, which ten pairs can only show to be equal within 0.8 of a
# standard deviation; the floors are what such a pair of our own, one program on two
# instruction sets, moves by.
MARGIN_DIVISOR = math.sqrt(5)
MARGIN_REASON = (
    "the standard error of a\nmean over the paper's five seeds, below which its "
    "figures cannot show a shift"
)

_ACCURACY = (False, False, 0.01, "10 of 1000 samples")
_ROW_SUM = (False, 0.05, "a twentieth of a normalised row")
METRICS = {
    "induction": (
        Metric("evaluation loss", "eval/loss", False, False, 0.02,
               "one spike at the end: rounding alone moves it by 0.016"),
        Metric("accuracy", "eval/acc_induction", *_ACCURACY),
        Metric("sink score", "rel_attn_bos_global", True, False, 0.05,
               "a twentieth of its range; epochs of one run differ by more"),
        Metric("row sum", "abs_attn_all", True, *_ROW_SUM),
    ),
    "classification": (
        Metric("evaluation loss, log10", "eval/loss", False, True, 0.05,
               "an eighth of the loss, which is near its floor of 0"),
        Metric("accuracy", "eval/acc", *_ACCURACY),
        Metric("sparsity score", "rel_attn_max", False, False, 0.02,
               "a fiftieth of its range"),
        Metric("flip rate", "avg_top1_dominance_rate", False, False, 0.02,
               "10 of 500 pairs"),
    ),
}  # fmt: skip


def metrics_of(config):
    """What is compared; normalised rows always sum to 1."""
    metrics = METRICS[config["experiment"]]
    normalised = not config["attention_type"].endswith("_unnorm")
    return [m for m in metrics if not (m.name == "row sum" and normalised)]


def value_of(metric, config, values):
    """One number out of a run's metrics, which the reference's keys name."""
    if metric.key.startswith("eval/"):
        value = values[metric.key]
        return math.log10(value) if metric.log10 else value
    last = config["num_layers"] - 1
    layers = [last] if metric.last_layer else range(last + 1)
    keys = []
    for layer in layers:
        for head in range(config["num_heads"]):
            where = "%d_%d" % (layer, head)
            flip = metric.key == "avg_top1_dominance_rate"
            form = "mixing/%s/%s" if flip else "%s_%s"
            keys.append(form % (where, metric.key))
    return sum(values[key] for key in keys) / len(keys)


# Runs, each a process of its own.


class Failed(Exception):
    """A run that did not reach its end; the text says why."""


def run_process(command, text=""):
    """What a process wrote to standard output."""
    try:
        done = subprocess.run(command, input=text, capture_output=True, text=True)
    except OSError as error:
        raise Failed("%s: %s" % (command[0], error.strerror)) from error
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).split("\n")[-1]
        raise Failed("exit code %d: %s" % (done.returncode, last))
    return done.stdout


def run_pytorch(config, options):
    command = [options.python, os.path.join(_HERE, "reference_run.py")]
    return json.loads(run_process(command, json.dumps(config)))


def set_flags(config):
    flags = []
    for name, value in config.items():
        if name != "experiment":
            text = str(value).lower() if isinstance(value, bool) else str(value)
            flags += ["--set", "%s=%s" % (name, text)]
    return flags


def run_polarize(config, options):
    name = config["experiment"]
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "run")
        program = os.path.join(options.binaries, name, name)
        command = [program, "--threads=1", "--out=" + out, *set_flags(config)]
        # Statistics on the way do not change the run, and cost time.
        run_process(command + ["--set", "points_per_decade=1"])
        return read_run(out)


def read_run(folder):
    """Version, last metrics and losses of all steps of a run folder."""
    with open(os.path.join(folder, "summary.json")) as file:
        summary = json.load(file)
    if summary["state"] != "finished":
        raise Failed("%s: %s" % (summary["state"], summary.get("reason", "")))
    with open(os.path.join(folder, "metrics.jsonl")) as file:
        lines = [json.loads(line) for line in file]
    losses = [v["train/step_loss"] for v in lines if "train/step_loss" in v]
    environment = textproto_file.read(os.path.join(folder, "environment.textproto"))
    commit, target = environment.get("commit"), environment["simd_target"]
    return {
        "version": "polarize %s, %s" % (commit or "of an unknown commit", target),
        "metrics": {k: v for k, v in summary.items() if is_metric(k)},
        "losses": losses,
    }


def is_metric(key):
    return key.startswith(("eval/", "mixing/")) or key[:1].isdigit()


RUNNERS = {"polarize": run_polarize, "pytorch": run_pytorch}


def make_run(task, options):
    """The record of a run; raises Failed."""
    result = RUNNERS[task["side"]](task["config"], options)
    # NaN would not be JSON.
    if not all(map(math.isfinite, [*result["metrics"].values(), *result["losses"]])):
        raise Failed("it diverged: a loss or a metric is not finite")
    result["losses"] = [float("%.7g" % loss) for loss in result["losses"]]
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {**task, "date": now, **result}


# What is there already.


class Records:
    """The file of finished runs: one JSON object a line, the last of equals counts."""

    def __init__(self, path):
        self.path = path
        self.lines = []
        if os.path.exists(path):
            with open(path) as file:
                text = file.read()
            for line in text.split("\n"):
                try:
                    self.lines.append(json.loads(line))
                except ValueError:
                    continue  # empty, or torn when a run was killed
            self.torn = bool(text) and not text.endswith("\n")
        else:
            self.torn = False

    def find(self, task):
        """A run counts only if all of its configuration is as now."""
        for line in reversed(self.lines):
            if all(line.get(key) == value for key, value in task.items()):
                return line
        return None

    def add(self, record):
        self.lines.append(record)
        os.makedirs(os.path.dirname(os.path.abspath(self.path)), exist_ok=True)
        with open(self.path, "a") as file:
            file.write(("\n" if self.torn else "") + json.dumps(record) + "\n")
        self.torn = False


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
        futures = {pool.submit(make_run, task, options): task for task in missing}
        try:
            for future in concurrent.futures.as_completed(futures):
                name = "%(configuration)s, seed %(seed)d, %(side)s" % futures[future]
                try:
                    records.add(future.result())
                    say(name)
                except Failed as why:
                    failures += 1
                    say("%s: FAILED: %s" % (name, why))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return failures


# The comparison.


def margin_of(metric, reference):
    """The margin, from the reference's results over the seeds."""
    return max(metric.floor, statistics.stdev(reference) / MARGIN_DIVISOR)


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


# Does PyTorch on this machine do what the reference did?


def run_check(options):
    """[[what, largest deviation, bound], ...]"""
    command = [options.python, os.path.join(_HERE, "check_reference_run.py")]
    command += ["--json", "--goldens=" + options.goldens]
    return json.loads(run_process(command + ["--full"] * options.full_check))


def check_missing(options, records):
    """Makes the check unless it was made; None if it cannot be made."""
    task = {"side": "check", "full": options.full_check}
    record = records.find(task)
    if record is None:
        try:
            record = {**task, "checks": run_check(options)}
        except Failed as why:
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
    records = Records(options.runs)
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
