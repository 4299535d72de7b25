"""The article's network in plain NumPy: every step of training as its formula, with nothing optimized.

Start here to learn how a dense network works; `numpy_nn.Sequential` computes the same, fast. As in the article, features stand in
rows and samples in columns: `x` is (features, samples), `y` and the outputs are (1, samples). `bench` trains it as the contestant
`article`, and the tests hold the fast network against it.

>>> layers = init([{"input_dim": 2, "output_dim": 8, "activation": "relu"},
...                {"input_dim": 8, "output_dim": 1, "activation": "sigmoid"}], seed=2)
>>> history = train(layers, np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([[0.0, 1.0]]), learning_rate=0.5, epochs=200)
>>> history["accuracy"][-1]
1.0
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def relu(z: Array) -> Array:
    """max(0, z)."""
    return np.maximum(0, z)


def relu_backward(da: Array, z: Array) -> Array:
    """The gradient by z: that by relu(z), where z is positive."""
    return np.where(z > 0, da, 0)


def sigmoid(z: Array) -> Array:
    """1 / (1 + exp(−z))."""
    return np.asarray(1 / (1 + np.exp(-z)))


def sigmoid_backward(da: Array, z: Array) -> Array:
    """The gradient by z: that by a = sigmoid(z), times a · (1 − a)."""
    a = sigmoid(z)
    return np.asarray(da * a * (1 - a))


ACTIVATIONS = {"relu": (relu, relu_backward), "sigmoid": (sigmoid, sigmoid_backward)}


@dataclass
class Layer:
    """A dense layer: `activation(W · a + b)`."""

    W: Array
    """(outputs, inputs)."""
    b: Array
    """(outputs, 1)."""
    activation: Callable[[Array], Array]
    """z -> a."""
    activation_backward: Callable[[Array, Array], Array]
    """(gradient by a, z) -> gradient by z."""


def init(architecture: Sequence[Mapping[str, Any]], seed: int | None = None) -> list[Layer]:
    """The layers of a network, weights and biases drawn from the standard normal distribution × 0.1."""
    random = np.random.RandomState(seed)
    return [
        Layer(
            random.randn(layer["output_dim"], layer["input_dim"]) * 0.1,
            random.randn(layer["output_dim"], 1) * 0.1,
            *ACTIVATIONS[layer["activation"]],
        )
        for layer in architecture
    ]


def forward(layers: Sequence[Layer], x: Array) -> tuple[Array, list[tuple[Array, Array]]]:
    """The outputs for `x`, and each layer's (inputs, z), which the backward pass needs."""
    memory = []
    a = x
    for layer in layers:
        z = np.dot(layer.W, a) + layer.b
        memory.append((a, z))
        a = layer.activation(z)
    return a, memory


def loss(y: Array, outputs: Array) -> float:
    """Binary cross-entropy, the mean over the samples; infinite for an output of exactly 0 or 1 that is wrong."""
    return float(-np.mean(y * np.log(outputs) + (1 - y) * np.log(1 - outputs)))


def loss_gradient(y: Array, outputs: Array) -> Array:
    """The gradient of each sample's loss by its output."""
    return np.asarray((1 - y) / (1 - outputs) - y / outputs)


def accuracy(y: Array, outputs: Array) -> float:
    """The share of samples whose output, cut above 0.5, is the label."""
    return float(np.mean((outputs > 0.5) == (y > 0.5)))


def backward(layers: Sequence[Layer], memory: Sequence[tuple[Array, Array]], da: Array) -> list[tuple[Array, Array]]:
    """Each layer's (dW, db): the gradient of the mean loss, from `da`, the gradient of each sample's loss by the outputs.

    The chain rule, from the last layer to the first: z = W · a + b gives dW = dz · aᵀ, db = Σ dz, and Wᵀ · dz for the layer below.
    """
    samples = da.shape[1]
    gradients = []
    for layer, (a, z) in zip(reversed(layers), reversed(memory), strict=True):
        dz = layer.activation_backward(da, z)
        gradients.append((np.dot(dz, a.T) / samples, np.sum(dz, axis=1, keepdims=True) / samples))
        da = np.dot(layer.W.T, dz)
    return gradients[::-1]


def update(layers: Sequence[Layer], gradients: Sequence[tuple[Array, Array]], learning_rate: float) -> None:
    """Gradient descent: each weight takes a step against its gradient."""
    for layer, (dW, db) in zip(layers, gradients, strict=True):
        layer.W = layer.W - learning_rate * dW
        layer.b = layer.b - learning_rate * db


def train_step(layers: Sequence[Layer], x: Array, y: Array, learning_rate: float) -> tuple[float, float]:
    """One step on the samples of `x`; the loss and the accuracy before the update."""
    outputs, memory = forward(layers, x)
    gradients = backward(layers, memory, loss_gradient(y, outputs))
    update(layers, gradients, learning_rate)
    return loss(y, outputs), accuracy(y, outputs)


def train(
    layers: Sequence[Layer], x: Array, y: Array, *, learning_rate: float = 0.01, epochs: int = 1, batch_size: int | None = None
) -> dict[str, list[float]]:
    """Train for `epochs`, a step for each `batch_size` samples (None: all); the mean loss and accuracy of each epoch."""
    samples = x.shape[1]
    size = batch_size or samples
    history: dict[str, list[float]] = {"loss": [], "accuracy": []}
    for _ in range(epochs):
        totals = np.zeros(2)
        for start in range(0, samples, size):
            columns = slice(start, min(start + size, samples))
            step = train_step(layers, x[:, columns], y[:, columns], learning_rate)
            totals += np.multiply(step, columns.stop - columns.start)
        for name, total in zip(("loss", "accuracy"), totals, strict=True):
            history[name].append(float(total / samples))
    return history
