#!/usr/bin/env python3
"""Loads a run's weights into PyTorch and compares the logits.

  bazel run //experiments:induction -- --out=RUN
  /usr/bin/python3 tools/check_weights.py RUN

RUN holds weights.safetensors, config.textproto and logits.safetensors (input
int32 [n, T], logits float32 [n, T, O] or, of the classes alone, [n, O]). The
weights must fill the reference's modules exactly. The logits are computed in
double from the float32 weights; the largest difference, relative to
max(1, |logit|), must not exceed --tolerance. Exit code 0 if so, else 1.
"""

import argparse
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "peer"))

import blas  # noqa: E402,F401  before torch
import numpy as np  # noqa: E402
import torch  # noqa: E402

import safetensors_file  # noqa: E402
import textproto_file  # noqa: E402
from model import ModelConfig, Transformer  # noqa: E402


def build_model(config):
    """The reference's model for a resolved configuration, in double."""
    model, task = dict(config["model"]), config["task"]
    for name in ("attention_type", "positional_type"):
        model[name] = str(model[name]).lower()
    names = ModelConfig.__dataclass_fields__
    model_config = ModelConfig(**{n: v for n, v in model.items() if n in names})
    tokens = outputs = task["vocab_size"]
    if "num_labels" in task:
        outputs = task["num_labels"]
    elif task["shift_query_token"]:
        tokens = outputs = 2 * task["vocab_size"]
    return Transformer(tokens, outputs, model_config).double()


def compute_logits(model, tokens, shape):
    with torch.no_grad():
        logits = model(torch.from_numpy(tokens.astype(np.int64))).numpy()
    if len(shape) == 2:  # the classes: what the last position says
        logits = logits[:, -1]
    return logits


def largest_difference(actual, expected):
    """Relative to max(1, |expected|), and where; a NaN is infinitely far."""
    difference = np.abs(actual - expected) / np.maximum(1.0, np.abs(expected))
    difference[np.isnan(difference)] = np.inf
    where = np.unravel_index(np.argmax(difference), difference.shape)
    return difference[where], tuple(int(i) for i in where)


def check(folder, tolerance):
    """What is wrong, or None."""
    path = lambda name: os.path.join(folder, name)  # noqa: E731
    config = textproto_file.read(path("config.textproto"))
    weights = safetensors_file.read(path("weights.safetensors"))
    recorded = safetensors_file.read(path("logits.safetensors"))
    model = build_model(config)
    state = {n: torch.from_numpy(w).double() for n, w in weights.items()}
    model.load_state_dict(state, strict=True)
    actual = recorded["logits"].astype(np.float64)
    expected = compute_logits(model, recorded["input"], actual.shape)
    if not actual.size or actual.shape != expected.shape:
        return "logits have the shape %s, PyTorch's have %s" % (
            actual.shape,
            expected.shape,
        )
    worst, where = largest_difference(actual, expected)
    print(
        "%d tensors, %d parameters, %d inputs: largest difference of a logit "
        "%.2e at %s (tolerance %.0e)"
        % (
            len(weights),
            sum(w.size for w in weights.values()),
            actual.shape[0],
            worst,
            where,
            tolerance,
        )
    )
    if not worst <= tolerance:
        return "logit %s is %.9g, PyTorch says %.9g" % (
            where,
            actual[where],
            expected[where],
        )
    return None


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", metavar="RUN", help="a run folder")
    parser.add_argument("--tolerance", type=float, default=1e-5)
    args = parser.parse_args()
    torch.set_num_threads(1)
    try:
        problem = check(args.folder, args.tolerance)
    except KeyError as error:
        problem = "no field or tensor %s" % error
    except (OSError, ValueError, RuntimeError) as error:
        problem = str(error)
    if problem:
        print("%s: %s" % (args.folder, problem), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
