"""The benchmarks of the smaller methods and the attributes of a network, of ensembles, and of the estimators."""

from __future__ import annotations

import copy
import importlib
from collections.abc import Callable
from functools import partial
from operator import attrgetter
from types import ModuleType
from typing import Any

from bench.micro.benchmark import Array, Benchmark, Work
from bench.micro.calls import Call, MakeCall, family, repeated, short_family
from bench.micro.networks import SMALL_LAYERS, as_architecture, draw_weights, make_model, two_moons
from bench.micro.work import Calls

ROWS = 64
NETWORKS = 4


def of_model(use: Callable[[Any], Call]) -> MakeCall:
    """A call of a compiled network."""
    return lambda package: use(make_model(package, draw_weights(SMALL_LAYERS, 0), SMALL_LAYERS))


def _set_weights(model: Any) -> Call:
    return partial(model.set_weights, model.get_weights())


def _compile(model: Any) -> Call:
    return partial(model.compile, optimizer="adam", loss="mse", metrics=["mae"])


def _add(model: Any) -> Call:
    kind, layers = type(model), as_architecture(SMALL_LAYERS)

    def add() -> Any:
        built = kind(layers[:1], seed=0)
        built.add(*layers[1:])
        return built.get_weights()

    return add


def _summary(model: Any) -> Call:
    lines: list[str] = []

    def summary() -> int:
        lines.clear()
        model.summary(print_fn=lines.append)
        return len(lines)

    return summary


def _set_state(model: Any) -> Call:
    return partial(copy.copy(model).__setstate__, model.__getstate__())


METHODS: dict[str, Callable[[Any], Call]] = {
    "get_weights": lambda model: model.get_weights,
    "set_weights": _set_weights,
    "compile": _compile,
    "add": _add,
    "summary": _summary,
    "test_on_batch": lambda model: partial(model.test_on_batch, *two_moons(ROWS, 0)),
    "call": lambda model: partial(model, two_moons(ROWS, 0)[0]),
    "copy": lambda model: lambda: copy.copy(model).get_weights(),
    "what a copy is made from": lambda model: model.__getstate__,
    "what a copy is set to": _set_state,
}


def attributes(*names: str) -> dict[str, Callable[[Any], Call]]:
    return {name: partial(partial, attrgetter(name)) for name in names}


def _weight_shapes(package: ModuleType) -> Call:
    layers = package.architecture.parse_architecture(as_architecture(SMALL_LAYERS))
    return partial(importlib.import_module(f"{package.__name__}.serialization").weight_shapes, layers[1])


ATTRIBUTES = {
    "count_params": lambda model: model.count_params,
    **attributes("architecture", "optimizer", "loss", "report", "metrics", "metrics_names"),
}


def make_ensemble(package: ModuleType) -> Any:
    """Compiled networks that are trained at once."""
    networks = package.Ensemble(as_architecture(SMALL_LAYERS), seeds=list(range(NETWORKS)))
    networks.compile(optimizer=package.SGD(0.01), loss="binary_crossentropy", metrics=["accuracy"])
    return networks


def ensemble(package: ModuleType, seed: int, *, name: str) -> Work:
    """Calls of a method of networks that are trained at once."""
    x, y = two_moons(ROWS, seed)
    networks = make_ensemble(package)

    def weights(_: Any) -> list[Array]:
        return [array for number in range(NETWORKS) for array in networks.network(number).get_weights()]

    calls: dict[str, Callable[[], Any]] = {
        "fit": partial(networks.fit, x, y, batch_size=32, epochs=1),
        "predict": partial(networks.predict, x),
        "evaluate": partial(networks.evaluate, x, y),
        "build": partial(package.Ensemble, as_architecture(SMALL_LAYERS), seeds=list(range(NETWORKS))),
    }
    return Calls(calls[name], weights)


def _of_ensemble(use: Callable[[Any], Call]) -> MakeCall:
    return lambda package: use(make_ensemble(package))


def _from_networks(networks: Any) -> Call:
    return partial(type(networks).from_networks, [networks.network(number) for number in range(NETWORKS)])


ENSEMBLE_METHODS: dict[str, Callable[[Any], Call]] = {
    "compile": lambda networks: partial(networks.compile, "sgd", "binary_crossentropy", ["accuracy"]),
    "from_networks": _from_networks,
    "network": lambda networks: partial(networks.network, 1),
    "get_weights": lambda networks: partial(networks.get_weights, 1),
    "set_weights": lambda networks: partial(networks.set_weights, 1, networks.get_weights(0)),
}
ENSEMBLE_ATTRIBUTES = {
    "count_params": lambda networks: networks.count_params,
    **attributes("architecture", "optimizer", "metrics_names"),
}


def make_estimator(package: ModuleType, name: str) -> Any:
    """An estimator that trains two epochs, whatever its revision calls its parameters."""
    kind = _estimator_class(package, name)
    words = kind().get_params()
    epochs = "max_iter" if "max_iter" in words else "epochs"
    limits = {"tol": 0.0} if "tol" in words else {}
    return kind(hidden_layer_sizes=(25, 25), batch_size=32, random_state=0, **{epochs: 2}, **limits)


def _fitted(name: str, use: Callable[[Any], Call]) -> MakeCall:
    return lambda package: use(quiet_fit(make_estimator(package, name), *two_moons(ROWS, 0)))


def quiet_fit(estimator: Any, x: Any, y: Any) -> Any:
    """Fit without the warning that two epochs are few, whose place is the same on both sides."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return estimator.fit(x, y)


def _estimator_class(package: ModuleType, name: str) -> Any:
    return getattr(importlib.import_module(f"{package.__name__}.estimators"), name)


def _new_estimator(name: str) -> MakeCall:
    return lambda package: partial(_estimator_class(package, name), (25, 25), random_state=0)


ESTIMATORS: dict[str, MakeCall] = {
    "new MLPClassifier": _new_estimator("MLPClassifier"),
    "new MLPRegressor": _new_estimator("MLPRegressor"),
    **{name: _fitted("MLPRegressor", use) for name, use in attributes("coefs_", "intercepts_").items()},
}

BENCHMARKS = (
    family(
        "methods",
        "the smaller methods of a network",
        {**{name: of_model(use) for name, use in METHODS.items()}, "shapes of weights": repeated(_weight_shapes)},
        calls_a_block=1,
    ),
    short_family("attributes", "the attributes of a network", {name: of_model(use) for name, use in ATTRIBUTES.items()}),
    Benchmark(
        "ensemble",
        f"{NETWORKS} networks at once: built, trained, predicted with, evaluated",
        {name: partial(ensemble, name=name) for name in ("build", "fit", "predict", "evaluate")},
        tolerance=0.01,
    ),
    family(
        "ensemble-methods",
        "the smaller methods of an ensemble",
        {name: _of_ensemble(use) for name, use in ENSEMBLE_METHODS.items()},
        calls_a_block=1,
    ),
    short_family(
        "ensemble-attributes",
        "the attributes of an ensemble",
        {name: _of_ensemble(use) for name, use in ENSEMBLE_ATTRIBUTES.items()},
    ),
    family("estimator-objects", "estimators made, and their weights", ESTIMATORS),
)
