"""The benchmarks of the smaller parts of the interface, called by themselves, and of ensembles: families, a variant a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from bench.micro.benchmark import Array, Benchmark, Work
from bench.micro.networks import CLASSES, SMALL_LAYERS, draw_weights, make_model, numbers, two_moons
from bench.micro.work import Calls

ROWS = 64
NETWORKS = 4
ACTIVATIONS = ("relu", "sigmoid", "tanh", "softmax", "elu")
LOSSES = ("mse", "mean_absolute_error", "huber", "binary_crossentropy")
METRICS = ("binary_accuracy", "mae", "mse")
CATEGORICAL = {"losses": "crossentropy", "metrics": "accuracy"}
INITIALIZERS = ("glorot_uniform", "he_normal", "random_uniform", "random_normal", "truncated_normal", "ones")

Call = Callable[[], Any]


def _activations(package: ModuleType) -> Call:
    z = np.linspace(-3, 3, 25 * ROWS, dtype="float32").reshape(ROWS, 25)
    found = [package.activations.get(name) for name in ACTIVATIONS]
    return lambda: [part(z) for activation in found for part in (activation, activation.derivative)]


def _of_outputs(kind: str, names: tuple[str, ...], package: ModuleType) -> Call:
    generator = np.random.default_rng(0)
    y_true, y_pred = (generator.integers(0, 2, (ROWS, 1)), generator.uniform(0.1, 0.9, (ROWS, 1)).astype("float32"))
    classes = generator.dirichlet(np.ones(CLASSES), ROWS).astype("float32")
    numbers_of_classes = classes.argmax(axis=1)
    one_hot = np.eye(CLASSES, dtype="float32")[numbers_of_classes]
    found = [(getattr(package, kind).get(name), y_true, y_pred) for name in names]
    found.append((getattr(package, kind).get(f"categorical_{CATEGORICAL[kind]}"), one_hot, classes))
    found.append((getattr(package, kind).get(f"sparse_categorical_{CATEGORICAL[kind]}"), numbers_of_classes, classes))
    return lambda: [part(true, predicted) for part, true, predicted in found]


def _initializers(package: ModuleType) -> Call:
    layers = package.Sequential(_architecture(), seed=0).architecture
    specs = package.architecture.parse_architecture(layers)
    found = [package.initializers.get(name) for name in INITIALIZERS]
    return lambda: [array for initializer in found for array in initializer(specs, 0)]


def _schedules(package: ModuleType) -> Call:
    module = package.schedules
    found = [
        module.ExponentialDecay(0.1, 100, 0.9),
        module.CosineDecay(0.1, 100),
        module.PiecewiseConstantDecay([10, 100], [0.1, 0.01, 0.001]),
    ]
    return lambda: [schedule(step) for schedule in found for step in range(0, 200, 20)]


def _regularizers(package: ModuleType) -> Call:
    kernel = np.linspace(-1, 1, 2500, dtype="float32").reshape(50, 50)
    found = [package.regularizers.get(name) for name in ("l1", "l2", "l1_l2")]
    return lambda: [regularizer(kernel) for regularizer in found]


def _configurations(package: ModuleType) -> Call:
    module = package.schedules
    found = [
        *(package.activations.get(name) for name in ("gelu", "leaky_relu")),
        *(package.losses.get(name) for name in ("huber", "categorical_crossentropy")),
        *(package.optimizers.get(name) for name in ("adam", "adagrad", "rmsprop", "sgd")),
        *(package.regularizers.get(name) for name in ("l1", "l2", "l1_l2")),
        *(package.initializers.get(name) for name in ("random_uniform", "random_normal")),
        *(module.ExponentialDecay(0.1, 100, 0.9), module.CosineDecay(0.1, 100), module.PiecewiseConstantDecay([10], [0.1, 0.01])),
        package.metrics.get("binary_accuracy"),
    ]

    def get_configs() -> None:
        for part in found:
            part.get_config()

    return get_configs


def _names(package: ModuleType) -> Call:
    kinds = {"activations": "relu", "losses": "mse", "metrics": "mae", "initializers": "zeros", "optimizers": "adam"}
    found = [(getattr(package, kind).get, name) for kind, name in kinds.items()]

    def get() -> None:
        for function, name in found:
            function(name)

    return get


PARTS: Mapping[str, Callable[[ModuleType], Call]] = {
    "activations": _activations,
    "losses": partial(_of_outputs, "losses", LOSSES),
    "metrics": partial(_of_outputs, "metrics", METRICS),
    "initializers": _initializers,
    "schedules": _schedules,
    "regularizers": _regularizers,
    "configurations": _configurations,
    "names": _names,
}


def _architecture() -> list[dict[str, Any]]:
    return [{"input_dim": i, "output_dim": o, "activation": activation} for i, o, activation in SMALL_LAYERS]


def part(package: ModuleType, _seed: int, *, name: str) -> Work:
    """Calls of one kind of part, in which there is nothing random."""
    return Calls(PARTS[name](package), lambda results: [numbers(value).ravel() for value in results or ()])


Outcome = Callable[[Any], list[Array]]


def _weights(model: Any) -> tuple[Call, Outcome]:
    return lambda: model.set_weights(model.get_weights()), lambda _: list(model.get_weights())


def _compile(model: Any) -> tuple[Call, Outcome]:
    return partial(model.compile, optimizer="adam", loss="mse", metrics=["mae"]), lambda _: []


def _add(model: Any) -> tuple[Call, Outcome]:
    kind, layers = type(model), _architecture()

    def add() -> Any:
        built = kind(layers[:1], seed=0)
        built.add(*layers[1:])
        return built

    return add, lambda built: list(built.get_weights())


def _summary(model: Any) -> tuple[Call, Outcome]:
    lines: list[str] = []

    def summary() -> int:
        lines.clear()
        model.summary(print_fn=lines.append)
        return int(model.count_params())

    return summary, lambda count: [numbers(count)]


def _test_on_batch(model: Any) -> tuple[Call, Outcome]:
    return partial(model.test_on_batch, *two_moons(ROWS, 0)), lambda result: [numbers(result)]


def _call(model: Any) -> tuple[Call, Outcome]:
    return partial(model, two_moons(ROWS, 0)[0]), lambda y: [y]


METHODS: Mapping[str, Callable[[Any], tuple[Call, Outcome]]] = {
    "weights": _weights,
    "compile": _compile,
    "add": _add,
    "summary": _summary,
    "test_on_batch": _test_on_batch,
    "call": _call,
}


def method(package: ModuleType, seed: int, *, name: str) -> Work:
    call, outcome = METHODS[name](make_model(package, draw_weights(SMALL_LAYERS, seed), SMALL_LAYERS))
    return Calls(call, outcome)


def _set_weights(networks: Any) -> int:
    for number in range(NETWORKS):
        networks.set_weights(number, networks.get_weights(number))
    return int(networks.count_params())


def ensemble(package: ModuleType, seed: int, *, name: str) -> Work:
    """Calls of `fit`, `predict` or `evaluate` of networks that are trained at once."""
    x, y = two_moons(ROWS, seed)
    networks = package.Ensemble(_architecture(), seeds=list(range(NETWORKS)))
    networks.compile(optimizer=package.SGD(0.01), loss="binary_crossentropy", metrics=["accuracy"])

    def weights(_: Any) -> list[Array]:
        return [array for number in range(NETWORKS) for array in networks.network(number).get_weights()]

    calls = {
        "fit": (partial(networks.fit, x, y, batch_size=32, epochs=1), weights),
        "predict": (partial(networks.predict, x), weights),
        "evaluate": (partial(networks.evaluate, x, y), weights),
        "weights": (partial(_set_weights, networks), weights),
        "build": (partial(package.Ensemble, _architecture(), seeds=list(range(NETWORKS))), weights),
    }
    return Calls(*calls[name])


BENCHMARKS = (
    Benchmark(
        "parts",
        "activations, losses, metrics, initializers, schedules, regularizers, configurations and names",
        {name: partial(part, name=name) for name in PARTS},
    ),
    Benchmark(
        "methods",
        "the smaller methods of a network",
        {name: partial(method, name=name) for name in METHODS},
    ),
    Benchmark(
        "ensemble",
        f"{NETWORKS} networks at once: built, trained, predicted with, evaluated",
        {name: partial(ensemble, name=name) for name in ("build", "fit", "predict", "evaluate", "weights")},
        tolerance=0.01,
    ),
)
