#!/usr/bin/env python3
"""JAX as one side of a comparison: everything is jitted, steps as a whole.

A step's parameters and optimiser state are donated, so that XLA may update them
in place. Runs wait for their result.
"""

import itertools
import os
import sys

sys.dont_write_bytecode = True  # these are sources
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["XLA_FLAGS"] = (
    os.environ.get("XLA_FLAGS", "")
    + " --xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
)

import jax
import jax.numpy as jnp
import numpy as np

import jax_model
from side import Step, Unsupported, serve

_RANDOM = np.random.default_rng(0)


def numbers(*shape):
    return jnp.asarray(_RANDOM.random(shape, dtype=np.float32) * 4 - 2)


def repeat(function, *arguments):
    function = jax.jit(function)

    def run(times):
        for _ in range(times):
            function(*arguments).block_until_ready()

    return run


def open_linear(op, rows, inner, outer):
    x, y, w = numbers(rows, inner), numbers(rows, outer), numbers(outer, inner)
    if op == "forward":
        return repeat(lambda x, w: x @ w.T, x, w)
    if op == "input_gradient":
        return repeat(lambda y, w: y @ w, y, w)
    return repeat(lambda y, x: y.T @ x, y, x)


def open_softmax(op, rows, n):
    x = numbers(rows, n)
    if op == "forward":
        return repeat(lambda x: jax.nn.softmax(x, axis=-1), x)
    y = jax.nn.softmax(x, axis=-1)
    return repeat(
        lambda y, dy: y * (dy - (y * dy).sum(-1, keepdims=True)), y, numbers(rows, n)
    )


def open_sigmoid(op, rows, n):
    x = numbers(rows, n)
    if op == "forward":
        return repeat(jax.nn.sigmoid, x)
    return repeat(lambda y, dy: dy * y * (1 - y), jax.nn.sigmoid(x), numbers(rows, n))


def induction_batch(case):
    """Inputs and targets [B, T]: BOS, distinct tokens, one again, its follower."""
    length = case.seq_length - 3
    rows = []
    for _ in range(case.batch_size):
        distinct = list(1 + _RANDOM.permutation(case.vocab_size - 1)[:length])
        at = _RANDOM.integers(length)
        distinct.append(distinct[at] + case.vocab_size)
        rows.append([0] + distinct + [distinct[at + 1]])
    tokens = jnp.asarray(rows, jnp.int32)
    return tokens[:, :-1], tokens[:, 1:]


def classification_batch(case):
    """Inputs [B, T], distinct tokens of one group and CLS; labels [B]."""
    group = (case.vocab_size - 1) // case.num_labels
    labels = _RANDOM.integers(case.num_labels, size=case.batch_size)
    rows = []
    for label in labels:
        chosen = _RANDOM.permutation(group)[: case.seq_length - 1]
        rows.append(list(chosen + label * group + 1) + [0])
    return jnp.asarray(rows, jnp.int32), jnp.asarray(labels, jnp.int32)


def open_step(**values):
    case = Step(values)
    if case.bfloat16:
        raise Unsupported("no bfloat16 step written for JAX")
    if case.optimizer != "adamw":
        raise Unsupported("no other optimizer than adamw written for JAX")
    if case.threads != 1:
        raise Unsupported("one thread only")
    if case.model["qk_norm"] or case.model["attention_gate"]:
        raise Unsupported("no QK norm and no attention gate written for JAX")
    induction = case.experiment == "induction"

    def loss_of(params, tokens, target):
        logits = jax_model.logits_of(params, tokens, case.model)
        if not induction:
            return jax_model.cross_entropy(logits[:, -1], target)
        start = jax_model.cross_entropy(logits[:, :-1], target[:, :-1])
        main = jax_model.cross_entropy(logits[:, -1], target[:, -1])
        return case.aux_loss_weight * start + main

    def step(params, state, tokens, target):
        loss, gradients = jax.value_and_grad(loss_of)(params, tokens, target)
        return jax_model.adamw(params, gradients, state, case.lr) + (loss,)

    step = jax.jit(step, donate_argnums=(0, 1))
    make = induction_batch if induction else classification_batch
    batches = itertools.cycle([make(case) for _ in range(case.batches)])
    params = jax_model.init(
        jax.random.PRNGKey(0), case.tokens, case.outputs, case.model
    )
    state = jax_model.adamw_init(params)
    state = jax.tree.map(jnp.array, state)  # m and v must not share their zeros

    def run(times):
        nonlocal params, state
        for _ in range(times):
            params, state, loss = step(params, state, *next(batches))
            loss.block_until_ready()

    return run


OPENERS = {
    "linear": open_linear,
    "softmax": open_softmax,
    "sigmoid": open_sigmoid,
    "step": open_step,
}


def open_case(kind, values):
    if kind not in OPENERS:
        raise Unsupported()
    return OPENERS[kind](**values)


if __name__ == "__main__":
    serve(
        {"name": "JAX", "version": jax.__version__, "detail": "XLA on one CPU thread"},
        open_case,
    )
