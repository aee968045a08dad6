#!/usr/bin/env python3
"""Checks that jax_model.py trains as model.py does, kind by kind.

  ~/.cache/polarize/peers/bin/python tools/peer/check_jax_model.py

Both start from the same weights and take three steps on the same batch; the
losses must agree to 2e-5 relative.
"""

import dataclasses
import os
import sys

sys.dont_write_bytecode = True
os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import jax.numpy as jnp
import torch

import jax_model
import model as peer
import optimisers

LR, AUX, VOCAB_SIZE = 1e-3, 0.2, 50


def array(tensor):
    return jnp.asarray(tensor.detach().numpy())


def affine(module):
    return {"weight": array(module.weight), "bias": array(module.bias)}


def mlp(module):
    return [affine(module[0]), affine(module[2])]


def params_of(model):
    """A PyTorch model's parameters as jax_model.init lays them out."""
    params = {
        "embedding": array(model.embedding.weight),
        "output_proj": affine(model.output_proj),
        "final_norm": affine(model.final_norm),
        "layers": [],
    }
    if hasattr(model, "pos_embedding"):
        params["pos_embedding"] = array(model.pos_embedding.weight)
    names = ("q_proj", "k_proj", "v_proj", "o_proj", "norm1", "norm2")
    for layer in model.layers:
        block = {name: affine(getattr(layer, name)) for name in names}
        block["mlp"] = mlp(layer.mlp)
        if hasattr(layer, "attn_mlp"):
            block["attn_mlp"] = mlp(layer.attn_mlp)
        if hasattr(layer, "sink_logit"):
            block["sink_logit"] = array(layer.sink_logit)
        params["layers"].append(block)
    return params


def worst_difference(config):
    model = peer.Transformer(2 * VOCAB_SIZE, 2 * VOCAB_SIZE, config)
    optimizer = optimisers.make(model.parameters(), {"lr": LR})
    inputs, target = peer.induction_data(16, VOCAB_SIZE, 13, True)
    tokens, labels = array(inputs), array(target)
    options = dataclasses.asdict(config)
    params = params_of(model)
    made = jax_model.init(jax.random.PRNGKey(0), 100, 100, options)
    assert jax.tree.map(jnp.shape, made) == jax.tree.map(jnp.shape, params)

    def loss_of(params):
        logits = jax_model.logits_of(params, tokens, options)
        start = jax_model.cross_entropy(logits[:, :-1], labels[:, :-1])
        return AUX * start + jax_model.cross_entropy(logits[:, -1], labels[:, -1])

    state, worst = jax_model.adamw_init(params), 0.0
    for _ in range(3):
        optimizer.zero_grad()
        loss = peer.induction_loss(model(inputs), target, AUX)
        loss.backward()
        optimizer.step()
        jax_loss, gradients = jax.value_and_grad(loss_of)(params)
        params, state = jax_model.adamw(params, gradients, state, LR)
        worst = max(worst, abs(float(jax_loss) / loss.item() - 1))
    return worst


def main():
    failed = False
    for kind in peer.ATTENTION_TYPES:
        for position, causal in (("concat", True), ("add", True), ("no", False)):
            torch.manual_seed(0)
            worst = worst_difference(
                peer.ModelConfig(
                    attention_type=kind, positional_type=position, is_causal=causal
                )
            )
            failed |= not worst < 2e-5
            print("%-22s %-7s %.1e" % (kind, position, worst))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
