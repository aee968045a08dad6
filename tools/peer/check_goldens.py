#!/usr/bin/env python3
"""Shows that model.py reproduces the numbers recorded from the reference.

  /usr/bin/python3 tools/peer/check_goldens.py [--goldens DIR] [--quick]

Checks initial weights, data and batch order (equal to the last bit), the
gradients of the first batch in both precisions, five steps of every attention
type with every positional type, the parameters after five steps and the first
fifty steps of the default; of classification, if its file is there, five steps
of every attention type with and without MLP and layer norm. Prints each check's largest deviation; the exit
code is 1 if one exceeds its bound. --quick leaves the five steps of all kinds
and the fifty steps out.
"""

import argparse
import json
import os
import random
import sys

import blas  # before torch
import torch

import optimisers
from model import (
    ModelConfig,
    Transformer,
    classification_data,
    induction_data,
    induction_loss_parts,
)

# Relative deviation of a loss over five steps between BLAS builds: at most
# 3.3e-7 was seen, three units in the last place. Fifty steps amplify more.
FIVE_STEPS = 5e-7
FIFTY_STEPS = 2e-6
# The reference keeps softmax in float32 when the rest is float64.
DOUBLE = 1e-12
DOUBLE_FLOAT_SOFTMAX = 1e-7
# Of an element's deviation to the mean absolute element of its tensor.
GRADIENT_FLOAT = 3e-5
GRADIENT_DOUBLE = 1e-11
GRADIENT_FLOAT_SOFTMAX = 1e-5
# Absolute, after five steps of at most 1e-3 each. Adam divides by the root of
# the squared gradient, so rounding noise of small gradients is amplified.
PARAMETER = 3e-5


class Report:
    def __init__(self):
        self.failures = 0

    def bounded(self, name, deviation, bound):
        good = deviation <= bound  # false for NaN
        self.failures += not good
        print(
            "%s %-58s %.2e (bound %.0e)"
            % ("ok  " if good else "FAIL", name, deviation, bound)
        )

    def equal(self, name, actual, expected):
        good = actual == expected
        self.failures += not good
        print("%s %s" % ("ok  " if good else "FAIL", name))
        if not good:
            print("     got %s\n     not %s" % (actual, expected))


def relative(actual, expected):
    return max(
        (abs(a - e) / abs(e) if a == a else float("inf"))
        for a, e in zip(actual, expected)
    )


def index_batches(config):
    """Yields an epoch's index batches as the reference's loader draws them."""
    loader = torch.utils.data.DataLoader(
        range(config["num_train"]),
        batch_size=config["batch_size"],
        shuffle=True,
    )
    return iter(loader)


class Training:
    """A model at step 0, its data and the order of its batches."""

    _data = {}  # (seed, counts, ...) -> tensors: Python's stream is costly

    def __init__(self, config, dtype=torch.float32, **overrides):
        config = dict(config, **overrides)
        self.config = config
        data = self._make_data(config)
        self.train_data, self.eval_data, self.next_random = data
        torch.manual_seed(config["seed"])
        tokens = config["vocab_size"] * (1 + config["shift_query_token"])
        names = ModelConfig.__dataclass_fields__
        model_config = ModelConfig(**{n: config[n] for n in names if n in config})
        self.model = Transformer(tokens, tokens, model_config).to(dtype)
        self.optimizer = optimisers.make(
            self.model.parameters(), {"lr": config["lr"]}
        )

    def _make_data(self, config):
        names = ("vocab_size", "seq_length", "shift_query_token")
        shape = tuple(config[name] for name in names)
        key = (config["seed"], config["num_train"], config["num_eval"], shape)
        if key not in self._data:
            random.seed(config["seed"])
            self._data[key] = (
                induction_data(config["num_train"], *shape),
                induction_data(config["num_eval"], *shape),
                random.getrandbits(32),
            )
        return self._data[key]

    def epoch(self):
        return index_batches(self.config)

    def gradients(self, index):
        self.optimizer.zero_grad()
        logits = self.model(self.train_data[0][index])
        start, main = induction_loss_parts(logits, self.train_data[1][index])
        loss = self.config["aux_loss_weight"] * start + main
        loss.backward()
        return loss.item(), (start.item(), main.item())

    def steps(self, count):
        losses, parts = [], []
        batches = self.epoch()
        for _ in range(count):
            loss, part = self.gradients(next(batches))
            self.optimizer.step()
            losses.append(loss)
            parts.append(part)
        return losses, parts


def check_init(report, name, golden):
    training = Training(golden["config"])
    named = list(training.model.named_parameters())
    report.equal(name + ": order", [n for n, _ in named], golden["param_order"])
    count = sum(p.numel() for _, p in named)
    report.equal(name + ": number of parameters", count, golden["n_params"])
    for parameter_name, parameter in named:
        expected = golden["params"][parameter_name]
        flat = parameter.detach().double().flatten()
        same = (
            list(parameter.shape) == expected["shape"]
            and flat[:8].tolist() == expected["first8"]
            and flat[-2:].tolist() == expected["last2"]
            # Sums in double depend on their order in the last bits.
            and abs(flat.sum() - expected["sum"]) <= 1e-12 * expected["abs_sum"]
            and abs(flat.abs().sum() - expected["abs_sum"])
            <= 1e-12 * expected["abs_sum"]
        )
        if not same:
            report.equal(name + ": " + parameter_name, "other values", "these")
    check_data(report, name, training, golden["data"])
    report.equal(
        name + ": random stream after the data",
        training.next_random,
        golden["random_state_next"],
    )
    check_batches(report, name, training, golden["batches"])


def check_data(report, name, training, golden):
    for part, data in (("train", training.train_data), ("eval", training.eval_data)):
        rows = torch.cat([data[0], data[1][:, -1:]], dim=1)
        first = golden[part + "_first"]
        report.equal(
            "%s: %s data" % (name, part),
            [rows[: len(first)].tolist(), rows[-1].tolist(), rows.sum().item()],
            [first, golden[part + "_last"], golden[part + "_sum"]],
        )


def check_batches(report, name, training, golden):
    loader = training.epoch()
    epoch = [batch.tolist() for batch in loader]
    evaluation = iter(torch.utils.data.DataLoader(range(1)))
    second = training.epoch()
    actual = {
        "epoch0_base_seed": loader._base_seed,
        "epoch0_batch0": epoch[0],
        "epoch0_batch1_first16": epoch[1][:16],
        "epoch0_lastbatch_len": len(epoch[-1]),
        "epoch0_lastbatch_first16": epoch[-1][:16],
        "n_batches": len(epoch),
        "eval0_base_seed": evaluation._base_seed,
        "epoch1_base_seed": second._base_seed,
        "epoch1_batch0_first32": next(second).tolist()[:32],
    }
    report.equal(name + ": batches", actual, {k: golden[k] for k in actual})


def is_noise(training, name):
    """A softmax does not change when every key moves by the same vector."""
    softmax = training.config["attention_type"] == "softmax"
    return softmax and name.endswith("k_proj.bias")


def gradient_deviation(training, golden):
    worst = 0.0
    for name, parameter in training.model.named_parameters():
        if parameter.grad is None:
            assert name not in golden, name
            continue
        expected = golden[name]
        flat = parameter.grad.double().flatten()
        if is_noise(training, name):
            assert flat.abs().max() < 1e-7, name
            continue
        scale = expected["abs_sum"] / flat.numel()
        deviations = [
            abs(a - e) for a, e in zip(flat[:8].tolist(), expected["first8"])
        ]
        mean = abs(flat.abs().sum().item() - expected["abs_sum"]) / flat.numel()
        worst = max(worst, max(deviations + [mean]) / scale)
    return worst


def check_gradients(report, name, golden):
    softmax = golden["config"]["attention_type"] == "softmax"
    loss64 = DOUBLE_FLOAT_SOFTMAX if softmax else DOUBLE
    grad64 = GRADIENT_FLOAT_SOFTMAX if softmax else GRADIENT_DOUBLE
    for bits, dtype, loss_bound, gradient_bound in (
        ("32", torch.float32, FIVE_STEPS, GRADIENT_FLOAT),
        ("64", torch.float64, loss64, grad64),
    ):
        training = Training(golden["config"], dtype)
        loss, parts = training.gradients(next(training.epoch()))
        losses = [golden["loss" + bits]] + golden["parts" + bits][0]
        label = "%s: float%s " % (name, bits)
        report.bounded(label + "loss", relative([loss, *parts], losses), loss_bound)
        deviation = gradient_deviation(training, golden["grads" + bits])
        report.bounded(label + "gradients", deviation, gradient_bound)


def check_after5(report, name, golden):
    training = Training(golden["config"])
    losses, _ = training.steps(golden["steps"])
    report.bounded(name + ": losses", relative(losses, golden["loss32"]), FIVE_STEPS)
    named = list(training.model.named_parameters())
    without = [n for n, p in named if p.grad is None]
    report.equal(name + ": without gradient", without, golden["grad_none"])
    worst = 0.0
    for parameter_name, parameter in named:
        if is_noise(training, parameter_name):
            continue
        flat = parameter.detach().double().flatten()
        expected = golden["params_after"][parameter_name]
        for a, e in zip(flat[:8].tolist(), expected["first8"]):
            worst = max(worst, abs(a - e))
        mean = abs(flat.abs().sum().item() - expected["abs_sum"]) / flat.numel()
        worst = max(worst, mean)
    report.bounded(name + ": parameters", worst, PARAMETER)


def check_five_steps(report, name, golden):
    for key, expected in golden["losses"].items():
        attention, positional = key.split("/")
        training = Training(
            golden["config"],
            attention_type=attention,
            positional_type=positional,
        )
        losses, _ = training.steps(5)
        report.bounded("%s: %s" % (name, key), relative(losses, expected), FIVE_STEPS)


def classification_losses(config, count):
    """The first losses; data and batches follow the model's initial weights."""
    torch.manual_seed(config["seed"])
    model_config = ModelConfig(
        **{name: config[name] for name in ModelConfig.__dataclass_fields__}
    )
    model = Transformer(config["vocab_size"], config["num_labels"], model_config)
    optimizer = optimisers.make(model.parameters(), {"lr": config["lr"]})
    shape = [config[n] for n in ("vocab_size", "seq_length", "num_labels")]
    tokens, labels = classification_data(config["num_train"], *shape)
    classification_data(config["num_eval"], *shape)
    batches = index_batches(config)
    losses = []
    for _ in range(count):
        index = next(batches)
        optimizer.zero_grad()
        logits = model(tokens[index])[:, -1]
        loss = torch.nn.functional.cross_entropy(logits, labels[index])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def check_classification(report, name, golden):
    for key, expected in golden["losses"].items():
        attention, mlp, layernorm = key.split("/")
        config = dict(
            golden["config"],
            attention_type=attention,
            use_mlp=mlp == "mlp=1",
            use_layernorm=layernorm == "ln=1",
        )
        losses = classification_losses(config, len(expected))
        # Some fall to 0 in five steps and some grow a thousandfold.
        worst = max(abs(a - e) for a, e in zip(losses, expected)) / max(expected)
        report.bounded("%s: %s" % (name, key), worst, FIVE_STEPS)


def check_fifty_steps(report, name, golden):
    for bits, dtype, bound in (
        ("32", torch.float32, FIFTY_STEPS),
        ("64", torch.float64, DOUBLE_FLOAT_SOFTMAX),
    ):
        losses, _ = Training(golden["config"], dtype).steps(50)
        expected = golden["loss" + bits]
        label = "%s: float%s, 50 losses" % (name, bits)
        report.bounded(label, relative(losses, expected), bound)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    root = os.path.dirname(os.path.abspath(__file__)) + "/../../tests/goldens"
    parser.add_argument("--goldens", default=root, help="folder of the JSON files")
    parser.add_argument("--quick", action="store_true", help="a few steps only")
    args = parser.parse_args()
    torch.set_num_threads(1)
    print("PyTorch %s, %s" % (torch.__version__, blas.describe()))
    checks = [
        ("init_induction_", check_init),
        ("grad0_induction_", check_gradients),
        ("after5_induction_", check_after5),
    ]
    if not args.quick:
        checks.append(("five_steps_induction_", check_five_steps))
        checks.append(("steps_induction_", check_fifty_steps))
        checks.append(("five_steps_classification_", check_classification))
    report = Report()
    for prefix, check in checks:
        files = [f for f in sorted(os.listdir(args.goldens)) if f.startswith(prefix)]
        if not files and "induction" in prefix:
            report.equal("%s: a file %s*" % (args.goldens, prefix), "none", "one")
        for file in files:
            with open(os.path.join(args.goldens, file)) as text:
                check(report, os.path.splitext(file)[0], json.load(text))
    print("%d failed" % report.failures)
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
