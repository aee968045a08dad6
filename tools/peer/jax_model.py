"""The transformer of model.py as pure functions on a dictionary of arrays.

Letters: B batch, T positions, E embedding width, N heads, H = E / N.
"""

import jax
import jax.numpy as jnp

# Kinds that divide by (sum + 1e-9), and by max(|sum|, 1).
_SUM_NORMALISED = (
    "uniform",
    "sigmoid_norm",
    "linear",
    "coupled_linear_norm",
    "relu_norm",
)
_CLAMPED = ("raw_dotproduct_norm", "mlp_norm")
# Kinds that softmax a row, two of them with a sink in it.
_SOFTMAX = ("softmax", "softmax_1", "softmax_sink")
MAX_SEQ_LENGTH = 512


def _linear(key, inner, outer):
    def uniform(key, *shape):
        return inner**-0.5 * jax.random.uniform(key, shape, minval=-1.0)

    weight, bias = jax.random.split(key)
    return {"weight": uniform(weight, outer, inner), "bias": uniform(bias, outer)}


def _norm(width):
    return {"weight": jnp.ones(width), "bias": jnp.zeros(width)}


def _mlp(key, width, hidden):
    first, second = jax.random.split(key)
    return [_linear(first, width, hidden), _linear(second, hidden, width)]


def _block(key, config):
    width = config["embed_dim"]
    keys = jax.random.split(key, 6)
    block = {
        name: _linear(k, width, width)
        for name, k in zip(("q_proj", "k_proj", "v_proj", "o_proj"), keys)
    }
    if config["use_layernorm"]:
        block.update(norm1=_norm(width), norm2=_norm(width))
    if config["use_mlp"]:
        block["mlp"] = _mlp(keys[4], width, 4 * width)
    if config["attention_type"] in ("mlp_norm", "mlp_unnorm"):
        head_dim = width // config["num_heads"]
        block["attn_mlp"] = _mlp(keys[5], head_dim, 4 * head_dim)
    if config["attention_type"] == "softmax_sink":
        block["sink_logit"] = jnp.zeros(config["num_heads"])
    return block


def init(key, tokens, outputs, config):
    width = config["embed_dim"]
    keys = jax.random.split(key, 3 + config["num_layers"])
    token_width = width // 2 if config["positional_type"] == "concat" else width
    params = {
        "embedding": jax.random.normal(keys[0], (tokens, token_width)),
        "output_proj": _linear(keys[1], width, outputs),
        "layers": [_block(k, config) for k in keys[3:]],
    }
    if config["positional_type"] != "no":
        params["pos_embedding"] = jax.random.normal(
            keys[2], (MAX_SEQ_LENGTH, token_width)
        )
    if config["use_layernorm"]:
        params["final_norm"] = _norm(width)
    return params


def linear(p, x):
    return x @ p["weight"].T + p["bias"]


def layer_norm(p, x):
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(variance + 1e-5) * p["weight"] + p["bias"]


def mlp(p, x):
    return linear(p[1], jax.nn.gelu(linear(p[0], x), approximate=False))


def unmasked_weights(p, q, k, kind):  # [B, N, T, T]
    scale = q.shape[-1] ** -0.5
    if kind == "uniform":
        return jnp.ones(q.shape[:-1] + (k.shape[-2],), q.dtype)
    if kind in ("linear", "linear_unnorm"):
        q, k, scale = jax.nn.elu(q) + 1, jax.nn.elu(k) + 1, 1.0
    if kind in ("mlp_norm", "mlp_unnorm"):
        q, k = mlp(p["attn_mlp"], q), mlp(p["attn_mlp"], k)
    scores = q @ k.swapaxes(-2, -1) * scale
    if kind in ("sigmoid_norm", "sigmoid_unnorm"):
        return jax.nn.sigmoid(scores)
    if kind == "sigmoid_bias":
        return jax.nn.sigmoid(scores - jnp.log(float(scores.shape[-1])))
    if kind == "exp_unnorm":
        return jnp.exp(scores)
    if kind in ("relu_norm", "relu_unnorm"):
        return jax.nn.relu(scores)
    if kind in ("coupled_linear_norm", "coupled_linear_unnorm"):
        return jax.nn.elu(scores) + 1
    return scores


def softmax_with_sink(scores, logit):
    column = jnp.broadcast_to(logit, scores.shape[:-1] + (1,))
    return jax.nn.softmax(jnp.concatenate([column, scores], -1), axis=-1)[..., 1:]


def normalise(weights, kind):
    total = weights.sum(-1, keepdims=True)
    if kind in _SUM_NORMALISED:
        return weights / (total + 1e-9)
    if kind in _CLAMPED:
        return weights / jnp.maximum(jnp.abs(total), 1.0)
    return weights


def attention(p, x, config):
    batch, length, width = x.shape
    heads, kind = config["num_heads"], config["attention_type"]

    def split_heads(y):  # [B, T, E] -> [B, N, T, H]
        return y.reshape(batch, length, heads, width // heads).swapaxes(1, 2)

    q, k, v = (
        split_heads(linear(p[name], x)) for name in ("q_proj", "k_proj", "v_proj")
    )
    weights = unmasked_weights(p, q, k, kind)
    if config["is_causal"]:
        seen = jnp.tril(jnp.ones((length, length), bool))
        weights = jnp.where(seen, weights, -jnp.inf if kind in _SOFTMAX else 0.0)
    if kind == "softmax":
        weights = jax.nn.softmax(weights, axis=-1)
    if kind == "softmax_1":
        weights = softmax_with_sink(weights, 0.0)
    if kind == "softmax_sink":
        weights = softmax_with_sink(weights, p["sink_logit"][:, None, None])
    weights = normalise(weights, kind)
    return linear(p["o_proj"], (weights @ v).swapaxes(1, 2).reshape(x.shape))


def logits_of(params, tokens, config):
    """Token ids [B, T] to logits [B, T, outputs]."""
    norm = layer_norm if config["use_layernorm"] else lambda p, x: x
    x = params["embedding"][tokens]
    if config["positional_type"] != "no":
        rows = jnp.broadcast_to(
            params["pos_embedding"][: tokens.shape[1]], x.shape
        )
        if config["positional_type"] == "add":
            x = x + rows
        else:
            x = jnp.concatenate([x, rows], -1)
    for p in params["layers"]:
        x = x + attention(p, norm(p.get("norm1"), x), config)
        if config["use_mlp"]:
            x = x + mlp(p["mlp"], norm(p.get("norm2"), x))
    return linear(params["output_proj"], norm(params.get("final_norm"), x))


def cross_entropy(logits, target):
    chosen = jnp.take_along_axis(logits, target[..., None], -1)[..., 0]
    return (jax.nn.logsumexp(logits, -1) - chosen).mean()


def adamw_init(params):
    zeros = jax.tree.map(jnp.zeros_like, params)
    return {"m": zeros, "v": zeros, "step": jnp.zeros((), jnp.int32)}


def adamw(params, gradients, state, lr, decay=0.01, b1=0.9, b2=0.999, eps=1e-8):
    step = state["step"] + 1
    m = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, state["m"], gradients)
    v = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, state["v"], gradients)
    to_m, to_v = 1 / (1 - b1**step), 1 / (1 - b2**step)

    def update(p, m, v):
        return p * (1 - lr * decay) - lr * to_m * m / (jnp.sqrt(to_v * v) + eps)

    return jax.tree.map(update, params, m, v), {"m": m, "v": v, "step": step}
