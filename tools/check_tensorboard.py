#!/usr/bin/env python3
"""Reads run folders with the real TensorBoard, as its HParams view does.

  bazel run //experiments:induction -- --out=runs/a
  bazel run //experiments:induction -- --out=runs/b --set lr=1e-2
  python3 -m venv /tmp/tensorboard && /tmp/tensorboard/bin/pip install tensorboard
  /tmp/tensorboard/bin/python tools/check_tensorboard.py runs/a runs/b

Three readers must agree with config.textproto and summary.json: the event
accumulator, the HParams plugin's backend on it, and, with --server, the same
backend behind a started `tensorboard` with its default data loader. Every
config key and value, every final metric (as a float32) and the session's status
must come out, and the keys whose values differ must be marked so. Exit code 0
if so, else 1.
"""

import argparse
import json
import math
import os
import re
import struct
import subprocess
import sys
import tempfile
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "peer"))

from google.protobuf import json_format  # noqa: E402
from tensorboard import context  # noqa: E402
from tensorboard.backend.event_processing import data_provider  # noqa: E402
from tensorboard.backend.event_processing import event_accumulator  # noqa: E402
from tensorboard.backend.event_processing import plugin_event_multiplexer  # noqa: E402
from tensorboard.plugins import base_plugin  # noqa: E402
from tensorboard.plugins.hparams import api_pb2, backend_context  # noqa: E402
from tensorboard.plugins.hparams import get_experiment, list_session_groups  # noqa: E402

import textproto_file  # noqa: E402

NOT_METRICS = ("state", "reason", "steps", "seconds")
STATUSES = {
    "finished": "STATUS_SUCCESS",
    "diverged": "STATUS_FAILURE",
    "interrupted": "STATUS_UNKNOWN",
}

# Requests for all that there is.
EXPERIMENT = {"experimentName": "", "includeMetrics": True}
SESSIONS = {
    "experimentName": "",
    "allowedStatuses": ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"],
    "startIndex": 0,
    "sliceSize": 1000000,
}


def flat(config, into):
    for name, value in config.items():
        if isinstance(value, dict):
            flat(value, into)
        else:
            into[name] = value
    return into


def expectation(folder):
    """What must come out: config, metrics as float32, status."""
    config = textproto_file.read(os.path.join(folder, "config.textproto"))
    with open(os.path.join(folder, "summary.json")) as file:
        summary = json.load(file)
    metrics = {
        name: math.nan if value is None else struct.unpack("f", struct.pack("f", value))[0]
        for name, value in summary.items()
        if name not in NOT_METRICS
    }
    return flat(config, {}), metrics, STATUSES[summary["state"]]


def same(a, b):
    if isinstance(a, bool) != isinstance(b, bool):
        return False
    return a == b or (a != a and b != b)


def check_equal(what, expected, seen):
    """The number of errors, which are printed."""
    errors = 0
    for key in sorted(set(expected) | set(seen)):
        if key not in expected or key not in seen or not same(expected[key], seen[key]):
            print(
                "  WRONG: %s %s: expected %r, got %r"
                % (what, key, expected.get(key), seen.get(key))
            )
            errors += 1
    return errors


def check_accumulator(folder, expected):
    accumulator = event_accumulator.EventAccumulator(folder, size_guidance={"scalars": 0})
    accumulator.Reload()
    last = {}
    for tag in accumulator.Tags()["scalars"]:
        last[tag] = accumulator.Scalars(tag)[-1].value
    tags = accumulator.PluginTagToContent("hparams")
    wanted = ["_hparams_/session_end_info", "_hparams_/session_start_info"]
    errors = check_equal("metric", expected[1], last)
    if sorted(tags) != wanted:
        print("  WRONG: tags of the hparams plugin: %s" % sorted(tags))
        errors += 1
    return errors


def ask_backend(runs):
    multiplexer = plugin_event_multiplexer.EventMultiplexer()
    for name, folder in runs.items():
        multiplexer.AddRun(folder, name)
    multiplexer.Reload()
    provider = data_provider.MultiplexerDataProvider(multiplexer, "runs")
    backend = backend_context.Context(base_plugin.TBContext(data_provider=provider))
    asked = context.RequestContext()

    def answer(module, request, message):
        message = json_format.ParseDict(request, message)
        reply = module.Handler(asked, backend, "", message).run()
        return json_format.MessageToDict(reply)

    return (
        answer(get_experiment, EXPERIMENT, api_pb2.GetExperimentRequest()),
        answer(list_session_groups, SESSIONS, api_pb2.ListSessionGroupsRequest()),
    )


def ask_server(runs):
    with tempfile.TemporaryDirectory() as logdir:
        for name, folder in runs.items():
            os.mkdir(os.path.join(logdir, name))
            for file in os.listdir(folder):
                if file.startswith("events.out.tfevents."):
                    os.symlink(os.path.join(folder, file), os.path.join(logdir, name, file))
        command = [sys.executable, "-m", "tensorboard.main", "--logdir", logdir]
        server = subprocess.Popen(
            command + ["--port=0", "--host=127.0.0.1"], stderr=subprocess.PIPE, text=True
        )
        try:
            for line in server.stderr:
                found = re.search(r" at (http://\S+)", line)
                if found:
                    break
            else:
                sys.exit("tensorboard did not start")
            return tuple(
                post(found.group(1) + "data/plugin/hparams/" + route, request)
                for route, request in (("experiment", EXPERIMENT), ("session_groups", SESSIONS))
            )
        finally:
            server.terminate()
            server.wait()


def post(url, request):
    request = urllib.request.Request(
        url, json.dumps(request).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.load(reply)


def number(value):
    return float(value) if isinstance(value, str) else value  # "NaN"


def check_view(runs, expected, answers):
    experiment, groups = answers
    errors = 0
    infos = {info["name"]: info for info in experiment.get("hparamInfos", [])}
    keys = set().union(*(values[0] for values in expected.values()))
    errors += check_equal("known key", dict.fromkeys(keys, True), dict.fromkeys(infos, True))
    for key in sorted(keys & set(infos)):
        values = {str(run[0][key]) for run in expected.values() if key in run[0]}
        differs = len(values) > 1
        errors += check_equal("differs", {key: differs}, {key: infos[key].get("differs", False)})
    metrics = {info["name"]["tag"] for info in experiment.get("metricInfos", [])}
    known = set().union(*(values[1] for values in expected.values()))
    errors += check_equal("known metric", dict.fromkeys(known, 1), dict.fromkeys(metrics, 1))
    sessions = {}
    for group in groups.get("sessionGroups", []):
        for session in group["sessions"]:
            sessions[session["name"]] = (group["hparams"], session)
    errors += check_equal("run", dict.fromkeys(runs, 1), dict.fromkeys(sessions, 1))
    for name in sorted(set(runs) & set(sessions)):
        config, values, status = expected[name]
        hparams, session = sessions[name]
        seen = {v["name"]["tag"]: number(v.get("value", 0.0)) for v in session["metricValues"]}
        errors += check_equal(name + " config", config, hparams)
        errors += check_equal(name + " metric", values, seen)
        errors += check_equal(
            name, {"status": status}, {"status": session.get("status", "STATUS_UNKNOWN")}
        )
    print("  %d runs, %d keys, %d metrics" % (len(sessions), len(infos), len(metrics)))
    return errors


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", help="run folders")
    parser.add_argument("--server", action="store_true", help="start TensorBoard and ask it too")
    options = parser.parse_args()
    folders = [os.path.abspath(folder) for folder in options.runs]
    runs = {"run%d" % i: folder for i, folder in enumerate(folders)}
    expected = {name: expectation(folder) for name, folder in runs.items()}
    errors = 0
    for name, folder in runs.items():
        print("event accumulator: %s" % folder)
        errors += check_accumulator(folder, expected[name])
    print("HParams backend")
    errors += check_view(runs, expected, ask_backend(runs))
    if options.server:
        print("HParams backend of a TensorBoard server")
        errors += check_view(runs, expected, ask_server(runs))
    print("%d errors" % errors if errors else "all as the run folders have it")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
