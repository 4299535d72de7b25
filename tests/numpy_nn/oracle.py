"""The slow network that the fast one and the contestants are tested against: `numpy_nn.textbook`, and tables of what it lacks.

The forward and the backward pass are the textbook's. The tables below have the activations, losses and optimizers of Keras:
activations and their derivatives from the input z of one sample, losses of one sample from its own outputs, and optimizers that
update each array by itself. Nothing of the engine is used. Samples are rows here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numpy_nn import textbook

Array = NDArray[Any]
EPSILON = 1e-7


def _sigmoid(z: Array) -> Array:
    return np.where(z >= 0, 1 / (1 + np.exp(-np.abs(z))), np.exp(-np.abs(z)) / (1 + np.exp(-np.abs(z))))


def _softmax(z: Array) -> Array:
    return np.asarray(np.exp(z - z.max()) / np.exp(z - z.max()).sum())


def _normal_cdf(z: Array) -> Array:
    return np.array([math.erfc(-x / math.sqrt(2)) / 2 for x in z])


def _mish(z: Array) -> Array:
    return np.asarray(z * np.tanh(np.logaddexp(0, z)))


def _mish_derivative(z: Array) -> Array:
    w = np.tanh(np.logaddexp(0, z))
    return np.asarray(w + z * _sigmoid(z) / np.cosh(np.minimum(np.logaddexp(0, z), 300)) ** 2)


def _exponential(z: Array) -> Array:
    with np.errstate(over="ignore"):
        return np.exp(z)


SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "linear": lambda z: z,
    "relu": lambda z: np.maximum(z, 0),
    "sigmoid": _sigmoid,
    "tanh": np.tanh,
    "softmax": _softmax,
    "softplus": lambda z: np.logaddexp(0, z),
    "elu": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.2 * z),
    "selu": lambda z: SELU_SCALE * np.where(z > 0, z, SELU_ALPHA * np.expm1(np.minimum(z, 0))),
    "gelu": lambda z: z * _normal_cdf(z),
    "silu": lambda z: z * _sigmoid(z),
    "mish": _mish,
    "hard_sigmoid": lambda z: np.clip(z / 6 + 0.5, 0, 1),
    "softsign": lambda z: z / (1 + np.abs(z)),
    "exponential": _exponential,
}
"""One sample's activation, from z (outputs,)."""

JACOBIANS: dict[str, Callable[[Array], Array]] = {
    "linear": lambda z: np.eye(len(z)),
    "relu": lambda z: np.diag(np.where(z > 0, 1.0, 0.0)),
    "sigmoid": lambda z: np.diag(_sigmoid(z) * _sigmoid(-z)),
    "tanh": lambda z: np.diag(1 - np.tanh(z) ** 2),
    "softmax": lambda z: np.diag(_softmax(z)) - np.outer(_softmax(z), _softmax(z)),
    "softplus": lambda z: np.diag(_sigmoid(z)),
    "elu": lambda z: np.diag(np.where(z > 0, 1.0, np.exp(np.minimum(z, 0)))),
    "leaky_relu": lambda z: np.diag(np.where(z > 0, 1.0, 0.2)),
    "selu": lambda z: np.diag(SELU_SCALE * np.where(z >= 0, 1.0, SELU_ALPHA * np.exp(np.minimum(z, 0)))),
    "gelu": lambda z: np.diag(_normal_cdf(z) + z * np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)),
    "silu": lambda z: np.diag(_sigmoid(z) * (1 + z * _sigmoid(-z))),
    "mish": lambda z: np.diag(_mish_derivative(z)),
    "hard_sigmoid": lambda z: np.diag(np.where(np.abs(z) < 3, 1 / 6, 0.0)),
    "softsign": lambda z: np.diag(1 / (1 + np.abs(z)) ** 2),
    "exponential": lambda z: np.diag(_exponential(z)),
}
"""da_i/dz_j of one sample, from z (outputs,)."""


def loss_of_outputs(name: str, y: Array, a: Array) -> tuple[float, Array]:
    """A sample's loss and its gradient by the outputs `a` (outputs,), probabilities clipped as in Keras."""
    if name == "mean_squared_error":
        return float(np.mean((a - y) ** 2)), 2 * (a - y) / len(a)
    if name == "mean_absolute_error":
        return float(np.mean(np.abs(a - y))), np.sign(a - y) / len(a)
    if name == "huber":
        error = np.abs(a - y)
        return float(np.mean(np.where(error <= 1, error**2 / 2, error - 0.5))), np.clip(a - y, -1, 1) / len(a)
    if name == "binary_crossentropy":
        p, inside = np.clip(a, EPSILON, 1 - EPSILON), (a >= EPSILON) & (a <= 1 - EPSILON)
        value = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
        return float(value), inside * (-y / p + (1 - y) / (1 - p)) / len(a)
    if name == "categorical_crossentropy":
        shares = a / a.sum()
        q, inside = np.clip(shares, EPSILON, 1 - EPSILON), (shares >= EPSILON) & (shares <= 1 - EPSILON)
        by_share = inside * -y / q
        return float(-np.sum(y * np.log(q))), (np.eye(len(a)) / a.sum() - a[:, None] / a.sum() ** 2).T @ by_share
    if name == "sparse_categorical_crossentropy":
        q, inside = np.clip(a, EPSILON, 1 - EPSILON), (a >= EPSILON) & (a <= 1 - EPSILON)
        return float(-np.sum(y * np.log(q / q.sum()))), inside * (1 / q.sum() - y / q)
    raise ValueError(name)


def loss_of_logits(name: str, y: Array, z: Array) -> tuple[float, Array]:
    """A sample's loss and its gradient by the logits `z` (outputs,) of the sigmoid or softmax that belongs to the loss."""
    if name == "binary_crossentropy":
        return float(np.mean(np.logaddexp(0, z) - y * z)), (_sigmoid(z) - y) / len(z)
    return float(np.logaddexp.reduce(z) - np.sum(y * z)), _softmax(z) - y


PAIRS = {
    "binary_crossentropy": "sigmoid",
    "categorical_crossentropy": "softmax",
    "sparse_categorical_crossentropy": "softmax",
}


DEFAULTS: dict[str, dict[str, Any]] = {
    "sgd": {"learning_rate": 0.01, "momentum": 0.0, "nesterov": False},
    "adam": {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, "amsgrad": False},
    "adamw": {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, "amsgrad": False, "weight_decay": 0.004},
    "rmsprop": {"learning_rate": 0.001, "rho": 0.9, "epsilon": 1e-7, "momentum": 0.0, "centered": False},
    "adagrad": {"learning_rate": 0.001, "initial_accumulator_value": 0.1, "epsilon": 1e-7},
}
COMMON = {"weight_decay": 0.0, "clipnorm": np.inf, "clipvalue": np.inf, "global_clipnorm": np.inf}


def make_update(name: str, **given: Any) -> Callable[[list[Array], list[Array]], list[Array]]:
    """`update(weights, gradients) -> weights` of an optimiser, with Keras' defaults; its state lives in the closure."""
    s = COMMON | DEFAULTS[name] | given
    rate = s["learning_rate"]
    first: dict[int, Any] = {}
    second: dict[int, Any] = {}
    third: dict[int, Any] = {}
    steps = 0

    def sgd(i: int, w: Array, g: Array) -> Array:
        first[i] = s["momentum"] * first.get(i, 0.0) - rate * g
        return np.asarray(w + (s["momentum"] * first[i] - rate * g if s["nesterov"] else first[i]))

    def rmsprop(i: int, w: Array, g: Array) -> Array:
        second[i] = s["rho"] * second.get(i, 0.0) + (1 - s["rho"]) * g**2
        third[i] = s["rho"] * third.get(i, 0.0) + (1 - s["rho"]) * g
        variance = second[i] - third[i] ** 2 if s["centered"] else second[i]
        first[i] = s["momentum"] * first.get(i, 0.0) + rate * g / np.sqrt(variance + s["epsilon"])
        return np.asarray(w - first[i])

    def adam(i: int, w: Array, g: Array) -> Array:
        first[i] = s["beta_1"] * first.get(i, 0.0) + (1 - s["beta_1"]) * g
        second[i] = s["beta_2"] * second.get(i, 0.0) + (1 - s["beta_2"]) * g**2
        third[i] = np.maximum(third.get(i, 0.0), second[i])
        corrected = rate * np.sqrt(1 - s["beta_2"] ** steps) / (1 - s["beta_1"] ** steps)
        return np.asarray(w - corrected * first[i] / (np.sqrt(third[i] if s["amsgrad"] else second[i]) + s["epsilon"]))

    def adagrad(i: int, w: Array, g: Array) -> Array:
        second[i] = second.get(i, s["initial_accumulator_value"]) + g**2
        return np.asarray(w - rate * g / np.sqrt(second[i] + s["epsilon"]))

    def clipped(gradients: list[Array]) -> list[Array]:
        norms = [np.linalg.norm(g) for g in gradients]
        whole = max(1.0, float(np.linalg.norm(norms)) / s["global_clipnorm"])
        largest = s["clipvalue"]
        return [np.clip(g / max(1.0, n / s["clipnorm"]) / whole, -largest, largest) for g, n in zip(gradients, norms, strict=True)]

    rule = {"sgd": sgd, "adam": adam, "adamw": adam, "rmsprop": rmsprop, "adagrad": adagrad}[name]

    def update(weights: list[Array], gradients: list[Array]) -> list[Array]:
        nonlocal steps
        steps += 1
        pairs = zip(weights, clipped(gradients), strict=True)
        return [rule(i, w - rate * s["weight_decay"] * w, g) for i, (w, g) in enumerate(pairs)]

    return update


def make_layer(name: str, kernel: Array, bias: Array) -> textbook.Layer:
    """A layer of the textbook's with an activation of `ACTIVATIONS`, applied to one sample (column) after the other."""

    def activation(z: Array) -> Array:
        return np.stack([ACTIVATIONS[name](sample) for sample in z.T], axis=1)

    def activation_backward(da: Array, z: Array) -> Array:
        return np.stack([JACOBIANS[name](sample).T @ by_output for sample, by_output in zip(z.T, da.T, strict=True)], axis=1)

    return textbook.Layer(np.array(kernel.T, np.float64), np.array(bias[:, None], np.float64), activation, activation_backward)


class SlowNetwork:
    """A dense network: `weights` are kernel (in, out), bias (out,), layer by layer."""

    def __init__(self, architecture: list[dict[str, Any]], weights: list[Array], *, loss: str, from_logits: bool = False) -> None:
        self.names = [layer["activation"] for layer in architecture]
        self.weights = [np.array(w, np.float64) for w in weights]
        self.loss = loss
        self.takes_logits = (loss in PAIRS and self.names[-1] in PAIRS.values()) or from_logits

    def layers(self, last: str) -> list[textbook.Layer]:
        """The layers with the weights of now, the last with the activation `last`."""
        names = [*self.names[:-1], last]
        return [make_layer(*each) for each in zip(names, self.weights[::2], self.weights[1::2], strict=True)]

    def forward(self, row: Array) -> tuple[list[Array], list[Array]]:
        """Every layer's z and a for one sample; the first of the a's is the sample itself."""
        outputs, memory = textbook.forward(self.layers(self.names[-1]), np.asarray(row, np.float64)[:, None])
        return [z[:, 0] for _, z in memory], [*(a[:, 0] for a, _ in memory), outputs[:, 0]]

    def predict(self, x: Array) -> Array:
        return textbook.forward(self.layers(self.names[-1]), np.asarray(x, np.float64).T)[0].T

    def batch(self, x: Array, y: Array, sample_weight: Array | None = None) -> tuple[float, list[Array]]:
        """The mean over the rows of each one's weight times its loss, and the gradient of that."""
        counts = np.ones(len(x)) if sample_weight is None else sample_weight
        layers = self.layers("linear" if self.takes_logits else self.names[-1])  # the logits, where the loss is taken from them
        loss_of = loss_of_logits if self.takes_logits else loss_of_outputs
        outputs, memory = textbook.forward(layers, np.asarray(x, np.float64).T)
        losses = [loss_of(self.loss, target, sample) for target, sample in zip(y, outputs.T, strict=True)]
        total = sum(count * value for count, (value, _) in zip(counts, losses, strict=True)) / len(x)
        da = np.stack([count * by_output for count, (_, by_output) in zip(counts, losses, strict=True)], axis=1)
        return total, [part for dW, db in textbook.backward(layers, memory, da) for part in (dW.T, db[:, 0])]

    def right(self, x: Array, y: Array) -> int:
        """How many rows are classified right."""
        pairs = zip(self.predict(x), y, strict=True)
        return sum((a[0] > 0.5) == y[0] if len(a) == 1 else a.argmax() == y.argmax() for a, y in pairs)

    def fit(
        self,
        x: Array,
        y: Array,
        update: Callable[[list[Array], list[Array]], list[Array]],
        *,
        batch_size: int,
        orders: Iterator[Array],
        sample_weight: Array | None = None,
    ) -> dict[str, list[float]]:
        """Train for as many epochs as there are `orders` of the rows; the losses and accuracies are those before each update."""
        history: dict[str, list[float]] = {"loss": [], "accuracy": []}
        for order in orders:
            loss, right = 0.0, 0
            for start in range(0, len(x), batch_size):
                rows = order[start : start + batch_size]
                value, gradient = self.batch(x[rows], y[rows], None if sample_weight is None else sample_weight[rows])
                loss += value * len(rows)
                right += self.right(x[rows], y[rows])
                self.weights = update(self.weights, gradient)
            history["loss"].append(loss / len(x))
            history["accuracy"].append(right / len(x))
        return history


def train(task: Any) -> tuple[dict[str, list[float]], list[Array]]:
    """(history, weights) after the training of a contestant's task, in float64 and in the order of its rows."""
    settings = dict(task.optimizer)
    network = SlowNetwork(list(task.architecture), list(task.weights), loss=task.loss)
    history = network.fit(
        np.asarray(task.x, np.float64),
        np.asarray(task.y, np.float64),
        make_update(settings.pop("name"), **settings),
        batch_size=task.batch_size or len(task.x),
        orders=(np.arange(len(task.x)) for _ in range(task.epochs)),
    )
    return history, network.weights


def predict(architecture: list[dict[str, Any]], weights: list[Array], x: Array) -> Array:
    return SlowNetwork(architecture, weights, loss="mean_squared_error").predict(x)
