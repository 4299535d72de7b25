"""What the tests of the network draw from: random architectures with data that suit their loss; and how an error must read."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import oracle
import pytest
from hypothesis import strategies as st

from numpy_nn import SGD, Adagrad, Adam, AdamW, RMSprop, Sequential, losses
from numpy_nn._engine.minibatches import Trainer
from numpy_nn.optimizers import Optimizer
from numpy_nn.validation import Rows

ARCHITECTURE = [
    {"input_dim": 2, "output_dim": 5, "activation": "relu"},
    {"input_dim": 5, "output_dim": 4, "activation": "tanh"},
    {"input_dim": 4, "output_dim": 1, "activation": "sigmoid"},
]
ARTICLE = [
    {"input_dim": 2, "output_dim": 25, "activation": "relu"},
    {"input_dim": 25, "output_dim": 50, "activation": "relu"},
    {"input_dim": 50, "output_dim": 50, "activation": "relu"},
    {"input_dim": 50, "output_dim": 25, "activation": "relu"},
    {"input_dim": 25, "output_dim": 1, "activation": "sigmoid"},
]
OPTIMIZERS: list[tuple[type[Optimizer], dict[str, Any]]] = [
    (SGD, {"learning_rate": 0.05}),
    (SGD, {"learning_rate": 0.05, "momentum": 0.9}),
    (SGD, {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True}),
    (Adam, {"learning_rate": 0.05, "epsilon": 1e-4}),
    (AdamW, {"learning_rate": 0.05, "epsilon": 1e-4, "weight_decay": 0.1}),
    (RMSprop, {"learning_rate": 0.05}),
    (SGD, {"learning_rate": 0.05, "momentum": 0.9, "weight_decay": 0.1, "clipvalue": 0.02}),
    (SGD, {"learning_rate": 0.05, "clipnorm": 0.05}),
    (Adam, {"learning_rate": 0.05, "epsilon": 1e-4, "amsgrad": True, "global_clipnorm": 0.05}),
    (RMSprop, {"learning_rate": 0.01, "momentum": 0.5, "epsilon": 1e-3, "centered": True}),
    (Adagrad, {"learning_rate": 0.05, "weight_decay": 0.1}),
]
READING_BYTES = 128
"""The integers that a reading of the memory makes itself."""
HIDDEN = sorted(name for name in oracle.ACTIVATIONS if name != "exponential")
"""Activations that a random network may have: an exponential overflows."""
MILD_OUTPUTS = {
    "mean_squared_error": HIDDEN,
    "mean_absolute_error": HIDDEN,
    "huber": HIDDEN,
    "binary_crossentropy": ["sigmoid", "softmax", "linear"],
    "categorical_crossentropy": ["softmax", "sigmoid", "softplus", "linear"],
    "sparse_categorical_crossentropy": ["softmax", "sigmoid", "linear"],
}
"""Output activations after which a loss's gradient stays of the order of 1: a training doesn't blow up rounding errors."""


class Case(NamedTuple):
    """A network and what it is trained on; `y` as a user has it, `targets` (n, outputs) as the oracle has it."""

    architecture: list[dict[str, Any]]
    loss: str
    x: np.ndarray
    y: np.ndarray
    targets: np.ndarray
    sample_weight: np.ndarray | None
    weights: list[np.ndarray]
    from_logits: bool

    def model(self, optimizer: Optimizer, **settings: Any) -> Sequential:
        """The fast network in float64, compiled, with these weights."""
        model = Sequential(self.architecture, dtype="float64", **settings)
        model.set_weights(self.weights)
        loss = losses.LOSSES[self.loss]
        model.compile(optimizer, loss(from_logits=True) if self.from_logits else self.loss, metrics=["accuracy"])
        return model

    def slow(self) -> oracle.SlowNetwork:
        return oracle.SlowNetwork(self.architecture, self.weights, loss=self.loss, from_logits=self.from_logits)


@st.composite
def cases(draw: st.DrawFn, *, rows: st.SearchStrategy[int], mild: bool = False) -> Case:
    """Up to four layers, any activation in any of them, any loss; with `mild`, the output activations of `MILD_OUTPUTS` only."""
    loss = draw(st.sampled_from(sorted(MILD_OUTPUTS)))
    last = draw(st.sampled_from(MILD_OUTPUTS[loss] if mild else HIDDEN))
    dims = draw(st.lists(st.integers(1, 5), min_size=2, max_size=5))
    if "categorical" in loss:
        dims[-1] += 1
    names = [*(draw(st.sampled_from(HIDDEN)) for _ in dims[2:]), last]
    architecture = [
        {"input_dim": i, "output_dim": o, "activation": name} for (i, o), name in zip(pairwise(dims), names, strict=True)
    ]
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count, outputs = draw(rows), dims[-1]
    x = generator.normal(size=(count, dims[0]))
    if loss == "binary_crossentropy":
        y = targets = generator.integers(0, 2, (count, outputs)).astype(float)
    elif loss in ("mean_squared_error", "mean_absolute_error", "huber"):
        y = targets = generator.normal(size=(count, outputs))
    elif loss == "categorical_crossentropy":
        shares = generator.uniform(size=(count, outputs))
        y = targets = shares / shares.sum(axis=1, keepdims=True)
    else:
        y = generator.integers(0, outputs, count)
        targets = np.eye(outputs)[y]
    sample_weight = generator.uniform(0, 3, count) if draw(st.booleans()) else None
    shapes = [shape for i, o in pairwise(dims) for shape in ((i, o), (o,))]
    weights = [generator.normal(size=shape) for shape in shapes]
    from_logits = last == "linear" and loss in oracle.PAIRS and (mild or draw(st.booleans()))
    return Case(architecture, loss, x, y, targets, sample_weight, weights, from_logits)


def moons(samples: int, *, seed: int = 0, dtype: str = "float64") -> tuple[np.ndarray, np.ndarray]:
    """Two half moons, x (samples, 2) and y (samples,)."""
    generator = np.random.default_rng(seed)
    y = generator.integers(0, 2, samples)
    angle = np.pi * generator.uniform(size=samples)
    x = np.stack([np.cos(angle) * (1 - 2 * y) + y, np.sin(angle) * (1 - 2 * y) + 0.5 * y], axis=1)
    return (x + generator.normal(0, 0.2, x.shape)).astype(dtype), y.astype(dtype)


@contextmanager
def refused(*fragments: str, error: type[Exception] = ValueError) -> Iterator[None]:
    """Holds that the block raises `error` with a message of one line that has all `fragments`: the argument, what it was, ..."""
    with pytest.raises(error) as caught:
        yield
    message = str(caught.value)
    assert message
    assert "\n" not in message
    for fragment in fragments:
        assert fragment in message


def allocated(action: Callable[[], object], times: int = 20) -> tuple[int, int]:
    """Bytes kept, and the most held at any moment, while `action` is done `times` times: the least of three rounds.

    Before, it is done as often as it takes to fill Python's lists of free objects (80 dicts), which the garbage collector empties.
    """
    gc.collect()
    gc.disable()
    tracemalloc.start()
    rounds = []
    try:
        for _ in range(100):
            action()
        for _ in range(3):
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            for _ in range(times):
                action()
            after, peak = tracemalloc.get_traced_memory()
            rounds.append((max(0, after - before - READING_BYTES), peak - before))
    finally:
        tracemalloc.stop()
        gc.enable()
    return min(kept for kept, _ in rounds), min(peak for _, peak in rounds)


def allocated_by_steps(trainer: Trainer, rows: Rows) -> tuple[int, int]:
    """Bytes kept, and the most held at any moment, by steps whose rows are in the buffers."""
    with trainer.threads():
        trainer.start_epoch(rows, None)
        for batch in range(trainer.batches):  # the last leaves nothing to be copied
            trainer.step(batch)
        return allocated(lambda: trainer.step(trainer.batches - 1))


def compare(case: Case, optimizer: int, *, batch_size: int | None, epochs: int, shuffle: bool) -> None:
    """Hold the fast training against the slow one: losses, accuracies and weights."""
    cls, settings = OPTIMIZERS[optimizer]
    model, slow = case.model(cls(**settings), seed=5), case.slow()
    fast = model.fit(
        case.x, case.y, batch_size, epochs, verbose=0, shuffle=shuffle, sample_weight=case.sample_weight
    )  # the oracle draws from the same stream
    generator = np.random.default_rng(5)
    samples = len(case.x)
    history = slow.fit(
        case.x,
        case.targets,
        oracle.make_update(cls.name, **settings),
        batch_size=batch_size or samples,
        orders=(generator.permutation(samples) if shuffle else np.arange(samples) for _ in range(epochs)),
        sample_weight=case.sample_weight,
    )
    np.testing.assert_allclose(fast.history["loss"], history["loss"], rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(fast.history["accuracy"], history["accuracy"], rtol=1e-15)
    for weights, expected in zip(model.get_weights(), slow.weights, strict=True):
        np.testing.assert_allclose(weights, expected, rtol=1e-10, atol=1e-12)
