"""The benchmarks of a trained model: prediction, building, files, and the estimators."""

from __future__ import annotations

import importlib
import shutil
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from bench.micro.benchmark import Benchmark, Work
from bench.micro.files import new_folder
from bench.micro.networks import LAYERS, draw_weights, make_model, two_moons
from bench.micro.work import Calls

PREDICTED_ROWS = 300
MANY_ROWS = 10_000
ESTIMATOR_ROWS = 64
DISK_TOLERANCE = FIT_TOLERANCE = 0.02


def predict(package: ModuleType, seed: int, *, rows: int, calls: int = 1, dtype: str = "float32") -> Work:
    x = two_moons(rows, seed, dtype)[0]
    model = make_model(package, draw_weights(LAYERS, seed, dtype), dtype=dtype)
    return Calls(partial(model.predict, x), lambda y: [y], calls=calls)


def build(package: ModuleType, seed: int) -> Work:
    """From the list of dicts to a compiled network with its weights."""
    return Calls(partial(make_model, package, draw_weights(LAYERS, seed)), lambda model: model.get_weights())


def build_drawn(package: ModuleType, seed: int, *, initializer: str) -> Work:
    """From the list of dicts to a network whose weights the library draws."""
    architecture = [{"input_dim": i, "output_dim": o, "activation": activation} for i, o, activation in LAYERS]
    make = partial(package.Sequential, architecture, initializer=initializer, seed=seed % 1000, dtype="float32")
    return Calls(make, lambda model: model.get_weights())


def save(package: ModuleType, seed: int) -> Work:
    folder = new_folder()
    path = Path(folder) / "model.npz"
    model = make_model(package, draw_weights(LAYERS, seed))

    def saved(_: Any) -> list[Any]:
        return list(package.Sequential.load(path).get_weights())

    return Calls(partial(model.save, path), saved, close=partial(shutil.rmtree, folder, ignore_errors=True))


def load(package: ModuleType, seed: int) -> Work:
    folder = new_folder()
    path = Path(folder) / "model.npz"
    make_model(package, draw_weights(LAYERS, seed)).save(path)
    return Calls(
        partial(package.Sequential.load, path),
        lambda model: model.get_weights(),
        close=partial(shutil.rmtree, folder, ignore_errors=True),
    )


def make_estimator(package: ModuleType, name: str) -> Any:
    """An estimator that trains two epochs, whatever its revision calls its parameters."""
    kind = getattr(importlib.import_module(f"{package.__name__}.estimators"), name)
    words = kind().get_params()
    epochs = "max_iter" if "max_iter" in words else "epochs"
    limits = {"tol": 0.0} if "tol" in words else {}
    return kind(hidden_layer_sizes=(25, 25), batch_size=32, random_state=0, **{epochs: 2}, **limits)


def estimator_fit(package: ModuleType, seed: int, *, name: str) -> Work:
    x, y = two_moons(ESTIMATOR_ROWS, seed)
    estimator = make_estimator(package, name)
    return Calls(partial(_quiet_fit, estimator, x, y), lambda fitted: [fitted.predict(x)])


def estimator_predict(package: ModuleType, seed: int, *, name: str, method: str = "predict") -> Work:
    x, y = two_moons(ESTIMATOR_ROWS, seed)
    fitted = _quiet_fit(make_estimator(package, name), x, y)
    return Calls(partial(getattr(fitted, method), x), lambda values: [values])


def _quiet_fit(estimator: Any, x: Any, y: Any) -> Any:
    """Fit without the warning that two epochs are few, whose place is the same on both sides."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return estimator.fit(x, y)


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
