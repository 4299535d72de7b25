"""How far a step of the benchmarks' network is from Keras': run as a program, it prints that for each precision.

Keras lives in a process of its own, so that its threads and memory aren't in the way of what is timed. Called by `conftest`.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np

import numpy_nn
from bench.micro.benchmark import Array
from bench.micro.networks import LAYERS, LEARNING_RATE, draw_weights, make_model, two_moons

ROWS = 32
STEPS = 10


def loss_and_weights(model: Any, x: Array, y: Array) -> tuple[float, list[Array]]:
    """The last of `STEPS` steps' loss, and the weights after it; `model` is of either kind."""
    history = model.fit(x, y, batch_size=ROWS, epochs=STEPS, shuffle=False, verbose=0).history
    return float(history["loss"][-1]), model.get_weights()


def parity(dtype: str) -> float:
    """The largest difference of loss and weights to Keras, after the same steps from the same weights."""
    from keras_ref import build_model, copy_weights

    x, y = two_moons(ROWS, 0, dtype)
    ours = make_model(numpy_nn, draw_weights(LAYERS, 0, dtype), dtype=dtype)
    optimizer = numpy_nn.SGD(learning_rate=LEARNING_RATE)
    theirs = build_model(ours.architecture, optimizer=optimizer, loss="binary_crossentropy", dtype=dtype)
    copy_weights(ours, theirs)
    our_loss, our_weights = loss_and_weights(ours, x, y)
    their_loss, their_weights = loss_and_weights(theirs, x, y[:, None])
    differences = [np.abs(one - other).max() for one, other in zip(our_weights, their_weights, strict=True)]
    return float(max(abs(our_loss - their_loss), *differences))


if __name__ == "__main__":
    json.dump({dtype: parity(dtype) for dtype in ("float32", "float64")}, sys.stdout)
