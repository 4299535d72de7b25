"""Step by step the same training as Keras', in float64: every hidden activation, output activation, loss and optimiser.

The normal suite takes each part once; `pytest --slow` every activation with every loss and every optimiser.
"""

from itertools import pairwise, product
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from keras_oracle_parts import (
    ACTIVATIONS,
    LOSSES,
    OBJECTS,
    OPTIMIZERS,
    ROUNDED,
    keras_activation,
    our_activation,
    parameter,
)

import numpy_nn
from numpy_nn import Callback, Sequential

ROWS, BATCH, EPOCHS = 20, 8, 34
"""Three steps an epoch, the last of four rows: 102 steps."""
DIMS = (3, 5, 4)
MOST, MOST_ROUNDED = 1e-12, 1e-6
REGULARIZERS = {"l1": {"l1": 2.0**-6}, "l2": {"l2": 2.0**-6}, "l1_l2": {"l1": 2.0**-7, "l2": 2.0**-6}}
CLASSES = {"l1": "L1", "l2": "L2", "l1_l2": "L1L2"}


class Weights(Callback):
    """The weights after each step."""

    def __init__(self) -> None:
        self.steps: list[list[np.ndarray]] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.steps.append(self.model.get_weights())


def data(labels: str, outputs: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, labels and weights."""
    generator = np.random.default_rng(7)
    x = generator.normal(size=(ROWS, DIMS[0]))
    y = {
        "binary": lambda: generator.integers(0, 2, (ROWS, outputs)).astype(float),
        "one_hot": lambda: np.eye(outputs)[generator.integers(0, outputs, ROWS)],
        "class": lambda: generator.integers(0, outputs, ROWS),
        "real": lambda: generator.normal(size=(ROWS, outputs)),
    }[labels]()
    return x, y, generator.uniform(0.5, 2, ROWS)


class Case:
    """One network, trained by both."""

    def __init__(self, hidden: tuple[str, str], last: str, loss: str, regularizer: str | None = None) -> None:
        self.outputs = 3
        self.activations = (*hidden, last)
        self.loss = LOSSES[loss]
        self.regularizer = regularizer
        self.x, self.y, self.sample_weight = data(self.loss.labels, self.outputs)
        generator = np.random.default_rng(11)
        shapes = [shape for pair in pairwise((*DIMS, self.outputs)) for shape in (pair, pair[1:])]
        self.weights = [generator.normal(size=shape) * 0.5 for shape in shapes]

    def _options(self, package: Any) -> dict[str, Any]:
        if self.regularizer is None:
            return {}
        make = getattr(package.regularizers, CLASSES[self.regularizer])
        return {"kernel_regularizer": make(**REGULARIZERS[self.regularizer])}

    def ours(self, optimizer: Any, dtype: str = "float64") -> tuple[list[list[np.ndarray]], list[float]]:
        """The weights after each step, the loss of each epoch."""
        objects = {name: our_activation(name) if name in OBJECTS else name for name in self.activations}
        architecture = [
            {"input_dim": inputs, "output_dim": units, "activation": objects[name], **self._options(numpy_nn)}
            for (inputs, units), name in zip(pairwise((*DIMS, self.outputs)), self.activations, strict=True)
        ]
        model = Sequential(architecture, dtype=dtype, threads=1)
        model.set_weights(self.weights)
        model.compile(optimizer, self.loss.make(numpy_nn))
        steps = Weights()
        history = model.fit(
            self.x,
            self.y,
            batch_size=BATCH,
            epochs=EPOCHS,
            shuffle=False,
            sample_weight=self.sample_weight,
            callbacks=[steps],
            verbose=0,
        )
        return steps.steps, history.history["loss"]

    def theirs(self, optimizer: Any, dtype: str = "float64") -> tuple[list[list[np.ndarray]], list[float]]:
        import keras

        layers = [
            keras.layers.Dense(units, activation=keras_activation(name), dtype=dtype, **self._options(keras))
            for units, name in zip((*DIMS[1:], self.outputs), self.activations, strict=True)
        ]
        model = keras.Sequential([keras.Input((DIMS[0],), dtype=dtype), *layers])
        model.set_weights(self.weights)
        model.compile(optimizer, self.loss.make(keras))
        steps, losses = [], []
        for _ in range(EPOCHS):
            total = 0.0
            for start in range(0, ROWS, BATCH):
                batch = slice(start, start + BATCH)
                loss = model.train_on_batch(self.x[batch], self.y[batch], self.sample_weight[batch])
                total += float(np.ravel(loss)[0]) * len(self.x[batch])
                steps.append(model.get_weights())
            losses.append(total / ROWS)
        return steps, losses


def distance(some: list[np.ndarray], others: list[np.ndarray]) -> float:
    """The largest difference between two lists of weights."""
    return max(float(np.abs(one - other).max()) for one, other in zip(some, others, strict=True))


def check(case: Case, optimizer: str, keras: ModuleType) -> None:
    steps, losses = case.ours(OPTIMIZERS[optimizer](numpy_nn))
    their_steps, their_losses = case.theirs(OPTIMIZERS[optimizer](keras))
    assert len(steps) == len(their_steps) > 100
    most = MOST_ROUNDED if set(case.activations) & set(ROUNDED) else MOST
    assert max(map(distance, steps, their_steps)) <= most
    np.testing.assert_allclose(losses, their_losses, rtol=most)
    assert distance(steps[0], steps[-1]) > 1e-3


PAIRS = [(last, loss) for loss, row in LOSSES.items() for last in row.last]
HIDDEN = list(pairwise((*ACTIVATIONS, ACTIVATIONS[0])))[::2]


def sampled() -> set[tuple[Any, Any, Any]]:
    """Each hidden activation, pair and optimiser at least once."""
    parts = (HIDDEN, PAIRS, list(OPTIMIZERS))
    count = max(map(len, parts))
    spread = [[part[number * len(part) // count] for number in range(count)] for part in parts]
    return set(zip(*spread, strict=True))


def parameters() -> list[Any]:
    normal = sampled()
    return [
        parameter(
            "+".join(hidden),
            *pair,
            optimizer,
            slow=(hidden, pair, optimizer) not in normal,
        )
        for hidden, pair, optimizer in product(HIDDEN, PAIRS, OPTIMIZERS)
    ]


@pytest.mark.parametrize(("hidden", "last", "loss", "optimizer"), parameters())
def test_a_hundred_steps_are_those_of_keras(hidden: str, last: str, loss: str, optimizer: str, keras64: ModuleType) -> None:
    first, _, second = hidden.partition("+")
    check(Case((first, second), last, loss), optimizer, keras64)


@pytest.mark.parametrize("regularizer", REGULARIZERS)
def test_a_regularised_training_is_that_of_keras(regularizer: str, keras64: ModuleType) -> None:
    check(Case(("tanh", "sigmoid"), "softmax", "categorical_crossentropy", regularizer), "sgd_momentum", keras64)


@pytest.mark.parametrize("name", ["SGD", "RMSprop", "Adam", "AdamW", "Adagrad"])
def test_float32_is_not_farther_from_the_truth_than_keras(name: str) -> None:
    import keras

    case = Case(("relu", "tanh"), "sigmoid", "binary_crossentropy")
    truth = case.ours(getattr(numpy_nn.optimizers, name)())[0][-1]
    ours = case.ours(getattr(numpy_nn.optimizers, name)(), "float32")[0][-1]
    theirs = case.theirs(getattr(keras.optimizers, name)(), "float32")[0][-1]
    assert distance(ours, truth) <= max(distance(theirs, truth), np.finfo(np.float32).eps)
    assert distance(ours, truth) <= 1e-5
