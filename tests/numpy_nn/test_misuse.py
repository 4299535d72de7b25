"""What users of Keras type that means something else here, or nothing: taken where it is clear, else refused with what to type."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import ARCHITECTURE, refused
from scipy import sparse

import numpy_nn
from numpy_nn import SGD, Sequential, keras_files

X = np.random.default_rng(0).normal(size=(12, 2))
Y = (np.arange(12) % 2).astype(float)


def model(**options: Any) -> Sequential:
    made = Sequential([{"input_dim": 2, "output_dim": 1, "activation": "sigmoid"}], seed=1, **options)
    made.compile("sgd", "binary_crossentropy")
    return made


def trained(class_weight: dict[Any, float] | None) -> np.ndarray:
    made = model()
    made.fit(X, Y, class_weight=class_weight, shuffle=False, verbose=0)
    return made.get_weights()[0]


@pytest.mark.parametrize("keys", [("0", "1"), (np.int64(0), np.int64(1)), (0.0, 1.0)])
def test_the_classes_of_class_weight_are_numbers_however_they_are_written(keys: tuple[Any, Any]) -> None:
    np.testing.assert_array_equal(trained(dict(zip(keys, (0.25, 4.0), strict=True))), trained({0: 0.25, 1: 4.0}))
    assert (trained({0: 0.25, 1: 4.0}) != trained(None)).any()


@pytest.mark.parametrize("key", ["cat", 0.5, "0.5", None])
def test_a_class_that_is_no_number_is_refused_and_not_left_out(key: Any) -> None:
    with pytest.raises(ValueError, match="class_weight had the class"):
        trained({key: 2.0})


@pytest.mark.parametrize("name", ["model.h5", "model.hdf5"])
def test_a_model_is_not_written_under_a_name_that_promises_another_format(name: str, tmp_path: Path) -> None:
    for write in (model().save, model().save_weights):
        with pytest.raises(ValueError, match=r"\.keras"):
            write(tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", [None, 3, True, [], object(), np.zeros((30, 30)), "", "a\0b", "folder/"])
def test_what_is_no_path_of_a_file_is_refused_by_the_arguments_name(path: Any) -> None:
    network = model()
    calls = (
        network.save,
        network.save_weights,
        network.load_weights,
        Sequential.load,
        keras_files.load_keras,
        lambda path: keras_files.save_keras(network, path),
        lambda path: keras_files.save_weights(network, path),
        lambda path: keras_files.load_weights(network, path),
        numpy_nn.callbacks.ModelCheckpoint,
        numpy_nn.callbacks.CSVLogger,
    )
    for call in calls:
        with pytest.raises(ValueError, match=r"^(path|filepath|filename) was .*: it must be the path of a file[^\n]*$"):
            call(path)


def test_a_class_stands_for_an_object_with_its_defaults() -> None:
    made = model(initializer=numpy_nn.initializers.HeNormal)
    np.testing.assert_array_equal(made.get_weights()[0], model(initializer="he_normal").get_weights()[0])
    made.compile("adam", numpy_nn.losses.Huber, metrics=[numpy_nn.metrics.MeanAbsoluteError])
    assert (repr(made.loss), made.metrics) == (repr(numpy_nn.losses.Huber()), ["mean_absolute_error"])
    with pytest.raises(ValueError, match="loss was <class 'int'>"):
        made.compile("adam", int)


@pytest.mark.parametrize(
    ("x", "y", "said"),
    [
        (sparse.csr_matrix(X), Y, "x.toarray()"),
        (sparse.coo_array(X), Y, "x.toarray()"),
        (X, np.array(["cat", "dog"])[Y.astype(int)], "MLPClassifier"),
    ],
)
def test_data_of_another_kind_is_refused_with_what_to_type(x: Any, y: Any, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        model().fit(x, y, verbose=0)


@pytest.mark.parametrize(
    ("module", "name", "there"),
    [
        ("activations", "relu6", "Relu"),
        ("callbacks", "TensorBoard", "CSVLogger"),
        ("losses", "KLDivergence", "Huber"),
        ("metrics", "AUC", "BinaryAccuracy"),
        ("optimizers", "Nadam", "RMSprop"),
    ],
)
def test_a_part_that_is_not_there_is_refused_with_those_that_are(module: str, name: str, there: str) -> None:
    with pytest.raises(AttributeError, match=f"numpy_nn.{module} has no '{name}': it has .*{there}"):
        getattr(getattr(numpy_nn, module), name)
    assert not hasattr(getattr(numpy_nn, module), "__nothing__")


def test_an_optimizer_is_an_object_as_in_keras() -> None:
    with pytest.raises(ValueError, match=r"optimizer was .*SGD.*: it must be an object of it"):
        model().compile(SGD, "mse")


@pytest.mark.parametrize("name", ["batch_size", "epochs", "verbose", "callbacks", "validation_split", "class_weight", "shuffle"])
def test_an_array_in_place_of_a_number_is_named_in_one_line(name: str) -> None:
    model = Sequential(ARCHITECTURE)
    model.compile("sgd", "binary_crossentropy")
    with pytest.raises(ValueError, match=f"^{name} was array") as found:
        model.fit(X, X[:, 0] > 0, **{name: np.zeros((40, 2))})
    assert "\n" not in str(found.value)
    assert len(str(found.value)) < 250


def test_a_single_value_that_is_not_finite_is_named() -> None:
    model = Sequential(ARCHITECTURE)
    model.compile("sgd", "binary_crossentropy")
    with refused("sample_weight was nan: all values must be finite"):
        model.fit(X, X[:, 0] > 0, sample_weight=np.nan)
