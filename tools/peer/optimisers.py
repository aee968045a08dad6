"""The optimizers and rate schedules of the configuration files, of PyTorch's parts.

An `options` is the block `training` of a configuration as a dictionary; what is
not in it has the default of protos/training.proto.
"""

import torch
from torch.optim import lr_scheduler

DEFAULTS = {
    "lr": 1e-3,
    "beta1": 0.9,
    "beta2": 0.999,
    "epsilon": 1e-8,
    "optimizer": "adamw",
    "momentum": 0.9,
    "lr_schedule": "constant",
    "warmup_steps": 0,
    "min_lr_ratio": 0.0,
}

OPTIMIZERS = ("adamw", "adam", "sgd", "momentum", "sign")


class SignDescent(torch.optim.Optimizer):
    """p = p (1 - lr weight_decay) - lr sign(g); PyTorch has none."""

    def __init__(self, parameters, lr, weight_decay):
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(p.grad.sign(), alpha=-group["lr"])


def make(parameters, options):
    """The optimizer that `options` names, at its largest rate."""
    o = {**DEFAULTS, **options}
    name, lr = o["optimizer"], o["lr"]
    decay = o.get("weight_decay", 0.01 if name == "adamw" else 0.0)
    adam = {"lr": lr, "betas": (o["beta1"], o["beta2"]), "eps": o["epsilon"]}
    if name == "adamw":
        return torch.optim.AdamW(parameters, **adam, weight_decay=decay)
    if name == "adam":
        assert decay == 0, decay
        return torch.optim.Adam(parameters, **adam)
    if name == "sign":
        return SignDescent(parameters, lr, decay)
    momentum = {"sgd": 0.0, "momentum": o["momentum"]}[name]
    return torch.optim.SGD(parameters, lr, momentum=momentum, weight_decay=decay)


def schedule(optimizer, options, steps):
    """What to step after every step of a run of `steps`.

    Of PyTorch's schedulers, not of the formula in protos/training.proto.
    """
    o = {**DEFAULTS, **options}
    warm = o["warmup_steps"]
    if o["lr_schedule"] == "cosine":
        least = o["lr"] * o["min_lr_ratio"]
        after = lr_scheduler.CosineAnnealingLR(optimizer, steps - warm, least)
    else:
        after = lr_scheduler.ConstantLR(optimizer, factor=1.0)
    if warm <= 1:
        return after
    before = lr_scheduler.LinearLR(
        optimizer, start_factor=1 / warm, end_factor=1.0, total_iters=warm - 1
    )
    return lr_scheduler.SequentialLR(optimizer, [before, after], milestones=[warm])
