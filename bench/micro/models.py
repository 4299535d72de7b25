"""The benchmarks of a trained model: prediction, building, files, and the estimators."""

from __future__ import annotations

import shutil
from functools import partial
from types import ModuleType
from typing import Any

from bench.micro.benchmark import Benchmark, Work
from bench.micro.files import new_folder
from bench.micro.methods import make_estimator, quiet_fit
from bench.micro.networks import LAYERS, SMALL_LAYERS, as_architecture, draw_weights, make_model, two_moons
from bench.micro.work import Calls

PREDICTED_ROWS = 300
MANY_ROWS = 10_000
ESTIMATOR_ROWS = 64
DISK_TOLERANCE = FIT_TOLERANCE = 0.02
KERAS_FILES_TOLERANCE = 0.01


def predict(package: ModuleType, seed: int, *, rows: int, calls: int = 1, dtype: str = "float32") -> Work:
    x = two_moons(rows, seed, dtype)[0]
    model = make_model(package, draw_weights(LAYERS, seed, dtype), dtype=dtype)
    return Calls(partial(model.predict, x), lambda y: [y], calls=calls)


def build(package: ModuleType, seed: int) -> Work:
    """From the list of dicts to a compiled network with its weights."""
    return Calls(partial(make_model, package, draw_weights(LAYERS, seed)), lambda model: model.get_weights())


def build_drawn(package: ModuleType, seed: int, *, initializer: str) -> Work:
    """From the list of dicts to a network whose weights the library draws."""
    make = partial(package.Sequential, as_architecture(LAYERS), initializer=initializer, seed=seed % 1000, dtype="float32")
    return Calls(make, lambda model: model.get_weights())


def save(package: ModuleType, seed: int) -> Work:
    folder = new_folder()
    path = folder / "model.npz"
    model = make_model(package, draw_weights(LAYERS, seed))

    def saved(_: Any) -> list[Any]:
        return list(package.Sequential.load(path).get_weights())

    return Calls(partial(model.save, path), saved, close=partial(shutil.rmtree, folder, ignore_errors=True))


def load(package: ModuleType, seed: int) -> Work:
    folder = new_folder()
    path = folder / "model.npz"
    make_model(package, draw_weights(LAYERS, seed)).save(path)
    return Calls(
        partial(package.Sequential.load, path),
        lambda model: model.get_weights(),
        close=partial(shutil.rmtree, folder, ignore_errors=True),
    )


def other_file(package: ModuleType, seed: int, *, suffix: str, method: str) -> Work:
    """Writing or reading a file of weights, or one of Keras' own."""
    folder = new_folder()
    path = folder / f"model{suffix}"
    model = make_model(package, draw_weights(SMALL_LAYERS, seed), SMALL_LAYERS)
    getattr(model, method.replace("load", "save"))(path)
    call = partial(package.Sequential.load, path) if method == "load" else partial(getattr(model, method), path)

    def weights(loaded: Any) -> list[Any]:
        return list((loaded or model).get_weights())

    return Calls(call, weights, close=partial(shutil.rmtree, folder, ignore_errors=True))


def estimator_fit(package: ModuleType, seed: int, *, name: str) -> Work:
    x, y = two_moons(ESTIMATOR_ROWS, seed)
    estimator = make_estimator(package, name)
    return Calls(partial(quiet_fit, estimator, x, y), lambda fitted: [fitted.predict(x)])


def estimator_predict(package: ModuleType, seed: int, *, name: str, method: str = "predict") -> Work:
    x, y = two_moons(ESTIMATOR_ROWS, seed)
    fitted = quiet_fit(make_estimator(package, name), x, y)
    return Calls(partial(getattr(fitted, method), x), lambda values: [values])


BENCHMARKS = (
    Benchmark.single("predict-one", "prediction of one row", partial(predict, rows=1, calls=20)),
    Benchmark.single("predict-many", f"prediction of {PREDICTED_ROWS} rows", partial(predict, rows=PREDICTED_ROWS)),
    Benchmark(
        "predict-large",
        f"prediction of {MANY_ROWS} rows, and of {PREDICTED_ROWS} in float64",
        {"large": partial(predict, rows=MANY_ROWS), "float64": partial(predict, rows=PREDICTED_ROWS, dtype="float64")},
        tolerance=0.01,
    ),
    Benchmark.single("build", "building and compiling a network", build),
    Benchmark(
        "initializers",
        "building a network whose weights the library draws",
        {name: partial(build_drawn, initializer=name) for name in ("article", "glorot_uniform", "he_normal", "zeros")},
    ),
    Benchmark.single("save", "writing a model to a file", save, DISK_TOLERANCE),
    Benchmark.single("load", "reading a model from a file", load, DISK_TOLERANCE),
    Benchmark(
        "weights-files",
        "writing and reading a file of weights",
        {method: partial(other_file, suffix=".npz", method=method) for method in ("save_weights", "load_weights")},
        DISK_TOLERANCE,
    ),
    Benchmark(
        "keras-files",
        "writing and reading Keras' own files of models",
        {method: partial(other_file, suffix=".keras", method=method) for method in ("save", "load")},
        KERAS_FILES_TOLERANCE,
        most_pairs=6,
    ),
    Benchmark(
        "keras-weights-files",
        "writing and reading Keras' own files of weights",
        {method: partial(other_file, suffix=".weights.h5", method=method) for method in ("save_weights", "load_weights")},
        KERAS_FILES_TOLERANCE,
        most_pairs=6,
    ),
    Benchmark.single(
        "classifier-fit", "`MLPClassifier.fit`, two epochs", partial(estimator_fit, name="MLPClassifier"), FIT_TOLERANCE
    ),
    Benchmark(
        "classifier-predict",
        "`MLPClassifier.predict`, `predict_proba` and `predict_log_proba`",
        {
            method: partial(estimator_predict, name="MLPClassifier", method=method)
            for method in ("predict", "predict_proba", "predict_log_proba")
        },
    ),
    Benchmark.single("regressor-fit", "`MLPRegressor.fit`, two epochs", partial(estimator_fit, name="MLPRegressor"), FIT_TOLERANCE),
    Benchmark.single("regressor-predict", "`MLPRegressor.predict`", partial(estimator_predict, name="MLPRegressor")),
)
