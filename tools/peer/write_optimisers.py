#!/usr/bin/env python3
"""Writes tests/fixtures/optimisers.json: what PyTorch's optimizers do in 50 steps.

  /usr/bin/python3 tools/peer/write_optimisers.py [--out FILE]

A small induction run, as the text of its configuration, with every optimizer and
every rate schedule. Per case the settings that make it, as --set takes them, and
the results of 50 steps in double from the float32 initial weights:

  losses   of each step, before its update
  float32  the largest relative difference of PyTorch's own losses in float32
  after    the last parameters by name: sum, first and last number

Every other case has an attention kind whose q and k get no gradient.
"""

import argparse
import json
import os
import sys

sys.dont_write_bytecode = True  # these are sources

import blas  # noqa: F401  before torch
import torch

import optimisers
import reference_run

STEPS = 50

TASK = {
    "num_train": 78,  # 5 batches an epoch, the last one short
    "num_eval": 4,
    "vocab_size": 12,
    "seq_length": 8,
    "shift_query_token": True,
}
MODEL = {
    "embed_dim": 16,
    "num_layers": 2,
    "num_heads": 2,
    "mlp_ratio": 2.0,
    "use_mlp": True,
    "use_layernorm": True,
    "is_causal": True,
    "attention_type": "sigmoid_norm",
    "positional_type": "concat",
}
TRAINING = {"batch_size": 16, "num_epochs": 10}
AUX_LOSS_WEIGHT = 0.2
SEED = 7

# No constant at its default.
RULES = {
    "adamw": {
        "lr": 0.01,
        "beta1": 0.8,
        "beta2": 0.99,
        "epsilon": 1e-6,
        "weight_decay": 0.3,
    },
    "adam": {"lr": 0.01, "beta1": 0.85, "beta2": 0.98, "epsilon": 1e-5},
    "sgd": {"lr": 0.3, "weight_decay": 0.02},
    "momentum": {"lr": 0.05, "momentum": 0.8, "weight_decay": 0.01},
    "sign": {"lr": 0.001, "weight_decay": 0.1},
}

SCHEDULES = {
    "constant": {},
    "warmup": {"warmup_steps": 10},
    "cosine": {"lr_schedule": "cosine"},
    "warmup_cosine": {
        "lr_schedule": "cosine",
        "warmup_steps": 7,
        "min_lr_ratio": 0.1,
    },
}


def config_text():
    """The configuration that all cases start from."""
    lines = []
    for name, fields in (("task", TASK), ("model", MODEL), ("training", TRAINING)):
        lines.append(name + " {")
        for field, value in fields.items():
            quoted = json.dumps(value)  # true, 1, 0.5 and "text" as in textproto
            lines.append("  %s: %s" % (field, quoted))
        lines.append("}")
    lines.append("seed: %d" % SEED)
    lines.append("aux_loss_weight: %s" % AUX_LOSS_WEIGHT)
    lines.append("statistics { map_samples: 0 }")
    return "\n".join(lines) + "\n"


def train(training, attention_type, dtype):
    """Losses of all steps and the trained model."""
    config = {**TASK, **MODEL, **TRAINING, "seed": SEED}
    config.update(aux_loss_weight=AUX_LOSS_WEIGHT, attention_type=attention_type)
    run = reference_run.Induction(config)
    model = run.model.to(dtype)
    optimizer = optimisers.make(model.parameters(), training)
    schedule = optimisers.schedule(optimizer, training, STEPS)
    inputs, targets = run.train
    losses = []
    for _ in range(config["num_epochs"]):
        for index in reference_run.index_batches(
            len(inputs), config["batch_size"], True
        ):
            optimizer.zero_grad()
            loss = run.loss(model(inputs[index]), targets[index])
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        # The draw of the reference's evaluation.
        reference_run.index_batches(TASK["num_eval"], config["batch_size"], False)
    assert len(losses) == STEPS, len(losses)
    return losses, model


def summary(tensor):
    flat = tensor.detach().flatten()
    return [flat.sum().item(), flat[0].item(), flat[-1].item()]


def case(rule, schedule, attention_type):
    training = {"optimizer": rule, **RULES[rule], **SCHEDULES[schedule]}
    losses, model = train(training, attention_type, torch.float64)
    rounded, _ = train(training, attention_type, torch.float32)
    spread = max(abs(a - b) / b for a, b in zip(rounded, losses))
    print(
        "%-9s %-14s %-13s loss %.6f to %.6f, float32 %.1e"
        % (rule, schedule, attention_type, losses[0], losses[-1], spread)
    )
    settings = ["training.%s=%s" % pair for pair in training.items()]
    return {
        "settings": settings + ["model.attention_type=" + attention_type],
        "losses": losses,
        "float32": spread,
        "after": {name: summary(p) for name, p in model.named_parameters()},
    }


def all_cases():
    pairs = [(rule, schedule) for rule in RULES for schedule in SCHEDULES]
    kinds = (MODEL["attention_type"], "uniform")
    return {
        "%s/%s" % pair: case(*pair, kinds[number % 2])
        for number, pair in enumerate(pairs)
    }


def text_of(fixture):
    """JSON with a line per case."""
    compact = {"separators": (",", ":")}
    cases = ",\n".join(
        json.dumps(name) + ":" + json.dumps(value, **compact)
        for name, value in fixture["cases"].items()
    )
    return '{"written_by":%s,\n"config":%s,\n"cases":{\n%s}}\n' % (
        json.dumps(fixture["written_by"]),
        json.dumps(fixture["config"]),
        cases,
    )


def check_adam_is_adamw_without_decay():
    """What lets one kernel serve both, in PyTorch."""
    options = {**RULES["adam"], "weight_decay": 0.0}
    for dtype in (torch.float32, torch.float64):
        results = [
            train({"optimizer": rule, **options}, "softmax", dtype)
            for rule in ("adam", "adamw")
        ]
        assert results[0][0] == results[1][0], dtype
        for a, b in zip(*(model.parameters() for _, model in results)):
            assert torch.equal(a, b), dtype


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    root = os.path.dirname(os.path.abspath(__file__)) + "/../../tests/fixtures"
    parser.add_argument("--out", default=os.path.normpath(root) + "/optimisers.json")
    args = parser.parse_args()
    torch.set_num_threads(1)
    check_adam_is_adamw_without_decay()
    fixture = {
        "written_by": "tools/peer/write_optimisers.py, PyTorch " + torch.__version__,
        "config": config_text(),
        "cases": all_cases(),
    }
    with open(args.out, "w") as file:
        file.write(text_of(fixture))
    size = os.path.getsize(args.out)
    print("%s: %d bytes" % (args.out, size))
    assert size < 100000, size
    return 0


if __name__ == "__main__":
    sys.exit(main())
