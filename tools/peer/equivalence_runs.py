"""Runs of both sides, each a process of its own, and the file that keeps them."""

import json
import math
import os
import subprocess
import tempfile
import time

import textproto_file

_HERE = os.path.dirname(os.path.realpath(__file__))


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


def run_check(options):
    """[[what, largest deviation, bound], ...]"""
    command = [options.python, os.path.join(_HERE, "check_reference_run.py")]
    command += ["--json", "--goldens=" + options.goldens]
    return json.loads(run_process(command + ["--full"] * options.full_check))


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
