"""The value-softmax models of section 3 in NumPy, written from their formulas.

A loss l of beta = V s, s = map(a / temperature), by gradient descent. One
function for the loss and one for each gradient, each beginning with the forward
pass, as one writes them by hand; kernels/value_softmax/value_softmax.h has the
same formulas. Nothing here knows how the program computes.
"""

import math

import numpy as np
from scipy.special import expit, softmax, xlogy

# Added to every norm that a map divides by.
_NORM = 1e-10
# Added to the probabilities of the cross entropy, in the loss alone.
_LOG = 1e-15
_EPSILON = np.finfo(float).eps


class Point:
    """V, a, the logit of softmax1's sink, and the response."""

    def __init__(self, V, a, sink=0.0, response=0.0):
        self.V, self.a, self.sink, self.response = V, a, sink, response

    def copy(self):
        return Point(self.V.copy(), self.a.copy(), self.sink, self.response)


# The maps from z to s, and from the gradient g of s to that of z.


def _raw(name, z):
    """A map's weights before they are divided by their sum."""
    if name == "l1":
        return np.abs(z)
    if name == "sum":
        return z
    if name == "l2":
        return z**2
    assert name == "relu", name
    return np.maximum(z, 0)


def _raw_slope(name, z):
    if name == "l1":
        return np.sign(z)
    if name == "sum":
        return np.ones_like(z)
    if name == "l2":
        return 2 * z
    assert name == "relu", name
    return np.where(z > 0, 1.0, 0.0)


def map_forward(name, z, sink=0.0):
    if name == "softmax":
        return softmax(z)
    if name == "softmax1":
        return softmax(np.append(z, sink))[:-1]
    if name == "sigmoid":
        return expit(z)
    raw = _raw(name, z)
    return raw / (raw.sum() + _NORM)


def map_backward(name, z, s, g):
    if name in ("softmax", "softmax1"):
        return s * (g - g @ s)
    if name == "sigmoid":
        return s * (1 - s) * g
    return (g - g @ s) * _raw_slope(name, z) / (_raw(name, z).sum() + _NORM)


class Model:
    """The model and the problem of one run's configuration."""

    def __init__(self, config):
        model, init = config["model"], config["init"]
        self.map = model["map"]
        self.loss_name = model["loss"]
        self.temperature = model["temperature"]
        self.tied = model["tied"]
        self.learns_sink = model["learn_sink_logit"]
        self.penalty = model["entropy_penalty"]
        self.X = None
        self.start = self.end = self._draw(model, init)

    # The start.

    def _draw_target(self, model, init, size):
        if init["target"] == "softmax_uniform":
            return softmax(init["target_scale"] * np.random.rand(size))
        b = np.random.randn(size)
        return b / np.linalg.norm(b) if init["target"] == "unit_normal" else b

    def _draw_design(self, model):
        shape = model["samples"], model["features"]
        left, _, right = np.linalg.svd(np.random.randn(*shape), full_matrices=False)
        values = np.linspace(1, 1 / model["condition_number"], min(shape))
        return left @ np.diag(values) @ right

    def _draw(self, model, init):
        features, latent = model["features"], model["latent"]
        regression = self.loss_name == "regression"
        size = model["samples"] if regression else features
        np.random.seed(init["seed"])
        if init["order"] == "target_first":
            self.b = self._draw_target(model, init, size)
            np.random.seed(init["seed"])
        if self.loss_name == "kl":  # a row for each entry of a
            V = np.random.randn(latent, features).T
        else:
            V = np.random.randn(features, latent)
        V = init["value_scale"] * V
        if init["values"] == "identity":
            V = np.eye(features, latent)
        a = init["attention_mean"] + init["attention_scale"] * np.random.randn(latent)
        if regression:
            self.X = self._draw_design(model)
        if init["order"] != "target_first":
            self.b = self._draw_target(model, init, size)
        return Point(np.array(V), a, model["sink_logit"])

    # Loss and gradients.

    def logits(self, p):
        return (p.V @ p.a if self.tied else p.a) / self.temperature

    def weights(self, p):
        return map_forward(self.map, self.logits(p), p.sink)

    def output(self, p):
        return p.V @ self.weights(p)

    def loss(self, p):
        s = self.weights(p)
        beta = p.V @ s
        if self.loss_name == "logistic":
            loss = np.logaddexp(0, -self.b @ beta)
        elif self.loss_name == "square":
            loss = 0.5 * np.sum((beta - self.b) ** 2)
        elif self.loss_name == "regression":
            loss = np.sum((self.X @ beta - self.b) ** 2)
        else:
            loss = -np.sum(self.b * np.log(softmax(beta) + _LOG))
        if self.penalty:
            loss += self.penalty * -np.sum(xlogy(s, np.where(s > 0, s, 1)))
        return loss

    def output_gradient(self, p):
        """Of the loss, with respect to beta."""
        beta = self.output(p)
        if self.loss_name == "logistic":
            return -expit(-self.b @ beta) * self.b
        if self.loss_name == "square":
            return beta - self.b
        if self.loss_name == "regression":
            return 2 * self.X.T @ (self.X @ beta - self.b)
        return softmax(beta) - self.b

    def gamma(self, p):
        """What the response is the integral of; 0 where there is none."""
        if not self.has_projections():
            return 0.0
        return -(self.output_gradient(p) @ self.b) / (self.b @ self.b)

    def _weight_gradient(self, p):
        s = self.weights(p)
        g = p.V.T @ self.output_gradient(p)
        if self.penalty:
            g = g - self.penalty * np.where(s > 0, np.log(np.where(s > 0, s, 1)) + 1, 0)
        return g

    def _logit_gradient(self, p):
        s, g = self.weights(p), self._weight_gradient(p)
        return map_backward(self.map, self.logits(p), s, g) / self.temperature

    def gradient_V(self, p):
        gradient = np.outer(self.output_gradient(p), self.weights(p))
        if self.tied:
            gradient += np.outer(self._logit_gradient(p), p.a)
        return gradient

    def gradient_a(self, p):
        gradient = self._logit_gradient(p)
        return p.V.T @ gradient if self.tied else gradient

    def gradient_sink(self, p):
        if not self.learns_sink:
            return 0.0
        s, g = self.weights(p), self._weight_gradient(p)
        return -softmax(np.append(self.logits(p), p.sink))[-1] * (g @ s)

    def has_projections(self):
        return self.loss_name in ("logistic", "square")

    # One vector of all parameters, for optimisers and integrators.

    def gradient(self, p):
        return np.concatenate(
            [self.gradient_V(p).ravel(), self.gradient_a(p), [self.gradient_sink(p)]]
        )

    def to_vector(self, p):
        return np.concatenate([p.V.ravel(), p.a, [p.sink]])

    def to_point(self, vector, response=0.0):
        V, a, sink = np.split(vector, [self.start.V.size, len(vector) - 1])
        return Point(V.reshape(self.start.V.shape), a, sink[0], response)


class Optimiser:
    """gradient_descent, momentum, adam without decay, or sign_descent."""

    def __init__(self, descent):
        self.options = descent
        self.m = self.v = 0.0
        self.steps = 0

    def change(self, g):
        """What a step adds to the parameters, from their gradient."""
        o, lr = self.options, self.options["lr"]
        self.steps += 1
        if o["optimiser"] == "gradient_descent":
            return -lr * g
        if o["optimiser"] == "sign_descent":
            return -lr * np.sign(g)
        if o["optimiser"] == "momentum":
            self.m = o["momentum"] * self.m + g
            return -lr * self.m
        self.m = o["beta1"] * self.m + (1 - o["beta1"]) * g
        self.v = o["beta2"] * self.v + (1 - o["beta2"]) * g**2
        mean = self.m / (1 - o["beta1"] ** self.steps)
        square = self.v / (1 - o["beta2"] ** self.steps)
        return -lr * mean / (np.sqrt(square) + o["epsilon"])


def entropy(s):
    """Of |s| / sum |s|, in nats."""
    total = np.abs(s).sum()
    p = np.abs(s) / total if total > 0 else np.zeros_like(s)
    return -np.sum(xlogy(p, p))


def measure_weights(model, p):
    """The columns of a history that depend on when s is looked at."""
    s, beta = model.weights(p), model.output(p)
    norm = np.linalg.norm(beta)
    columns = {
        "loss": model.loss(p),
        "s": s,
        "entropy": entropy(s),
        "output_norm": norm,
    }
    if model.has_projections():
        columns["alignment"] = model.b @ beta / (norm + 1e-8)
    return columns


def measure_gradient(model, p):
    return {
        "values_gradient_norm": np.linalg.norm(model.gradient_V(p)),
        "attention_gradient_norm": np.linalg.norm(model.gradient_a(p)),
    }


def measure_parameters(model, p, s):
    columns = {"a": p.a.copy()}
    if model.learns_sink:
        columns["sink_logit"] = p.sink
    if model.has_projections():
        columns["u"] = p.V.T @ model.b
        columns["response"] = p.response
    if model.tied:
        columns["column_norm"] = np.linalg.norm(p.V[:, np.argmax(s)])
    if model.loss_name == "regression":
        columns["singular_values"] = np.linalg.svd(p.V, compute_uv=False)
    return columns


def recorded_steps(history, steps):
    """The steps that a history keeps, counted from 0."""
    if history["spacing"] == "every" or steps == 1:
        return np.arange(steps)
    last = steps if history["spacing"] == "log_count" else steps - 1
    # np.logspace, but with the C library's pow: NumPy's own for AVX-512 rounds
    # 10^x, where it is a whole number, now up and now down.
    exponents = np.linspace(0, math.log10(last), history["points"])
    kept = np.array([int(math.pow(10, x)) for x in exponents])
    if history["spacing"] == "log_count":
        return np.unique(np.append(kept - 1, steps - 1))
    return np.unique(np.append(kept, [0, steps - 1]))


def descend(model, config, recorded, noise=None):
    """Takes steps; yields (step, columns) for the recorded ones, ascending.

    model.end is the point after the last of them. noise: a RandomState that moves
    every parameter and gradient by up to one rounding in every step.
    """
    optimiser = Optimiser(config["descent"])
    before = config["history"]["weights"] == "before"
    lr = config["descent"]["lr"]
    p, step = model.start.copy(), 0
    for wanted in recorded:
        while step <= wanted:
            old, record = p, step == wanted
            gradient, vector = model.gradient(p), model.to_vector(p)
            if noise is not None:
                # What is subtracted in a gradient is as large as that of s.
                scale = _EPSILON * np.max(np.abs(model._weight_gradient(p)))
                gradient = gradient + scale * noise.uniform(-1, 1, gradient.shape)
                vector *= 1 + _EPSILON * noise.uniform(-1, 1, vector.shape)
            vector += optimiser.change(gradient)
            p = model.to_point(vector, p.response + lr * model.gamma(p))
            step += 1
        columns = measure_weights(model, old if before else p)
        columns.update(measure_gradient(model, old))
        columns.update(measure_parameters(model, p, columns["s"]))
        model.end = p
        yield wanted, columns
