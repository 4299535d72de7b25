"""From the list of layer dicts to a compiled `keras.Sequential`, and weights from either kind of model to the other.

Called by `keras_ref.training`'s users and the Keras contestants; how long the model is trained is left to them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from numpy_nn.architecture import LayerSpec, parse_architecture
from numpy_nn.name_lookup import Part
from numpy_nn.optimizers import Optimizer

if TYPE_CHECKING:
    import keras

DTYPES = ("float32", "float64")


class HasWeights(Protocol):
    """A model of either kind: its weights in Keras' order, kernel (in, out) and bias (out,), layer by layer."""

    def get_weights(self) -> list[Any]: ...

    def set_weights(self, weights: list[Any]) -> None: ...


def build_model(
    architecture: Sequence[Mapping[str, Any]],
    *,
    optimizer: str | Mapping[str, Any] | Optimizer | keras.Optimizer,
    loss: str | keras.Loss,
    dtype: str = "float32",
    **compile_options: Any,
) -> keras.Sequential:
    """A dense Keras network, compiled, its first weights Keras' own (Glorot uniform, zero biases).

    Keras' `floatx` and dtype policy are set to `dtype` and stay so: `fit`, `evaluate` and `predict` cast what they are given to
    it, and the loss, which is made at the first step, takes it from there. With float64 layers under a float32 `floatx`, the data
    would lose half its digits and the loss its logits. A model of the other precision built earlier therefore needs
    `keras_ref.fit`, which sets and restores it, or a `keras.config.set_floatx` of your own.

    Parameters
    ----------
    architecture
        The list of dicts of `numpy_nn.Sequential`, with all that it may have.
    optimizer
        A Keras name or optimiser, a dict of a Keras name and its arguments (`{"name": "sgd", "learning_rate": 0.01}`), or one of
        `numpy_nn.optimizers`.
    loss
        A Keras name or loss.
    dtype
        "float32" or "float64".
    **compile_options
        For `keras.Sequential.compile`: `metrics`, `steps_per_execution`, `jit_compile`, ...

    Raises
    ------
    ValueError
        If the architecture doesn't chain, or a name or dtype is unknown.

    """
    layers = parse_architecture(architecture)
    if dtype not in DTYPES:
        raise ValueError(f"dtype was {dtype!r}: it may be one of {', '.join(DTYPES)}")
    import keras

    _set_precision(dtype)
    model = keras.Sequential(
        [
            keras.Input((layers[0].input_dim,)),
            *(keras_layer for layer in layers for keras_layer in _keras_layers(layer)),
        ]
    )
    model.compile(optimizer=_keras_optimizer(optimizer), loss=loss, **compile_options)
    return model


def copy_weights(source: HasWeights, target: HasWeights) -> None:
    """Give `target` the weights of `source`; each may be a `numpy_nn.Sequential` or a Keras model.

    Raises
    ------
    ValueError
        If the two don't have the same arrays; nothing is changed then.

    """
    weights = source.get_weights()
    given, wanted = ([np.shape(array) for array in arrays] for arrays in (weights, target.get_weights()))
    if given != wanted:
        raise ValueError(f"source has weights of the shapes {given}: target needs {wanted}")
    target.set_weights(weights)


def _set_precision(dtype: str) -> None:
    import keras

    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)  # Keras remembers the floatx of its first layer here
    if dtype == "float64" and keras.backend.backend() == "jax":
        import jax

        jax.config.update("jax_enable_x64", True)  # JAX makes float32 of every float64 until told otherwise


def _keras_layers(layer: LayerSpec) -> list[keras.Layer]:
    """The Keras layers that one of ours is: a dropout if it has one, and a dense layer."""
    import keras

    activation: Any = layer.activation
    if not isinstance(activation, str):
        activation = partial(getattr(keras.activations, activation.name), **activation.get_config())
    initializers = {"kernel_initializer": layer.kernel_initializer, "bias_initializer": layer.bias_initializer}
    options = {key: _same_in(keras.initializers, initializer) for key, initializer in initializers.items() if initializer}
    regularizer = layer.kernel_regularizer and _same_in(keras.regularizers, layer.kernel_regularizer)
    dense = keras.layers.Dense(
        layer.output_dim, activation=activation, use_bias=layer.use_bias, kernel_regularizer=regularizer, **options
    )
    return [keras.layers.Dropout(layer.dropout), dense] if layer.dropout else [dense]


def _same_in(module: Any, part: Part) -> Any:
    """Keras' part of the same class, made with the same arguments."""
    made = getattr(module, type(part).__name__, None)
    if made is None:
        raise ValueError(f"{part.name!r} was asked for: Keras has none of that name")
    return made(**part.get_config())


def _keras_optimizer(optimizer: Any) -> Any:
    import keras

    if isinstance(optimizer, Optimizer):
        config = optimizer.get_config()
        if optimizer.schedule is not None:
            config["learning_rate"] = _same_in(keras.optimizers.schedules, optimizer.schedule)
        return getattr(keras.optimizers, type(optimizer).__name__)(**config)
    if isinstance(optimizer, Mapping):
        if "name" not in optimizer:
            raise ValueError(f"optimizer was {dict(optimizer)!r}: it must have a 'name', beside the optimiser's arguments")
        arguments = dict(optimizer)
        return keras.optimizers.get({"class_name": arguments.pop("name"), "config": arguments})
    return keras.optimizers.get(optimizer)
