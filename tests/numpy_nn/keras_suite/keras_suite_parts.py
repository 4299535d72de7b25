"""`numpy_nn`'s parts behind the names of Keras' modules: `activations.relu(x)`, `losses.Huber(delta=0.8)(y_true, y_pred)`, ..."""

from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

import numpy as np

import numpy_nn
from numpy_nn import Sequential

CLASSES = {"leaky_relu": "LeakyRelu", "elu": "Elu", "gelu": "Gelu"}
"""Our classes of activations that have arguments."""
NAMES = {"Zeros": "zeros", "Ones": "ones"}
"""Our names of the initializers that have none."""


class Activations:
    """`keras.activations`: a function of each name, whose arguments are those of our class of that activation."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def function(x: Any, **options: Any) -> Any:
            activations = numpy_nn.activations
            return (getattr(activations, CLASSES[name])(**options) if options else activations.get(name))(x)

        setattr(self, name, function)
        return function

    def get(self, identifier: Any) -> Callable[..., Any]:
        return getattr(self, numpy_nn.activations.get(identifier).name)


class _Loss:
    """A loss with a weight for each row, also where Keras' test has one number for all or a column."""

    def __init__(self, loss: Any) -> None:
        self._loss = loss

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> float:
        if sample_weight is None:
            return self._loss(y_true, y_pred)
        weights = np.asarray(sample_weight, float)
        weights = np.full(len(y_pred), weights) if weights.ndim == 0 else weights.reshape(-1)
        return self._loss(y_true, y_pred, sample_weight=weights)


class Losses:
    """`keras.losses`: the classes."""

    def __getattr__(self, name: str) -> Callable[..., _Loss]:
        loss = getattr(numpy_nn.losses, name)
        return lambda **options: _Loss(loss(**options))


class _Metric:
    """A metric that gathers rows: ours is a function of all of them."""

    def __init__(self, metric: Any) -> None:
        self._metric = metric
        self._rows: list[tuple[Any, Any, Any]] = []

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        weights = np.ones(len(y_pred)) if sample_weight is None else np.asarray(sample_weight, float).reshape(-1)
        self._rows.append((y_true, y_pred, weights))

    def result(self) -> float:
        y_true, y_pred, weights = (np.concatenate(column) for column in zip(*self._rows, strict=True))
        return self._metric(y_true, y_pred, sample_weight=weights)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> float:
        self.update_state(y_true, y_pred, sample_weight)
        return self.result()


class Metrics:
    """`keras.metrics`: the classes; their `name` and `dtype` are Keras' own."""

    def __getattr__(self, name: str) -> Callable[..., _Metric]:
        def metric(name: str | None = None, dtype: str | None = None, **options: Any) -> _Metric:
            return _Metric(found(**options))

        found = getattr(numpy_nn.metrics, name)
        return metric


class Number(float):
    """A float that has itself as `value`, as a variable of Keras has."""

    @property
    def value(self) -> float:
        return float(self)


class Optimizer:
    """One of our optimisers, which updates the variables of Keras that it is handed.

    A gradient g is handed to a linear unit whose input is g, and whose target is its output less a half: the gradient of the
    squared error by its kernel is g.
    """

    ours: Any

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.optimizer = type(self).ours(*arguments, **options)
        self._model: Sequential | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.optimizer, name)

    @property
    def learning_rate(self) -> Number:
        return Number(self.optimizer.learning_rate)

    def apply_gradients(self, pairs: Iterable[tuple[Any, Any]]) -> None:
        ((gradient, variable),) = pairs
        new = self.step(np.asarray(gradient), np.asarray(variable))
        variable.assign(new)

    def step(self, gradient: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """The weights after an update by that gradient."""
        if self._model is None:
            layer = {"input_dim": weights.size, "output_dim": 1, "use_bias": False}
            self._model = Sequential([layer], dtype="float64")
            self._model.set_weights([weights.reshape(-1, 1)])
            self._model.compile(self.optimizer, "mean_squared_error")
        x = gradient.reshape(1, -1).astype(float)
        self._model.train_on_batch(x, self._model.predict(x) - 0.5)
        return self._model.get_weights()[0].reshape(weights.shape)

    def _clip_gradients(self, gradients: list[Any]) -> list[np.ndarray]:
        """What a step of gradient descent, clipped as this optimiser is, takes off."""
        names = ("clipnorm", "clipvalue", "global_clipnorm")
        plain = SGD(learning_rate=1.0, **{name: getattr(self.optimizer, name) for name in names})
        (gradient,) = (np.asarray(gradient) for gradient in gradients)
        return [-plain.step(gradient, np.zeros(gradient.shape))]


def _optimizer(name: str) -> type[Optimizer]:
    return type(name, (Optimizer,), {"ours": getattr(numpy_nn.optimizers, name, None)})


SGD, Adam, AdamW, RMSprop, Adagrad = (_optimizer(name) for name in ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad"))


class _Initializer:
    """An initializer of ours, which draws a kernel of the shape that it is asked for."""

    def __init__(self, initializer: Any, seed: int | None, options: dict[str, Any]) -> None:
        self.seed = seed
        self._initializer, self._options = initializer, options

    def __getattr__(self, name: str) -> Any:
        if name not in self._options:
            raise AttributeError(name)
        return self._options[name]

    def __call__(self, shape: tuple[int, int]) -> np.ndarray:
        layer = {"input_dim": shape[0], "output_dim": shape[1]}
        return Sequential([layer], initializer=self._initializer, seed=self.seed).get_weights()[0]


class Initializers:
    """`keras.initializers`: the classes, without arguments by our names of them."""

    def __getattr__(self, name: str) -> Callable[..., _Initializer]:
        def initializer(seed: int | None = None, **options: Any) -> _Initializer:
            ours = numpy_nn.initializers
            found = ours.get(NAMES[name]) if name in NAMES else getattr(ours, name)(**options)
            return _Initializer(found, seed, options)

        return initializer


class Module:
    """A module of ours that is looked for when it is used."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(getattr(numpy_nn, self._name), name)


def get_optimizer(identifier: str) -> Optimizer:
    """Our optimiser of that name, wrapped."""
    name = type(numpy_nn.optimizers.get(identifier)).__name__
    return {kind.__name__: kind for kind in (SGD, Adam, AdamW, RMSprop, Adagrad)}[name]()


OPTIMIZERS = SimpleNamespace(
    SGD=SGD, Adam=Adam, AdamW=AdamW, RMSprop=RMSprop, Adagrad=Adagrad, get=get_optimizer, schedules=Module("schedules")
)
