import subprocess
import sys

import numpy as np
import pytest

from numpy_nn import SGD, Adam, Sequential
from numpy_nn.schedules import ExponentialDecay

keras = pytest.importorskip("keras")
import keras_ref  # noqa: E402

ARCHITECTURE = [
    {"input_dim": 2, "output_dim": 5, "activation": "relu"},
    {"input_dim": 5, "output_dim": 1, "activation": "sigmoid"},
]


@pytest.fixture(autouse=True)
def precision():
    """`build_model` sets it for good; tests don't."""
    before = keras.config.floatx(), keras.config.dtype_policy()
    yield
    keras.config.set_floatx(before[0])
    keras.config.set_dtype_policy(before[1])


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(70, 2))
    return x, (x[:, 0] > x[:, 1]).astype(float).reshape(-1, 1)


def build(optimizer="sgd", dtype="float64", **options):
    return keras_ref.build_model(
        ARCHITECTURE, optimizer=optimizer, loss="binary_crossentropy", dtype=dtype, metrics=["accuracy"], **options
    )


def numpy_model(optimizer="sgd", dtype="float64"):
    model = Sequential(ARCHITECTURE, seed=1, dtype=dtype)
    model.compile(optimizer=optimizer, loss="binary_crossentropy", metrics=["accuracy"])
    return model


@pytest.mark.parametrize("batch_size", [16, None])
@pytest.mark.parametrize(
    ("optimizer", "numpy_optimizer"),
    [
        ({"name": "sgd", "learning_rate": 0.01}, SGD(0.01)),
        ({"name": "sgd", "learning_rate": 0.125, "momentum": 0.5, "nesterov": True}, SGD(0.125, 0.5, nesterov=True)),
        (Adam(0.0625, 0.5, 0.75, 2.0**-20), Adam(0.0625, 0.5, 0.75, 2.0**-20)),
        ("sgd", "sgd"),
    ],
)
def test_both_sides_train_the_same(optimizer, numpy_optimizer, batch_size, data):
    ours, theirs = numpy_model(numpy_optimizer), build(optimizer)
    keras_ref.copy_weights(ours, theirs)
    arguments = {"batch_size": batch_size, "epochs": 3, "shuffle": False, "validation_data": (data[0][:20], data[1][:20])}
    expected = ours.fit(*data, verbose=0, **arguments).history
    got = keras_ref.fit(theirs, *data, **arguments)
    assert got.keys() == expected.keys() == {"loss", "accuracy", "val_loss", "val_accuracy"}
    for name, values in expected.items():
        np.testing.assert_allclose(got[name], values, rtol=0, atol=1e-13)
        assert [type(value) for value in got[name]] == [float] * 3
    for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(other, mine, rtol=0, atol=1e-13)


@pytest.mark.parametrize("batch_size", [16, None], ids=["a last batch of 6 rows", "the full batch"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_one_iterator_for_all_epochs_changes_no_figure(batch_size, dtype, data):
    models = build(dtype=dtype), build(dtype=dtype, steps_per_execution=1 if batch_size is None else 5)
    keras_ref.copy_weights(*models)
    arguments = {"batch_size": batch_size, "epochs": 3, "shuffle": False, "validation_data": (data[0][:20], data[1][:20])}
    expected, got = (
        keras_ref.fit(model, *data, one_iterator=kept, **arguments) for model, kept in zip(models, (False, True), strict=True)
    )
    tolerance = {"rtol": 0, "atol": 1e-13 if dtype == "float64" else 1e-6}
    assert got.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(got[name], values, **tolerance)
    for mine, other in zip(models[0].get_weights(), models[1].get_weights(), strict=True):
        np.testing.assert_allclose(other, mine, **tolerance)


def test_an_execution_that_would_go_on_into_the_next_epoch_is_refused(data):
    with pytest.raises(ValueError, match="steps_per_execution is 3: with one_iterator it must divide the 5 steps of an epoch"):
        keras_ref.fit(build(steps_per_execution=3), *data, batch_size=16, one_iterator=True)


def test_one_iterator_meets_each_row_once_an_epoch_in_a_new_order_if_it_shuffles(data):
    rows = np.arange(70.0).reshape(-1, 2)
    seen = []

    class Seen(keras.layers.Layer):
        def call(self, x):
            tensorflow.py_function(lambda values: seen.extend(values.numpy()[:, 0].tolist()), [x], [])
            return x

    tensorflow = pytest.importorskip("tensorflow")
    model = keras.Sequential([keras.Input((2,)), Seen(), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    keras_ref.fit(model, rows, rows[:, :1], batch_size=16, epochs=3, shuffle=True, one_iterator=True)
    epochs = np.array(seen).reshape(3, 35)
    assert [sorted(epoch) for epoch in epochs.tolist()] == [rows[:, 0].tolist()] * 3
    assert len({tuple(epoch) for epoch in epochs.tolist()}) == 3


def test_a_keras_optimizer_and_compile_options_reach_the_model():
    optimizer = keras.optimizers.RMSprop(0.5)
    model = build(optimizer, steps_per_execution=3)
    assert model.optimizer is optimizer
    assert model.steps_per_execution == 3


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_weights_come_across_in_both_directions(dtype):
    ours, theirs = numpy_model(dtype=dtype), build(dtype=dtype)
    drawn_by_keras = theirs.get_weights()
    keras_ref.copy_weights(theirs, ours)
    for mine, other in zip(ours.get_weights(), drawn_by_keras, strict=True):
        np.testing.assert_array_equal(mine, other)
        assert other.dtype == dtype
    fresh = numpy_model(dtype=dtype)
    keras_ref.copy_weights(fresh, theirs)
    for mine, other in zip(fresh.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_a_model_has_its_own_precision_whatever_was_built_before():
    for dtype in ("float32", "float64", "float32"):
        assert {weight.dtype.name for weight in build(dtype=dtype).get_weights()} == {dtype}


def test_weights_of_another_shape_are_refused_and_nothing_is_changed():
    wide = [{"input_dim": 2, "output_dim": 7, "activation": "relu"}, {"input_dim": 7, "output_dim": 1, "activation": "sigmoid"}]
    theirs = build()
    before = theirs.get_weights()
    with pytest.raises(ValueError, match=r"source has weights of the shapes \[\(2, 7\).*: target needs \[\(2, 5\)"):
        keras_ref.copy_weights(Sequential(wide), theirs)
    for old, new in zip(before, theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_fit_uses_the_precision_of_the_model_and_leaves_floatx_as_it_was(data):
    model = build(dtype="float64")
    keras.config.set_floatx("float32")
    ours = numpy_model()
    keras_ref.copy_weights(ours, model)
    got = keras_ref.fit(model, *data, epochs=2, shuffle=False)
    np.testing.assert_allclose(got["loss"], ours.fit(*data, epochs=2, shuffle=False, verbose=0).history["loss"], rtol=0, atol=1e-13)
    assert keras.config.floatx() == "float32"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dtype": "float16"}, "dtype was 'float16': it may be one of float32, float64"),
        ({"optimizer": {"learning_rate": 1.0}}, "it must have a 'name'"),
        ({"architecture": []}, "architecture was"),
    ],
)
def test_wrong_arguments_are_refused(changes, message):
    arguments = {"architecture": ARCHITECTURE, "optimizer": "sgd", "loss": "mean_squared_error"} | changes
    with pytest.raises(ValueError, match=message):
        keras_ref.build_model(**arguments)


def test_importing_the_package_does_not_import_keras():
    code = "import sys, keras_ref; sys.exit('keras' in sys.modules or 'tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_whatever_a_layer_may_have_is_the_same_on_both_sides():
    layers = [
        {
            "input_dim": 2,
            "output_dim": 5,
            "activation": {"class_name": "leaky_relu", "config": {"negative_slope": 0.25}},
            "kernel_initializer": {"class_name": "random_uniform", "config": {"minval": 0.5, "maxval": 0.75}},
            "bias_initializer": "ones",
        },
        {"dropout": 0.25},
        {"input_dim": 5, "output_dim": 2, "activation": "softmax", "use_bias": False, "kernel_regularizer": "l2"},
    ]
    optimizer = SGD(ExponentialDecay(0.5, 4, 0.5), momentum=0.5, clipnorm=1.0)
    theirs = keras_ref.build_model(layers, optimizer=optimizer, loss="categorical_crossentropy", dtype="float64")
    kernel, bias, _ = theirs.get_weights()
    assert kernel.min() >= 0.5
    assert (bias == 1).all()
    assert [type(layer).__name__ for layer in theirs.layers] == ["Dense", "Dropout", "Dense"]
    undropped = [layer for layer in layers if "dropout" not in layer]
    ours = Sequential(undropped, dtype="float64")
    ours.compile(optimizer, "categorical_crossentropy")
    theirs = keras_ref.build_model(undropped, optimizer=optimizer, loss="categorical_crossentropy", dtype="float64")
    keras_ref.copy_weights(theirs, ours)
    x = np.random.default_rng(0).normal(size=(8, 2))
    y = np.eye(2)[np.arange(8) % 2]
    for _ in range(5):
        theirs.train_on_batch(x, y)
        ours.train_on_batch(x, y)
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_an_initializer_that_keras_lacks_is_refused():
    with pytest.raises(ValueError, match="'article' was asked for: Keras has none"):
        keras_ref.build_model([{"input_dim": 2, "output_dim": 1, "kernel_initializer": "article"}], optimizer="sgd", loss="mse")
