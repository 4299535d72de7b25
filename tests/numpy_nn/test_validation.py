import re
from typing import Any

import numpy as np
import pytest
from cases import ARCHITECTURE, moons, refused

from numpy_nn import Sequential, losses

X, Y = moons(6)
CLASSES = [*ARCHITECTURE[:-1], {"input_dim": 4, "output_dim": 3, "activation": "softmax"}]


@pytest.fixture
def model() -> Sequential:
    model = Sequential(ARCHITECTURE, seed=1)
    model.compile("adam", "binary_crossentropy", ["accuracy"])
    return model


def state(model: Sequential) -> tuple[Any, ...]:
    """All that a refused call must leave as it was."""
    weights = b"".join(weights.tobytes() for weights in model.get_weights())
    optimizer = model.optimizer
    assert optimizer is not None
    return (
        weights,
        model._generator.bit_generator.state["state"]["state"],
        optimizer,
        optimizer.iterations,
        model.loss,
        model.metrics,
    )


def changed(array: np.ndarray, place: Any, value: Any) -> np.ndarray:
    array = array.copy()
    array[place] = value
    return array


BAD_FEATURES = [
    (changed(X, (2, 1), np.nan), "[2, 1] was nan", "finite"),
    (changed(X, (0, 0), -np.inf), "[0, 0] was -inf", "finite"),
    (np.zeros((0, 2)), "was empty, of shape (0, 2)", "at least one sample"),
    ([], "was empty, of shape (0,)", "at least one sample"),
    (X[:, 0], "had the shape (6,)", "(samples, 2)"),
    (X[:, :1], "had the shape (6, 1)", "(samples, 2)"),
    (X[None], "had the shape (1, 6, 2)", "(samples, 2)"),
    (7.0, "had the shape ()", "(samples, 2)"),
    ([[1.0, 2.0], [3.0]], "was a ragged sequence", "of one length"),
    (X.astype(complex), "was of dtype complex128", "real numbers"),
    (X.astype(str), "was of dtype <U", "real numbers"),
    (X.astype(object), "was of dtype object", "type x.astype(float)"),
    (changed(X.astype(object), (4, 1), "n/a"), "[4, 1] was 'n/a'", "real numbers"),
    (changed(X.astype(object), (0, 1), None), "[0, 1] was None", "real numbers"),
    ({"a": X}, "was a dict", "an array of numbers"),
    (X.astype("m8[s]"), "was of dtype timedelta64[s]", "real numbers"),
    (None, "was None", "array of numbers"),
    (np.ma.masked_values(X, X[0, 0]), "was a masked array", "filled"),
    (X * 1e39, "had a value too large for float32", "3.4028"),
]
BAD_LABELS = [
    (changed(Y, 3, np.nan), "[3] was nan", "finite"),
    (changed(Y, 3, np.inf), "[3] was inf", "finite"),
    (changed(Y, 3, -1), "had the label -1.0", "0, 1 and what lies between"),
    (Y.astype(int) + 1, "had the label 2", "0, 1 and what lies between"),
    (Y[:5], "had the shape (5,)", "6 rows"),
    (np.ones((6, 2)), "had the shape (6, 2)", "(samples,) or (samples, 1)"),
    (np.ones((6, 1, 1)), "had the shape (6, 1, 1)", "(samples,) or (samples, 1)"),
    (1.0, "had the shape ()", "6 rows"),
    ([], "was empty", "at least one sample"),
    ([[0], [1], [0, 1], [1], [1], [1]], "was a ragged sequence", "of one length"),
    (Y.astype(str), "was of dtype <U", "real numbers"),
    (Y + 0j, "was of dtype complex128", "real numbers"),
    (np.ma.masked_equal(Y, 1), "was a masked array", "filled"),
    (list(np.ma.masked_equal(Y[:, None], 1)), "was a masked array", "filled"),
]
BAD_WEIGHTS = [
    (np.ones(5), "had the shape (5,)", "(6,)"),
    (np.ones((6, 2)), "had the shape (6, 2)", "(6,)"),
    (changed(np.ones(6), 1, -2), "had -2.0", "negative"),
    (changed(np.ones(6), 1, np.nan), "[1] was nan", "finite"),
    (["a"] * 6, "was of dtype <U1", "real numbers"),
    (np.ma.masked_equal(np.arange(6), 1), "was a masked array", "filled"),
]


@pytest.mark.parametrize(("x", "was", "may_be"), BAD_FEATURES, ids=lambda value: str(value)[:20])
@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch", "predict"])
def test_bad_features_are_refused_everywhere_and_nothing_is_changed(
    method: str, x: Any, was: str, may_be: str, model: Sequential
) -> None:
    before = state(model)
    with refused("x" + (was if was.startswith("[") else f" {was}"), may_be):
        getattr(model, method)(*((x,) if method == "predict" else (x, Y)))
    assert state(model) == before


@pytest.mark.parametrize(("y", "was", "may_be"), BAD_LABELS, ids=lambda value: str(value)[:20])
@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch"])
def test_bad_labels_are_refused_everywhere_and_nothing_is_changed(
    method: str, y: Any, was: str, may_be: str, model: Sequential
) -> None:
    before = state(model)
    with refused("y" + (was if was.startswith("[") else f" {was}"), may_be):
        getattr(model, method)(X, y)
    assert state(model) == before


@pytest.mark.parametrize(("weights", "was", "may_be"), BAD_WEIGHTS, ids=lambda value: str(value)[:20])
@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch"])
def test_bad_sample_weights_are_refused_everywhere_and_nothing_is_changed(
    method: str, weights: Any, was: str, may_be: str, model: Sequential
) -> None:
    before = state(model)
    with refused("sample_weight" + (was if was.startswith("[") else f" {was}"), may_be):
        getattr(model, method)(X, Y, sample_weight=weights)
    assert state(model) == before


@pytest.mark.parametrize(
    ("loss", "y", "was"),
    [
        ("categorical_crossentropy", np.full((6, 3), 0.5), "y had the row [0.5, 0.5, 0.5]"),
        ("categorical_crossentropy", Y, "y had the shape (6,)"),
        ("sparse_categorical_crossentropy", [0, 1, 2, 3, 0, 0], "y had the label 3"),
        ("sparse_categorical_crossentropy", [0, 1, 2, -1, 0, 0], "y had the label -1"),
        ("sparse_categorical_crossentropy", np.eye(3)[[0, 1, 2, 0, 1, 2]], "y had the shape (6, 3)"),
        ("mean_squared_error", Y, "y had the shape (6,)"),
    ],
)
def test_labels_that_the_loss_is_not_made_for_are_refused(loss: str, y: Any, was: str) -> None:
    model = Sequential(CLASSES)
    model.compile("sgd", loss)
    with refused(was):
        model.fit(X, y, verbose=0)


@pytest.mark.parametrize(
    ("options", "was", "may_be"),
    [
        *(({"batch_size": value}, f"batch_size was {value!r}", "a positive integer") for value in (0, -1, 2.0, "32", True)),
        *(({"epochs": value}, f"epochs was {value!r}", "a positive integer") for value in (0, -3, 1.5, "2", None, True)),
        *(
            ({"validation_split": value}, f"validation_split was {value!r}", "at least 0 and below 1")
            for value in (-0.1, 1.0, 1, float("nan"), "0.2", None, True)
        ),
        ({"validation_split": 0.9}, "validation_split was 0.9", "of 6 rows it leaves 0"),
        ({"validation_split": 1e-20}, "validation_split was 1e-20", "of 6 rows it leaves 6"),
        ({"validation_data": X}, "validation_data must be", "(x, y) or (x, y, sample_weight)"),
        ({"validation_data": (X,)}, "validation_data must be", "(x, y) or (x, y, sample_weight)"),
        ({"validation_data": (X[:, :1], Y)}, "validation_data[0] had the shape (6, 1)", "(samples, 2)"),
        ({"validation_data": (X, Y + 1)}, "validation_data[1] had the label", "0, 1 and what lies between"),
        ({"validation_data": (X, Y, -Y - 1)}, "sample_weight had -2.0", "negative"),
        ({"callbacks": 5}, "callbacks was 5", "a list"),
        ({"initial_epoch": -1}, "initial_epoch was -1", "an integer of at least 0"),
        ({"verbose": 3}, "verbose was 3", "0, 1, 2 or 'auto'"),
        ({"validation_batch_size": 0}, "validation_batch_size was 0", "a positive integer"),
        ({"validation_freq": 0}, "validation_freq was 0", "a positive integer"),
        ({"class_weight": [1, 2]}, "class_weight was [1, 2]", "a dict"),
        ({"class_weight": {0: -1.0}}, "class_weight had -1.0", "at least 0"),
        ({"class_weight": {0: 2.0}, "sample_weight": np.ones(6)}, "class_weight was given beside sample_weight", "one of them"),
        ({"callbacks": ["stop"]}, "callbacks had 'stop'", "numpy_nn.callbacks.Callback"),
    ],
    ids=lambda value: re.sub(r" at 0x\w+", "", str(value)),  # the same in every process
)
def test_bad_arguments_of_fit_are_refused_and_nothing_is_changed(
    options: dict[str, Any], was: str, may_be: str, model: Sequential
) -> None:
    before = state(model)
    with refused(was, may_be):
        model.fit(X, Y, **options)
    assert state(model) == before


@pytest.mark.parametrize("rows", [1, 6])
@pytest.mark.parametrize("value", [0, -1, 2.5, "8", True])
def test_a_bad_batch_size_is_refused_by_predict_and_evaluate(value: Any, rows: int, model: Sequential) -> None:
    x = X[:rows].astype("float32")
    with refused(f"batch_size was {value!r}", "a positive integer"):
        model.predict(x, batch_size=value)
    with refused(f"batch_size was {value!r}", "a positive integer"):
        model.evaluate(x, Y[:rows], batch_size=value)


@pytest.mark.parametrize(
    ("arguments", "was", "may_be"),
    [
        ({"loss": None}, "loss was None", "binary_crossentropy, mean_squared_error"),
        ({"loss": "hinge"}, "loss was 'hinge'", "binary_crossentropy, mean_squared_error"),
        ({"optimizer": "lion"}, "optimizer was 'lion'", "sgd, adam, adamw, rmsprop"),
        ({"optimizer": None}, "optimizer was None", "sgd, adam, adamw, rmsprop"),
        ({"metrics": "accuracy"}, "metrics was 'accuracy'", "['accuracy']"),
        ({"metrics": 5}, "metrics was 5", "['accuracy']"),
        ({"metrics": ["auc"]}, "metrics was 'auc'", "accuracy"),
    ],
)
def test_bad_arguments_of_compile_are_refused_and_nothing_is_changed(
    arguments: dict[str, Any], was: str, may_be: str, model: Sequential
) -> None:
    before = state(model)
    with refused(was, may_be):
        model.compile(**{"loss": "mse", **arguments})
    assert state(model) == before


def test_a_loss_from_logits_is_refused_after_an_activation_that_has_none() -> None:
    model = Sequential([{"input_dim": 2, "output_dim": 2, "activation": "relu"}])
    with refused("loss was <loss categorical_crossentropy from logits>", "'relu'", "linear"):
        model.compile("sgd", losses.CategoricalCrossentropy(from_logits=True))


@pytest.mark.parametrize("seed", [-1, 1.5, "2", True, [1]])
def test_a_seed_that_is_no_natural_number_is_refused(seed: Any) -> None:
    with refused(f"seed was {seed!r}", "an integer of at least 0, or None"):
        Sequential(ARCHITECTURE, seed=seed)


@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch"])
def test_a_model_that_was_not_compiled_says_what_to_do(method: str) -> None:
    with refused("the model has not been compiled", "call compile(optimizer=..., loss=...) first", error=RuntimeError):
        getattr(Sequential(ARCHITECTURE), method)(X, Y)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (X.tolist(), Y.tolist()),
        (X.astype("float32"), Y.astype(bool)),
        (np.asfortranarray(X), Y[:, None]),
        (X.astype(">f8"), Y.astype("uint8")),
        (np.repeat(X, 2, axis=0)[::2], np.repeat(Y, 2)[::2]),
    ],
    ids=["lists", "bool", "columns", "big-endian", "strides"],
)
def test_whatever_holds_numbers_is_taken(x: Any, y: Any, model: Sequential) -> None:
    expected = model.evaluate(X, Y)
    assert model.evaluate(x, y) == expected


def test_a_masked_array_that_masks_nothing_is_an_array(model: Sequential) -> None:
    assert model.evaluate(np.ma.masked_array(X), np.ma.masked_array(Y)) == model.evaluate(X, Y)


def test_integers_are_features_too(model: Sequential) -> None:
    np.testing.assert_array_equal(model.predict([[1, -2], [3, 0]]), model.predict([[1.0, -2.0], [3.0, 0.0]]))


def test_what_was_handed_in_is_left_as_it_was(model: Sequential) -> None:
    x, y, weights = X.astype("float32"), Y.astype("float32"), np.ones(6, "float32")
    copies = x.copy(), y.copy(), weights.copy()
    model.fit(x, y, batch_size=4, epochs=3, sample_weight=weights, verbose=0)
    model.evaluate(x, y)
    for array, copy in zip((x, y, weights), copies, strict=True):
        np.testing.assert_array_equal(array, copy)
