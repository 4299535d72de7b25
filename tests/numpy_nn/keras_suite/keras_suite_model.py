"""A model that is written as Keras' tests of callbacks write it: the layers' inputs are known when the first rows come."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from keras_suite_parts import Optimizer, get_optimizer

import numpy_nn


@dataclass
class Constant:
    """The initializer whose kernel has one value."""

    value: float


@dataclass
class Dense:
    """What a test says of a layer."""

    units: int
    activation: str = "linear"
    kernel_initializer: Constant | None = None
    input_shape: tuple[int, ...] | None = None

    def __call__(self, before: "Tensor") -> "Tensor":
        return Tensor(before.features, [*before.layers, self])


@dataclass
class Tensor:
    """What a layer is called with: the input's features, and the layers up to here."""

    features: int
    layers: list[Dense]


class Model:
    """`keras.Sequential` of dense layers, on `numpy_nn.Sequential`."""

    def __init__(self, layers: Any = ()) -> None:
        self._layers: list[Dense] = list(layers)
        self._model: numpy_nn.Sequential | None = None
        self.stop_training = False

    def add(self, layer: Dense) -> None:
        self._layers.append(layer)

    def compile(self, optimizer: Any = "rmsprop", loss: Any = None, metrics: Any = None) -> None:
        self.optimizer = optimizer if isinstance(optimizer, Optimizer) else get_optimizer(optimizer)
        self._loss, self._metrics = loss, metrics
        if self._model is not None:
            self._model.compile(self.optimizer.optimizer, self._loss, self._metrics)

    def fit(self, x: Any, y: Any, **options: Any) -> numpy_nn.History:
        return self._built(x).fit(x, y, **options)

    def get_weights(self) -> list[np.ndarray]:
        assert self._model is not None
        return self._model.get_weights()

    def load_weights(self, path: str) -> None:
        assert self._model is not None
        self._model.load_weights(path)

    def build(self, features: int) -> None:
        """Make the network, for inputs of so many features."""
        if self._model is None:
            dims = [features, *(layer.units for layer in self._layers)]
            architecture = [
                {"input_dim": inputs, "output_dim": layer.units, "activation": layer.activation}
                for inputs, layer in zip(dims, self._layers, strict=False)
            ]
            self._model = numpy_nn.Sequential(architecture, seed=0)
            weights = self._model.get_weights()
            for number, layer in enumerate(self._layers):
                if layer.kernel_initializer is not None:
                    weights[2 * number][:] = layer.kernel_initializer.value
            self._model.set_weights(weights)
            self._model.compile(self.optimizer.optimizer, self._loss, self._metrics)

    def _built(self, x: Any) -> numpy_nn.Sequential:
        self.build(np.shape(x)[1])
        assert self._model is not None
        return self._model


class Functional(Model):
    """`keras.Model` of a chain of dense layers."""

    def __init__(self, inputs: Tensor, outputs: Tensor) -> None:
        super().__init__(outputs.layers)
        self._features = inputs.features

    def compile(self, **options: Any) -> None:
        super().compile(**options)
        self.build(self._features)


LAYERS = SimpleNamespace(Dense=Dense, Input=lambda shape, batch_size: Tensor(shape[0], []))
MODELS = SimpleNamespace(Sequential=Model, Model=Functional)
SAVING = SimpleNamespace(load_model=numpy_nn.Sequential.load)
METRICS = SimpleNamespace(Accuracy=lambda name: name)
INITIALIZERS = SimpleNamespace(Constant=Constant)
