#!/usr/bin/env python3
"""Writes the fixtures of tests/fixtures: tiny models with their gradients.

  /usr/bin/python3 tools/peer/write_fixture.py [--out DIR] [CASE ...]

For every case model_CASE.textproto holds the configuration and
model_CASE.safetensors these tensors:

  param/NAME   float32, the reference's state_dict names and layouts
  grad/NAME    float32, gradient of the loss; absent where there is none (q_proj
               and k_proj under `uniform`), 0 for k_proj.bias under `softmax`
  input        int32 [n, T], token ids
  target       int32 [n, T]
  logits       float32 [n, T, O]
  loss         float32 [1], aux_loss_weight * loss_parts[0] + loss_parts[1]
  loss_parts   float32 [2], positions 0..T-2 and position T-1

init_CASE.* hold a configuration and the param/NAME of a fresh model, drawn from
torch.manual_seed(seed), for options that the reference does not have.

Everything is computed in double from the float32 parameters and rounded once.
Parameters are larger than a fresh model's and no norm is the identity, so that
attention is far from uniform and no factor is hidden by being 1. Cases that
normalise by max(|sum|, 1) have rows on both sides of 1 and none near it.
"""

import argparse
import os
import random
import sys

import blas  # noqa: F401  before torch
import numpy as np
import torch

import model as peer
import safetensors_file

MODEL = {
    "embed_dim": 16,
    "num_layers": 2,
    "num_heads": 2,
    "mlp_ratio": 4.0,
    "use_mlp": True,
    "use_layernorm": True,
    "is_causal": True,
    "attention_type": "softmax",
    "positional_type": "concat",
}
# Options that a configuration names where they are not the default.
OPTIONS = {"attention_temperature": 1.0, "qk_norm": False, "attention_gate": False}
TASK = {"vocab_size": 20, "seq_length": 9, "shift_query_token": True}
SEQUENCES = 5

# Case -> what differs from the above. Every attention type, positional type
# and option occurs.
CASES = {
    "softmax": {},
    "softmax_full_add": {"is_causal": False, "positional_type": "add"},
    "softmax_no_aux": {"aux_loss_weight": 0.0, "num_heads": 4},
    "uniform": {"attention_type": "uniform", "mlp_ratio": 2.0},
    "uniform_full": {
        "attention_type": "uniform",
        "is_causal": False,
        "positional_type": "no",
    },
    "sigmoid_norm": {
        "attention_type": "sigmoid_norm",
        "num_heads": 4,
        "use_layernorm": False,
    },
    "sigmoid_unnorm": {
        "attention_type": "sigmoid_unnorm",
        "positional_type": "add",
        "use_mlp": False,
    },
    "linear": {"attention_type": "linear", "num_heads": 1},
    "linear_unnorm": {
        "attention_type": "linear_unnorm",
        "is_causal": False,
        "positional_type": "add",
    },
    "coupled_linear_norm": {
        "attention_type": "coupled_linear_norm",
        "num_heads": 1,
        "shift_query_token": False,
    },
    "coupled_linear_unnorm": {
        "attention_type": "coupled_linear_unnorm",
        "positional_type": "no",
        "use_mlp": False,
        "use_layernorm": False,
    },
    "raw_dotproduct_norm": {
        "attention_type": "raw_dotproduct_norm",
        "aux_loss_weight": 0.0,
        "positional_type": "add",
    },
    "raw_dotproduct_unnorm": {
        "attention_type": "raw_dotproduct_unnorm",
        "is_causal": False,
        "mlp_ratio": 2.0,
        "num_layers": 1,
    },
    "mlp_norm": {
        "attention_type": "mlp_norm",
        "positional_type": "no",
        "num_heads": 1,
        "num_layers": 1,
    },
    "mlp_norm_full": {
        "attention_type": "mlp_norm",
        "is_causal": False,
        "shift_query_token": False,
    },
    "mlp_unnorm": {"attention_type": "mlp_unnorm", "num_heads": 4},
    "softmax_1": {"attention_type": "softmax_1"},
    "softmax_1_full": {
        "attention_type": "softmax_1",
        "is_causal": False,
        "positional_type": "no",
        "use_layernorm": False,
    },
    "softmax_sink": {"attention_type": "softmax_sink", "num_heads": 4},
    "softmax_sink_full": {
        "attention_type": "softmax_sink",
        "is_causal": False,
        "positional_type": "add",
        "attention_temperature": 0.5,
    },
    "exp_unnorm": {"attention_type": "exp_unnorm", "use_mlp": False},
    "sigmoid_bias": {"attention_type": "sigmoid_bias", "positional_type": "add"},
    "relu_norm": {"attention_type": "relu_norm", "num_heads": 1},
    "relu_unnorm": {"attention_type": "relu_unnorm", "is_causal": False},
    "softmax_temperature": {"attention_temperature": 0.4},
    "linear_unnorm_temperature": {
        "attention_type": "linear_unnorm",
        "attention_temperature": 2.5,
    },
    "mlp_unnorm_temperature": {
        "attention_type": "mlp_unnorm",
        "attention_temperature": 1.5,
        "num_layers": 1,
    },
}

# The same for OPTIONS, with seeds of their own.
OPTION_CASES = {
    "qk_norm": {"qk_norm": True},
    "qk_norm_mlp": {
        "qk_norm": True,
        "attention_type": "mlp_unnorm",
        "num_layers": 1,
    },
    "qk_norm_linear_full": {
        "qk_norm": True,
        "attention_type": "linear",
        "is_causal": False,
        "positional_type": "add",
    },
    "gate": {"attention_gate": True},
    "gate_uniform_bare": {
        "attention_gate": True,
        "attention_type": "uniform",
        "use_mlp": False,
        "use_layernorm": False,
    },
    "qk_norm_gate": {"qk_norm": True, "attention_gate": True, "num_heads": 4},
    # As in section 4.2: every position sees all, and there are no positions.
    "qk_norm_gate_full_no_positions": {
        "qk_norm": True,
        "attention_gate": True,
        "attention_type": "sigmoid_unnorm",
        "is_causal": False,
        "positional_type": "no",
        "shift_query_token": False,
        "aux_loss_weight": 0.0,
    },
}

# The shared MLP is drawn before the gate.
INIT_CASES = {
    "options": {
        "qk_norm": True,
        "attention_gate": True,
        "attention_type": "mlp_norm",
    },
}


def split_options(options):
    model = {name: options.get(name, MODEL[name]) for name in MODEL}
    model.update((name, options[name]) for name in OPTIONS if name in options)
    task = {name: options.get(name, TASK[name]) for name in TASK}
    unknown = set(options) - set(model) - set(task) - {"aux_loss_weight"}
    assert not unknown, unknown
    return model, task, options.get("aux_loss_weight", 0.2)


def text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return '"%s"' % value if isinstance(value, str) else str(value)


def textproto(seed, model, task, aux_loss_weight):
    lines = ["# Written by tools/peer/write_fixture.py."]
    for name, fields in (("task", task), ("model", model)):
        lines.append(name + " {")
        lines += ["  %s: %s" % (n, text(v)) for n, v in fields.items()]
        lines.append("}")
    lines.append("seed: %d" % seed)
    lines.append("aux_loss_weight: %s" % text(aux_loss_weight))
    return "\n".join(lines) + "\n"


def spread_parameters(model):
    """Moves a fresh model away from where mistakes do not show."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape)
            if "norm" in name:
                parameter.add_(noise, alpha=0.2)
            elif "q_proj" in name or "k_proj" in name:
                parameter.mul_(2.0)
            elif "sink_logit" in name:
                parameter.add_(noise)
            elif "attn_mlp" in name:
                parameter.mul_(1.75)
            elif name.endswith("bias"):
                parameter.add_(noise, alpha=0.1)


def clamped_sums(model, tokens):
    """The absolute row sums that meet max(|sum|, 1)."""
    sums = []
    normalise = peer.normalise

    def record(kind, weights):
        sums.append(weights.sum(dim=-1).abs().flatten())
        return normalise(kind, weights)

    peer.normalise = record
    try:
        model(tokens)
    finally:
        peer.normalise = normalise
    return torch.cat(sums)


def check_relu(name, model, tokens):
    """No score is so near 0 that rounding could move it across."""
    scores = []
    relu = peer.F.relu

    def record(x):
        scores.append(x.flatten())
        return relu(x)

    peer.F.relu = record
    try:
        model(tokens)
    finally:
        peer.F.relu = relu
    scores = torch.cat(scores)
    nearest = scores.abs().min().item()
    print("  positive: %.2f, nearest %.5f" % ((scores > 0).double().mean(), nearest))
    assert nearest > 1e-5, (name, nearest)


def check_case(name, model, tokens, logits):
    """A fixture that could not tell right from wrong is refused."""
    assert 0.1 < logits.std() < 10, (name, logits.std())
    if model.config.attention_type in ("relu_norm", "relu_unnorm"):
        check_relu(name, model, tokens)
    if model.config.attention_type in peer._CLAMPED:
        sums = clamped_sums(model, tokens)
        above = (sums > 1).double().mean().item()
        nearest = (sums - 1).abs().min().item()
        print("  sums above 1: %.2f, nearest %.4f" % (above, nearest))
        assert 0.1 < above < 0.9, (name, above)
        assert nearest > 1e-4, (name, nearest)


def clear_noise(name, model):
    """A softmax does not change when every key moves by the same vector."""
    for layer in model.layers:
        assert layer.k_proj.bias.grad.abs().max() < 1e-15, name
        layer.k_proj.bias.grad.zero_()


def fresh_model(seed, model_options, task):
    random.seed(seed)
    torch.manual_seed(seed)
    tokens = task["vocab_size"] * (1 + task["shift_query_token"])
    return peer.Transformer(tokens, tokens, peer.ModelConfig(**model_options))


def build_init(seed, model_options, task, _):
    model = fresh_model(seed, model_options, task)
    return {
        "param/" + name: parameter.detach().numpy()
        for name, parameter in model.named_parameters()
    }


def build_case(name, seed, model_options, task, aux_loss_weight):
    model = fresh_model(seed, model_options, task)
    spread_parameters(model)
    model = model.double()
    inputs, target = peer.induction_data(SEQUENCES, **task)
    logits = model(inputs)
    parts = peer.induction_loss_parts(logits, target)
    loss = aux_loss_weight * parts[0] + parts[1]
    loss.backward()
    check_case(name, model, inputs, logits)

    if model.config.attention_type == "softmax" and not model.config.qk_norm:
        clear_noise(name, model)

    tensors = {}
    named = list(model.named_parameters())
    for parameter_name, parameter in named:
        tensors["param/" + parameter_name] = parameter
    for parameter_name, parameter in named:
        if parameter.grad is not None:
            tensors["grad/" + parameter_name] = parameter.grad
    tensors["logits"] = logits
    tensors["loss"] = loss.reshape(1)
    tensors["loss_parts"] = torch.stack(parts)
    arrays = {n: t.detach().numpy().astype(np.float32) for n, t in tensors.items()}
    arrays["input"] = inputs.numpy().astype(np.int32)
    arrays["target"] = target.numpy().astype(np.int32)
    return arrays


def write(stem, seed, options, arrays):
    safetensors_file.write(stem + ".safetensors", arrays)
    with open(stem + ".textproto", "w") as file:
        file.write(textproto(seed, *options))
    size = os.path.getsize(stem + ".safetensors")
    assert size < 150000, size
    return size


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    root = os.path.dirname(os.path.abspath(__file__)) + "/../../tests/fixtures"
    parser.add_argument("--out", default=os.path.normpath(root))
    parser.add_argument("cases", metavar="CASE", nargs="*", help="default: all")
    args = parser.parse_args()
    torch.set_num_threads(1)
    cases, seeds = {**CASES, **OPTION_CASES}, {}
    for first, group in ((100, CASES), (200, OPTION_CASES)):
        seeds.update(zip(group, range(first, first + len(group))))
    for name in args.cases or cases:
        seed = seeds[name]
        options = split_options(cases[name])
        arrays = build_case(name, seed, *options)
        size = write(os.path.join(args.out, "model_" + name), seed, options, arrays)
        print("%-30s loss %9.5f  %6d bytes" % (name, arrays["loss"][0], size))
    if not args.cases:
        for seed, (name, options) in enumerate(INIT_CASES.items(), 300):
            options = split_options(options)
            arrays = build_init(seed, *options)
            write(os.path.join(args.out, "init_" + name), seed, options, arrays)
    kinds = {options.get("attention_type", "softmax") for options in CASES.values()}
    assert kinds == set(peer.ATTENTION_TYPES), kinds
    return 0


if __name__ == "__main__":
    sys.exit(main())
