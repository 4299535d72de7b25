"""Gradients of every activation, loss and regulariser against central differences, in float64, over random architectures.

Only public ways are taken: a step of gradient descent with a learning rate of 1 takes the gradient off the weights, and `evaluate`
gives the loss.
"""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from keras_oracle_parts import ACTIVATIONS, LOSSES, OBJECTS, our_activation

import numpy_nn
from numpy_nn import SGD, Sequential

STEP = 1e-6
KINKS = {"relu", "leaky_relu", "leaky_relu_quarter", "hard_sigmoid", "mean_absolute_error", "selu", "elu", "huber"}
"""What has no derivative somewhere, or no second one: a difference that crosses such a place proves nothing."""
REGULARIZERS = {"l1": ("L1", {"l1": 0.01}), "l2": ("L2", {"l2": 0.01}), "l1_l2": ("L1L2", {"l1": 0.01, "l2": 0.02})}


def loss_of(model: Sequential, x: Any, y: Any, weights: Any) -> float:
    """The loss, in whichever form `evaluate` gives it."""
    answer: Any = model.evaluate(x, y, sample_weight=weights)
    return float(answer["loss"] if isinstance(answer, dict) else np.ravel(answer)[0])


def network(
    draw: st.DrawFn, activations: list[str], last: str, loss: str, options: dict[str, Any]
) -> tuple[Sequential, Any, Any, Any]:
    """A compiled model of random widths, and rows for it."""
    dims = [draw(st.integers(1, 4)) for _ in activations] + [draw(st.integers(1, 4)), draw(st.integers(2, 3))]
    names = [*activations, last]
    architecture = [
        {"input_dim": i, "output_dim": o, "activation": our_activation(name) if name in OBJECTS else name, **options}
        for (i, o), name in zip(pairwise(dims), names, strict=True)
    ]
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows, outputs = draw(st.integers(1, 5)), dims[-1]
    x = generator.normal(size=(rows, dims[0]))
    y = {
        "binary": lambda: generator.integers(0, 2, (rows, outputs)).astype(float),
        "one_hot": lambda: np.eye(outputs)[generator.integers(0, outputs, rows)],
        "class": lambda: generator.integers(0, outputs, rows),
        "real": lambda: generator.normal(size=(rows, outputs)),
    }[LOSSES[loss].labels]()
    model = Sequential(architecture, dtype="float64")
    model.set_weights([generator.normal(size=weights.shape) for weights in model.get_weights()])
    model.compile(SGD(learning_rate=1.0), LOSSES[loss].make(numpy_nn))
    return model, x, y, generator.uniform(0.5, 2, rows) if draw(st.booleans()) else None


def check_gradient(model: Sequential, x: Any, y: Any, sample_weight: Any, smooth: bool) -> None:
    """The gradient of each weight by a step against the slope between two losses."""
    before = model.get_weights()
    model.train_on_batch(x, y, sample_weight)
    gradients = [old - new for old, new in zip(before, model.get_weights(), strict=True)]
    scale = max(1.0, *(float(np.abs(gradient).max()) for gradient in gradients))
    for number, gradient in enumerate(gradients):
        for place in np.ndindex(gradient.shape):
            slopes = []
            for step in (STEP, 2 * STEP):
                losses = []
                for sign in (1, -1):
                    moved = [weights.copy() for weights in before]
                    moved[number][place] += sign * step
                    model.set_weights(moved)
                    losses.append(loss_of(model, x, y, sample_weight))
                slopes.append((losses[0] - losses[1]) / (2 * step))
            # Where two differences disagree, one of them has crossed a kink.
            if not smooth:
                assume(abs(slopes[0] - slopes[1]) <= 1e-7 * scale)
            assert abs(gradient[place] - slopes[0]) <= 1e-6 * scale


def for_random_networks(
    activation: str, last: str, loss: str, options: dict[str, Any], *, smooth: bool, most_layers: int = 1
) -> None:
    """Check the gradient of many networks with these parts."""
    our_activation(activation)  # what isn't there fails before anything is drawn
    LOSSES[loss].make(numpy_nn)

    @settings(max_examples=20)
    @given(data=st.data())
    def check(data: st.DataObject) -> None:
        layers = [activation] * data.draw(st.integers(1, most_layers))
        check_gradient(*network(data.draw, layers, last, loss, options), smooth=smooth)

    check()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_hidden_activation_has_the_gradient_of_its_value(name: str) -> None:
    for_random_networks(name, "linear", "mean_squared_error", {}, smooth=name not in KINKS, most_layers=2)


PAIRS = [(last, loss) for loss, row in LOSSES.items() for last in row.last]


@pytest.mark.parametrize(("last", "loss"), PAIRS)
def test_every_loss_has_the_gradient_of_its_value(last: str, loss: str) -> None:
    for_random_networks("tanh", last, loss, {}, smooth=loss not in KINKS)


@pytest.mark.parametrize("name", REGULARIZERS)
def test_every_regulariser_has_the_gradient_of_its_value(name: str) -> None:
    class_name, arguments = REGULARIZERS[name]
    options = {"kernel_regularizer": getattr(numpy_nn.regularizers, class_name)(**arguments)}
    for_random_networks("tanh", "linear", "mean_squared_error", options, smooth=name == "l2")
