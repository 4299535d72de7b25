"""The networks and rows of the micro-benchmarks, and how far each is from Keras.

Called by the suite's `conftest`. Run as a program it prints the parity of every case: Keras lives in a process of its own, so
that its threads and memory aren't in the way of what is timed.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numpy_nn import SGD, Sequential

Array = NDArray[Any]

ROWS = 900
BATCH_ROWS = 32
PARITY_STEPS = 10
SIZES = {
    "small": ((2, 8, "relu"), (8, 1, "sigmoid")),
    "article": ((2, 25, "relu"), (25, 50, "relu"), (50, 50, "relu"), (50, 25, "relu"), (25, 1, "sigmoid")),
    "wide": ((2, 256, "relu"), (256, 256, "relu"), (256, 1, "sigmoid")),
}
DTYPES = ("float32", "float64")


@dataclass(frozen=True)
class Case:
    """A network of one size and precision."""

    size: str
    dtype: str

    def __str__(self) -> str:
        return f"{self.size}-{self.dtype}"

    @property
    def architecture(self) -> list[dict[str, Any]]:
        return [{"input_dim": i, "output_dim": o, "activation": activation} for i, o, activation in SIZES[self.size]]

    def model(self) -> Sequential:
        """A new network, compiled; the same weights every time."""
        model = Sequential(self.architecture, seed=0, dtype=self.dtype)
        model.compile(optimizer=SGD(learning_rate=0.01), loss="binary_crossentropy", metrics=["accuracy"])
        return model

    def rows(self, count: int = ROWS) -> tuple[Array, Array]:
        """(count, 2) and (count, 1): which side of a wave a point lies on."""
        generator = np.random.default_rng(0)
        x = generator.uniform(-2, 2, (count, 2)).astype(self.dtype)
        y = (x[:, 1:] > np.sin(2 * x[:, :1])).astype(self.dtype)
        return x, y


CASES = {str(case): case for case in (Case(size, dtype) for size in SIZES for dtype in DTYPES)}


def loss_and_weights(case: Case, model: Any) -> tuple[float, list[Array]]:
    """The last of `PARITY_STEPS` steps' loss, and the weights after it; `model` is of either kind."""
    x, y = case.rows(BATCH_ROWS)
    history = model.fit(x, y, batch_size=BATCH_ROWS, epochs=PARITY_STEPS, shuffle=False, verbose=0).history
    return float(history["loss"][-1]), model.get_weights()


def parity(case: Case) -> float:
    """The largest difference of loss and weights to Keras, after the same steps from the same weights."""
    from keras_ref import build_model, copy_weights

    ours = case.model()
    theirs = build_model(case.architecture, optimizer=SGD(learning_rate=0.01), loss="binary_crossentropy", dtype=case.dtype)
    copy_weights(ours, theirs)
    our_loss, our_weights = loss_and_weights(case, ours)
    their_loss, their_weights = loss_and_weights(case, theirs)
    differences = [np.abs(one - other).max() for one, other in zip(our_weights, their_weights, strict=True)]
    return float(max(abs(our_loss - their_loss), *differences))


if __name__ == "__main__":
    json.dump({name: parity(case) for name, case in CASES.items()}, sys.stdout)
