from types import ModuleType

import numpy as np
import oracle
import pytest
from cases import refused
from hypothesis import given
from hypothesis import strategies as st

from numpy_nn import losses
from numpy_nn._engine.program import run
from numpy_nn.losses import Loss

NAMES = [
    "binary_crossentropy",
    "mean_squared_error",
    "categorical_crossentropy",
    "sparse_categorical_crossentropy",
    "mean_absolute_error",
    "huber",
]
REGRESSION = ("mean_squared_error", "mean_absolute_error", "huber")
PAIRED = [name for name in NAMES if name in oracle.PAIRS]
SATURATED = np.array([0.0, 1e-12, 5e-8, 1e-7, 0.3, 1 - 1e-7, 1 - 5e-8, 1.0])


def labels(name: str, samples: int, outputs: int, generator: np.random.Generator) -> np.ndarray:
    """Targets as a user has them."""
    if name == "binary_crossentropy":
        return generator.integers(0, 2, (samples, outputs)).astype(float)
    if name in REGRESSION:
        return generator.normal(size=(samples, outputs))
    if name == "categorical_crossentropy":
        return generator.dirichlet(np.ones(outputs), samples)
    return generator.integers(0, outputs, samples).astype(float)


def gradient(loss: Loss, y: np.ndarray, outputs: np.ndarray, *, from_logits: bool) -> np.ndarray:
    """The gradient of the mean loss by `outputs` (samples, outputs), by the operations that the network runs."""
    targets = np.ascontiguousarray(loss.encode("y", y, outputs.shape[1]).T)
    given = np.ascontiguousarray(outputs.T)
    delta = np.empty_like(given)
    with np.errstate(all="ignore"):
        if from_logits:
            shift, factor = np.empty_like(given), np.empty_like(given)
            loss.prepare_gradient(targets, np.ones_like(given), shift, factor)
            run(loss.record_logit_gradient(given, shift, factor, delta))
        else:
            run(loss.record_gradient(targets, given, delta))
    return delta.T / len(outputs)


def keras_loss(keras: ModuleType, name: str, y: np.ndarray, outputs: np.ndarray, *, from_logits: bool) -> tuple[float, np.ndarray]:
    """Keras' mean loss and its gradient by the outputs."""
    import tensorflow as tf

    cls = {cls.__name__.lower(): cls for cls in vars(keras.losses).values() if isinstance(cls, type)}[name.replace("_", "")]
    loss = cls(from_logits=True) if from_logits else cls()
    variable = tf.Variable(outputs)
    with tf.GradientTape() as recorded:
        value = loss(y, variable)
    return float(value), np.asarray(recorded.gradient(value, variable))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("outputs", [2, 5])
@pytest.mark.parametrize("kind", ["probabilities", "saturated", "out of range"])
def test_value_and_gradient_from_outputs_are_keras_own(name: str, outputs: int, kind: str, keras64: ModuleType) -> None:
    generator = np.random.default_rng(0)
    if kind == "probabilities":
        a = generator.dirichlet(np.ones(outputs), 30)
    elif kind == "saturated":
        a = generator.choice(SATURATED, (60, outputs))
        a[:, 0] = np.maximum(a[:, 0], 0.01)  # a row of zeros is NaN in both
    else:
        a = generator.normal(0.5, 1, (60, outputs))
    y = labels(name, len(a), outputs, generator)
    loss = losses.get(name)
    value, by_outputs = keras_loss(keras64, name, y, a, from_logits=False)
    assert loss(y, a) == pytest.approx(value, rel=1e-12, nan_ok=True)
    np.testing.assert_allclose(gradient(loss, y, a, from_logits=False), by_outputs, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", PAIRED)
@pytest.mark.parametrize("scale", [1, 50, 1000])
def test_value_and_gradient_from_logits_are_keras_own(name: str, scale: float, keras64: ModuleType) -> None:
    generator = np.random.default_rng(1)
    z = generator.normal(0, scale, (30, 3))
    y = labels(name, 30, 3, generator)
    value, by_logits = keras_loss(keras64, name, y, z, from_logits=True)
    assert losses.get(name)(y, z, from_logits=True) == pytest.approx(value, rel=1e-13)
    np.testing.assert_allclose(gradient(losses.get(name), y, z, from_logits=True), by_logits, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("name", NAMES)
@given(seed=st.integers(0, 2**32 - 1), samples=st.integers(1, 4), outputs=st.integers(1, 4))
def test_value_and_gradient_are_the_oracles(name: str, seed: int, samples: int, outputs: int) -> None:
    generator = np.random.default_rng(seed)
    a = generator.uniform(0.01, 0.99, (samples, outputs))
    y = labels(name, samples, outputs, generator)
    loss = losses.get(name)
    targets = loss.encode("y", y, outputs)
    if name == "sparse_categorical_crossentropy":
        targets = np.eye(outputs)[targets[:, 0].astype(int)]
    pairs = zip(targets, a, strict=True)
    expected = [oracle.loss_of_outputs(name, target, row) for target, row in pairs]
    assert loss(y, a) == pytest.approx(np.mean([value for value, _ in expected]), rel=1e-12)
    by_outputs = np.array([by for _, by in expected]) / samples
    np.testing.assert_allclose(gradient(loss, y, a, from_logits=False), by_outputs, rtol=1e-10, atol=1e-13)


def test_a_wrong_and_certain_logit_costs_what_it_is_wrong_by() -> None:
    bce = losses.get("binary_crossentropy")
    assert bce([1.0], [-40.0], from_logits=True) == pytest.approx(40, rel=1e-15)
    np.testing.assert_allclose(gradient(bce, np.ones(1), np.full((1, 1), -40.0), from_logits=True), [[-1.0]])


def test_a_wrong_and_certain_probability_costs_what_the_clip_leaves() -> None:
    assert losses.get("binary_crossentropy")([1.0], [0.0]) == pytest.approx(-np.log(1e-7))
    assert losses.get("categorical_crossentropy")([[1.0, 0.0]], [[0.0, 1.0]]) == pytest.approx(-np.log(1e-7))


def test_worked_examples() -> None:
    assert losses.get("mse")([[0.0, 1.0]], [[1.0, 3.0]]) == 2.5
    assert losses.get("bce")([0, 1], [0.25, 0.5]) == pytest.approx((np.log(4 / 3) + np.log(2)) / 2)
    assert losses.get("sparse_categorical_crossentropy")([1], [[0.25, 0.75]]) == pytest.approx(np.log(4 / 3))
    assert losses.get("categorical_crossentropy")([[0.5, 0.5]], [[0.25, 0.75]]) == pytest.approx(-np.log(0.25 * 0.75) / 2)


def test_labels_and_outputs_may_be_flat_or_integers() -> None:
    mse = losses.get("mean_squared_error")
    assert mse([0, 1, 1], [0, 1, 0]) == mse([[0.0], [1.0], [1.0]], [0.0, 1.0, 0.0]) == pytest.approx(1 / 3)


def test_a_loss_from_logits_takes_logits_when_called() -> None:
    z = np.array([[2.0], [-1.0]])
    expected = losses.BinaryCrossentropy()([1, 0], 1 / (1 + np.exp(-z)))
    assert losses.BinaryCrossentropy(from_logits=True)([1, 0], z) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("label", [-1, 2, 1.5])
def test_binary_crossentropy_refuses_labels_beyond_0_and_1(label: float) -> None:
    with refused(f"y_true had the label {label!r}", "0, 1 and what lies between"):
        losses.get("binary_crossentropy")([0, label], [0.5, 0.5])


@pytest.mark.parametrize("row", [[0.5, 0.4], [1.5, -0.5], [0.0, 0.0]])
def test_categorical_crossentropy_refuses_rows_that_are_no_shares(row: list[float]) -> None:
    with refused(f"y_true had the row {row}", "add up to 1"):
        losses.get("categorical_crossentropy")([[1.0, 0.0], row], [[0.5, 0.5], [0.5, 0.5]])


@pytest.mark.parametrize("label", [-1, 2, 0.5])
def test_sparse_categorical_crossentropy_refuses_labels_that_are_no_class(label: float) -> None:
    with refused("y_true had the label", repr(label), "integers from 0 to 1"):
        losses.get("sparse_categorical_crossentropy")([0, label], [[0.5, 0.5], [0.5, 0.5]])


@pytest.mark.parametrize("name", NAMES)
def test_shapes_that_do_not_fit_are_refused(name: str) -> None:
    with refused("y_true had the shape (2, 3)"):
        losses.get(name)(np.zeros((2, 3)), np.full((2, 2), 0.5))
    with refused("y_pred had the shape (3, 1)", "(2, 1)"):
        losses.get(name)(np.ones((2, 1)) if name != "sparse_categorical_crossentropy" else [0, 0], np.full((3, 1), 0.5))


@pytest.mark.parametrize("outputs", [2, 12_000])
def test_sparse_targets_are_one_number_a_sample(outputs: int) -> None:
    loss = losses.get("sparse_categorical_crossentropy")
    targets = loss.encode("y", np.array([0, outputs - 1]), outputs)
    assert targets.tolist() == [[0], [outputs - 1]]
    assert loss.target_count(outputs) == 1
    assert losses.get("mse").target_count(outputs) == outputs


@pytest.mark.parametrize("smoothing", [0.0, 0.25])
@pytest.mark.parametrize("from_logits", [False, True])
@pytest.mark.parametrize("name", ["BinaryCrossentropy", "CategoricalCrossentropy"])
def test_soft_and_smoothed_labels_have_keras_own_value_and_gradient(
    name: str, from_logits: bool, smoothing: float, keras64: ModuleType
) -> None:
    import tensorflow as tf

    generator = np.random.default_rng(3)
    y = generator.dirichlet(np.ones(3), 20)
    outputs = generator.normal(size=y.shape) if from_logits else generator.dirichlet(np.ones(3), 20)
    options = {"from_logits": from_logits, "label_smoothing": smoothing}
    loss, variable = getattr(losses, name)(**options), tf.Variable(outputs)
    with tf.GradientTape() as recorded:
        value = getattr(keras64.losses, name)(**options)(y, variable)
    assert loss(y, outputs) == pytest.approx(float(value), rel=1e-12)
    by_outputs = gradient(loss.for_targets(y), y, outputs, from_logits=from_logits)
    np.testing.assert_allclose(by_outputs, np.asarray(recorded.gradient(value, variable)), rtol=1e-9, atol=1e-12)


def test_labels_of_0_and_1_keep_the_quick_gradient() -> None:
    loss = losses.BinaryCrossentropy()
    assert loss.for_targets(np.array([[0.0], [1.0]])) is loss
    assert loss.for_targets(np.array([[0.0], [0.9]])) is not loss


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), "0.1", True])
def test_a_label_smoothing_outside_0_to_1_is_refused(value: object) -> None:
    with refused(f"label_smoothing was {value!r}", "from 0 to 1"):
        losses.BinaryCrossentropy(label_smoothing=value)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [0, -1, float("inf"), None])
def test_a_delta_that_is_not_positive_is_refused(value: object) -> None:
    with refused(f"delta was {value!r}", "a finite, positive number"):
        losses.Huber(value)  # type: ignore[arg-type]


def test_a_loss_weighs_each_sample() -> None:
    assert losses.get("mse")([0.0, 0.0], [1.0, 2.0], [3.0, 0.5]) == (3 + 2) / 2
    with refused("sample_weight had the shape (3,)", "(2,)"):
        losses.get("mse")([0.0, 0.0], [1.0, 2.0], [1.0, 1.0, 1.0])


@pytest.mark.parametrize("loss", [losses.Huber(0.5), losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1)])
def test_a_loss_is_made_again_from_its_config(loss: Loss) -> None:
    again = losses.get({"class_name": loss.name, "config": loss.get_config()})
    assert type(again) is type(loss)
    assert again.get_config() == loss.get_config()


def test_squared_error_has_no_logits() -> None:
    with refused("from_logits was True", "mean_squared_error has no logits"):
        losses.MeanSquaredError(from_logits=True)
    with refused("from_logits was True", "mean_squared_error has no logits"):
        losses.get("mse")([0.0], [1.0], from_logits=True)


@pytest.mark.parametrize("identifier", ["hinge", "", 3, None])
def test_an_unknown_loss_is_refused(identifier: object) -> None:
    with refused(f"loss was {identifier!r}", ", ".join(NAMES)):
        losses.get(identifier)  # type: ignore[arg-type]


def test_a_loss_is_found_by_its_name_its_short_name_and_itself() -> None:
    loss = losses.get("mse")
    assert isinstance(loss, losses.MeanSquaredError)
    assert isinstance(losses.get("bce"), losses.BinaryCrossentropy)
    assert losses.get(loss) is loss
    assert repr(losses.BinaryCrossentropy(from_logits=True)) == "<loss binary_crossentropy from logits>"


@pytest.mark.parametrize("name", NAMES)
def test_each_row_weighs_what_its_weight_says(name: str) -> None:
    generator = np.random.default_rng(4)
    y, a = labels(name, 5, 3, generator), generator.dirichlet(np.ones(3), 5)
    weights = np.array([0.0, 0.5, 1, 2, 4])
    loss = losses.get(name)
    expected = np.mean([weight * loss(row, outputs) for row, outputs, weight in zip(y[:, None], a[:, None], weights, strict=True)])
    np.testing.assert_allclose(loss(y, a, sample_weight=weights), expected, rtol=1e-14)
