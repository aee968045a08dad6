#!/usr/bin/env python3
"""PyTorch as one side of a comparison: eager, or with --compile torch.compile.

Products, rows and their gradients are single calls into preallocated results,
so that nothing but the kernel and PyTorch's own call is timed. Steps are those
of model.py: zero_grad, forward, loss, backward, the optimizer's step.
"""

import itertools
import random
import sys

sys.dont_write_bytecode = True  # these are sources

import blas  # before torch
import torch

import model as peer
import optimisers
from side import Step, Unsupported, serve

COMPILE = "--compile" in sys.argv[1:]


def numbers(*shape):
    return torch.rand(*shape) * 4 - 2


def repeat(call):
    def run(times):
        for _ in range(times):
            call()

    return run


def open_linear(op, rows, inner, outer):
    x, y, w = numbers(rows, inner), numbers(rows, outer), numbers(outer, inner)
    if op == "forward":
        return repeat(lambda: torch.mm(x, w.t(), out=y))
    if op == "input_gradient":
        return repeat(lambda: torch.mm(y, w, out=x))
    return repeat(lambda: torch.mm(y.t(), x, out=w))


def open_softmax(op, rows, n):
    x, y = numbers(rows, n), torch.empty(rows, n)
    if op == "forward":
        softmax = torch.ops.aten._softmax.out
        return repeat(lambda: softmax(x, -1, False, out=y))
    dy, y = numbers(rows, n), torch.softmax(x, -1)
    gradient = torch.ops.aten._softmax_backward_data.out
    return repeat(lambda: gradient(dy, y, -1, torch.float32, grad_input=x))


def open_sigmoid(op, rows, n):
    x, y = numbers(rows, n), torch.empty(rows, n)
    if op == "forward":
        return repeat(lambda: torch.sigmoid(x, out=y))
    dy, y = numbers(rows, n), torch.sigmoid(x)
    gradient = torch.ops.aten.sigmoid_backward.grad_input
    return repeat(lambda: gradient(dy, y, grad_input=x))


def step_data(case):
    count = case.batches * case.batch_size
    if case.experiment == "induction":
        data = peer.induction_data(count, case.vocab_size, case.seq_length, True)
    else:
        data = peer.classification_data(
            count, case.vocab_size, case.seq_length, case.num_labels
        )
    return list(zip(*(part.split(case.batch_size) for part in data)))


def open_step(**values):
    case = Step(values)
    torch.set_num_threads(case.threads)
    random.seed(0)
    torch.manual_seed(0)
    batches = itertools.cycle(step_data(case))
    model = peer.Transformer(
        case.tokens, case.outputs, peer.ModelConfig(**case.model)
    )
    optimizer = optimisers.make(
        model.parameters(), {"lr": case.lr, "optimizer": case.optimizer}
    )

    def loss_of(inputs, target):
        if case.bfloat16:
            with torch.autocast("cpu", dtype=torch.bfloat16):
                logits = model(inputs).float()
        else:
            logits = model(inputs)
        if case.experiment == "induction":
            return peer.induction_loss(logits, target, case.aux_loss_weight)
        return torch.nn.functional.cross_entropy(logits[:, -1], target)

    if COMPILE:
        loss_of = torch.compile(loss_of)

    def step():
        inputs, target = next(batches)
        optimizer.zero_grad()
        loss = loss_of(inputs, target)
        loss.backward()
        optimizer.step()
        return loss.item()

    return repeat(step)


OPENERS = {"step": open_step}
if not COMPILE:
    OPENERS.update(linear=open_linear, softmax=open_softmax, sigmoid=open_sigmoid)


def open_case(kind, values):
    if kind not in OPENERS:
        raise Unsupported()
    torch.set_num_threads(1)
    return OPENERS[kind](**values)


def describe():
    if blas.is_openblas():
        return blas.describe()
    wanted = ("CPU capability", "Math Kernel", "MKL-DNN")
    lines = [line.strip(" -") for line in torch.__config__.show().splitlines()]
    return "; ".join(line for line in lines if any(w in line for w in wanted))


if __name__ == "__main__":
    torch.set_num_threads(1)
    name = "PyTorch compiled" if COMPILE else "PyTorch"
    serve(
        {"name": name, "version": torch.__version__, "detail": describe()},
        open_case,
    )
