"""The benchmarks of what a network is made of, by itself: activations, losses, metrics, initializers, regularizers, schedules."""

from __future__ import annotations

from functools import partial
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from bench.micro.benchmark import Array
from bench.micro.calls import Call, MakeCall, family, repeated, short_family
from bench.micro.networks import CLASSES, SMALL_LAYERS, as_architecture

ROWS = 64
ELEMENTWISE = ("relu", "sigmoid", "tanh", "elu")
KERNEL_SHAPE = (25, 25)


def of_part(kind: str, identifier: Any, method: str, *arguments: Any) -> MakeCall:
    """Calls of a method of the part that `package.kind.get(identifier)` gives."""

    def make(package: ModuleType) -> Call:
        called: Any = getattr(getattr(package, kind).get(identifier), method)
        return partial(called, *arguments) if arguments else called

    return make


def made_again(kind: str, identifier: Any) -> MakeCall:
    """A new object of the class of a part, with its own arguments."""

    def make(package: ModuleType) -> Call:
        part: Any = getattr(package, kind).get(identifier)
        made: Any = type(part)
        return partial(made, **part.get_config())

    return make


def found(kind: str, name: Any) -> MakeCall:
    """The part of that name."""
    return lambda package: partial(getattr(package, kind).get, name)


def all_of(*makes: MakeCall) -> MakeCall:
    """Several calls, one after the other, as one."""

    def make(package: ModuleType) -> Call:
        calls = [each(package) for each in makes]
        return lambda: [call() for call in calls]

    return make


Z = np.linspace(-3, 3, 25 * ROWS, dtype="float32").reshape(ROWS, 25)
_GENERATOR = np.random.default_rng(0)
Y = _GENERATOR.integers(0, 2, (ROWS, 1)).astype("float32")
OUTPUTS = _GENERATOR.uniform(0.1, 0.9, (ROWS, 1)).astype("float32")
PROBABILITIES = _GENERATOR.dirichlet(np.ones(CLASSES), ROWS).astype("float32")
CLASS_NUMBERS = PROBABILITIES.argmax(axis=1)[:, None].astype("float32")
ONE_HOT = np.eye(CLASSES, dtype="float32")[CLASS_NUMBERS[:, 0].astype(int)]
ARRAYS = {
    "categorical_crossentropy": (ONE_HOT, PROBABILITIES),
    "sparse_categorical_crossentropy": (CLASS_NUMBERS, PROBABILITIES),
    "categorical_accuracy": (ONE_HOT, PROBABILITIES),
    "sparse_categorical_accuracy": (CLASS_NUMBERS, PROBABILITIES),
}
"""Targets and outputs where there are several of these, samples in rows."""
LEAKY, GELU = "leaky_relu", {"class_name": "gelu", "config": {}}

ACTIVATIONS: dict[str, MakeCall] = {
    "call": all_of(*(of_part("activations", name, "__call__", Z) for name in (*ELEMENTWISE, "softmax"))),
    "derivative": all_of(*(of_part("activations", name, "derivative", Z) for name in ELEMENTWISE)),
    "derivative of softmax": of_part("activations", "softmax", "derivative", Z),
    "of a number": of_part("activations", "sigmoid", "of_number", 0.3),
    "get": found("activations", "relu"),
    "leaky_relu": made_again("activations", LEAKY),
    "gelu": made_again("activations", GELU),
    "configuration": all_of(*(repeated(of_part("activations", each, "get_config")) for each in (LEAKY, GELU))),
}

BINARY, CATEGORICAL, SPARSE = "binary_crossentropy", "categorical_crossentropy", "sparse_categorical_crossentropy"


def columns(name: str) -> tuple[Array, Array]:
    """Targets and outputs with samples in columns, as the engine has them."""
    y, outputs = ARRAYS.get(name, (Y, OUTPUTS))
    return np.ascontiguousarray(y.T), np.ascontiguousarray(outputs.T)


def _values(name: str, method: str = "values") -> MakeCall:
    return of_part("losses", name, method, *columns(name))


def _encoded(name: str) -> MakeCall:
    y, outputs = ARRAYS.get(name, (Y, OUTPUTS))
    return of_part("losses", name, "encode", "y", y, outputs.shape[1])


def _gradient_prepared(name: str) -> MakeCall:
    y, outputs = columns(name)
    return of_part("losses", name, "prepare_gradient", y, *(np.ones_like(outputs) for _ in range(3)))


LOSS_VALUES: dict[str, MakeCall] = {
    **{name: _values(name) for name in ("mse", "mean_absolute_error", "huber", BINARY, CATEGORICAL, SPARSE)},
    **{f"{name} from logits": _values(name, "from_logit_values") for name in (BINARY, CATEGORICAL, SPARSE)},
    "call": of_part("losses", BINARY, "__call__", Y, OUTPUTS),
}
LOSS_TARGETS: dict[str, MakeCall] = {
    "targets of mse": repeated(_encoded("mse")),
    **{f"targets of {name}": _encoded(name) for name in (BINARY, CATEGORICAL, SPARSE)},
    **{f"gradient of {name}": _gradient_prepared(name) for name in (BINARY, CATEGORICAL, SPARSE)},
    "loss for other targets": of_part("losses", "mse", "for_targets", Y.T),
    "loss for labels": of_part("losses", BINARY, "for_targets", Y.T),
    "number of targets": all_of(*(repeated(of_part("losses", name, "target_count", CLASSES)) for name in ("mse", SPARSE))),
    "logits": of_part("losses", BINARY, "takes_logits", "sigmoid"),
}


def _initialized(package: ModuleType) -> Call:
    """The arguments of a loss set again, by themselves."""
    return package.losses.get("mse").__init__  # type: ignore[no-any-return]


LOSS_OBJECTS: dict[str, MakeCall] = {
    "get": found("losses", "mse"),
    "a loss without settings": _initialized,
    **{name: made_again("losses", name) for name in ("huber", BINARY, CATEGORICAL)},
    **{f"configuration of {name}": of_part("losses", name, "get_config") for name in ("mse", "huber", BINARY, CATEGORICAL)},
    "from a configuration": of_part("losses", "mse", "from_config", {}),
}


def _metric_values(name: str, method: str = "values") -> MakeCall:
    return of_part("metrics", name, method, *columns(name))


def _report(package: ModuleType) -> Any:
    metrics = {"accuracy": package.metrics.get("accuracy"), "mae": package.metrics.get("mae")}
    return package.metrics.Report(package.losses.get(BINARY), package.activations.get("sigmoid"), metrics)


def _reported(method: str) -> MakeCall:
    y, logits = columns(BINARY)
    rows = SimpleNamespace(y=y.T, weights=None)
    return lambda package: partial(getattr(_report(package), method), rows, logits)


def _running(method: str, *, given: bool = False) -> MakeCall:
    y, logits = columns(BINARY)
    arguments = (SimpleNamespace(y=y.T, weights=None), logits)

    def make(package: ModuleType) -> Call:
        means = package.metrics.RunningMeans(_report(package))
        means.add(*arguments)
        return partial(getattr(means, method), *(arguments if given else ()))

    return make


METRICS: dict[str, MakeCall] = {
    **{name: _metric_values(name) for name in ("binary_accuracy", "categorical_accuracy", "mae", "mse", "accuracy")},
    "labels": _metric_values("sparse_categorical_accuracy"),
    "total": _metric_values("mae", "total"),
    "total of accuracy": _metric_values("accuracy", "total"),
    "call": of_part("metrics", "mae", "__call__", Y, OUTPUTS),
    "get": found("metrics", "mae"),
    "named": lambda package: partial(package.metrics.named, "metrics", ["accuracy", "mae"]),
    "new accuracy": made_again("metrics", "accuracy"),
    "new binary_accuracy": made_again("metrics", "binary_accuracy"),
    "configuration": of_part("metrics", "binary_accuracy", "get_config"),
    "from a configuration": of_part("metrics", "binary_accuracy", "from_config", {"threshold": 0.5}),
}
REPORTS: dict[str, MakeCall] = {
    "new": lambda package: partial(_report, package),
    "totals": _reported("totals"),
    "means": _reported("means"),
    "running means": lambda package: partial(package.metrics.RunningMeans, _report(package)),
    "running means of another batch": _running("add", given=True),
    "running means copied": _running("copy"),
}


def _drawn(name: str) -> MakeCall:
    return lambda package: partial(package.initializers.get(name).draw, np.random.RandomState(0), KERNEL_SHAPE)


def _weights_drawn(name: str) -> MakeCall:
    def make(package: ModuleType) -> Call:
        layers = package.architecture.parse_architecture(as_architecture(SMALL_LAYERS))
        return partial(package.initializers.get(name), layers, 0)

    return make


DRAWS: dict[str, MakeCall] = {
    name: _drawn(name)
    for name in ("article", "glorot_uniform", "he_normal", "random_uniform", "random_normal", "truncated_normal", "zeros", "ones")
}
INITIALIZERS: dict[str, MakeCall] = {
    **{f"all weights by {name}": _weights_drawn(name) for name in ("article", "glorot_uniform")},
    "fans": of_part("initializers", "glorot_uniform", "fans", KERNEL_SHAPE),
    "get": found("initializers", "glorot_uniform"),
    "of a layer": lambda package: partial(package.initializers.of_layer, "kernel_initializer", "he_normal"),
    **{name: made_again("initializers", name) for name in ("random_uniform", "random_normal")},
    **{
        f"configuration of {name}": repeated(of_part("initializers", name, "get_config"))
        for name in ("random_uniform", "random_normal")
    },
}

KERNEL = np.linspace(-1, 1, 2500, dtype="float32").reshape(50, 50)
REGULARIZERS: dict[str, MakeCall] = {
    "call": all_of(*(of_part("regularizers", name, "__call__", KERNEL) for name in ("l1", "l2", "l1_l2"))),
    "get": found("regularizers", "l2"),
    **{name: made_again("regularizers", name) for name in ("l1", "l2", "l1_l2")},
    **{f"configuration of {name}": repeated(of_part("regularizers", name, "get_config")) for name in ("l1", "l2", "l1_l2")},
}
SCHEDULED = {
    "ExponentialDecay": {"initial_learning_rate": 0.1, "decay_steps": 100, "decay_rate": 0.9},
    "CosineDecay": {"initial_learning_rate": 0.1, "decay_steps": 100},
    "PiecewiseConstantDecay": {"boundaries": [10, 100], "values": [0.1, 0.01, 0.001]},
}
IDENTIFIERS = {name: {"class_name": name, "config": config} for name, config in SCHEDULED.items()}
SCHEDULES: dict[str, MakeCall] = {
    **{name: of_part("schedules", identifier, "__call__", 50) for name, identifier in IDENTIFIERS.items()},
    **{f"new {name}": made_again("schedules", identifier) for name, identifier in IDENTIFIERS.items()},
    **{f"configuration of {name}": of_part("schedules", identifier, "get_config") for name, identifier in IDENTIFIERS.items()},
    "get": found("schedules", IDENTIFIERS["CosineDecay"]),
}


def _equal(package: ModuleType) -> Call:
    one, other = package.regularizers.get("l2"), package.regularizers.get("l2")
    return lambda: one == other


def _hash(package: ModuleType) -> Call:
    one, known = package.activations.get("relu"), hash(package.activations.get("relu"))
    return lambda: hash(one) == known  # the hash itself depends on where a class happens to be


PARTS: dict[str, MakeCall] = {
    "equality": _equal,
    "hash": _hash,
    "identifier": of_part("regularizers", "l2", "identifier"),
    "configuration": of_part("activations", "relu", "get_config"),
}

BENCHMARKS = (
    family("activations", "activations and derivatives of arrays, and their objects", ACTIVATIONS),
    family("losses", "the values of each loss", LOSS_VALUES),
    family("loss-targets", "what a loss does with the targets before a training", LOSS_TARGETS),
    short_family("loss-objects", "losses by name, made, and their configurations", LOSS_OBJECTS),
    family("metrics", "the values of each metric, and their objects", METRICS),
    family("reports", "the loss and the metrics of outputs, of a batch and of an epoch", REPORTS),
    family("draws", "a kernel drawn by each initializer", DRAWS),
    family("initializer-objects", "initializers by name, made, called, and their configurations", INITIALIZERS),
    family("regularizers", "penalties, regularizers made, and their configurations", REGULARIZERS),
    short_family("schedules", "learning rates of a step, schedules made, and their configurations", SCHEDULES),
    short_family("parts", "equality, hash and identifier of activations, initializers and so on", PARTS),
)
