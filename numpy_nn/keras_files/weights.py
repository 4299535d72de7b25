"""Weights, and the optimizer's state, in the order in which Keras has them.

A layer's arrays are "0", its kernel, and "1", its bias, in `layers/<key>/vars`, where the key is its kind and a number. An
optimizer's, in `optimizer/vars`, are the count of its updates, the learning rate, and an array for each weight, one kind of state
after the other; Adam's mean and mean square alternate.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from numpy_nn._engine.arrays import Array
from numpy_nn.architecture import LayerSpec
from numpy_nn.keras_files import hdf5
from numpy_nn.optimizers import Adam, Optimizer
from numpy_nn.sequential import Sequential

STATE = "optimizer/vars"


def read(file: hdf5.File, layers: Sequence[LayerSpec], keys: Sequence[str]) -> list[Array]:
    """The weights of `layers`, in the order of `Sequential.get_weights`."""
    if len(keys) != len(layers):
        raise ValueError(f"it has {len(keys)} dense layers, and must have {len(layers)}")
    arrays = []
    for layer, key in zip(layers, keys, strict=True):
        shapes: list[tuple[int, ...]] = [(layer.input_dim, layer.output_dim)]
        if getattr(layer, "use_bias", True):
            shapes.append((layer.output_dim,))
        count = len(file.names(f"layers/{key}/vars"))
        if count != len(shapes):
            raise ValueError(f"the layer {key!r} has {count} arrays, and must have {len(shapes)}")
        arrays += [file.read(f"layers/{key}/vars/{number}", shape) for number, shape in enumerate(shapes)]
    return arrays


def keys_of(file: hdf5.File) -> list[str]:
    """The keys of the dense layers in a file of weights alone: "dense", "dense_1", and so on."""
    found = [name for name in file.names("layers") if file.names(f"layers/{name}/vars")]
    keys = ["dense" if number == 0 else f"dense_{number}" for number in range(len(found))]
    if sorted(found) != sorted(keys):
        raise ValueError(f"it has the layers {', '.join(found[:8])} with weights: dense layers only may have some")
    return keys


def read_state(file: hdf5.File, model: Sequential) -> None:
    """Give the model's optimizer the state in the file, if there is one of a training that has begun."""
    optimizer = model.optimizer
    assert optimizer is not None
    count = len(file.names(STATE))
    first = _first_slot(optimizer)
    if count <= first:  # it was compiled, and no more
        return
    shapes = [weight.shape for weight in model.get_weights()]
    order = _order(optimizer, len(shapes))
    if count != first + len(order):
        raise ValueError(f"the optimizer has {count} arrays, and must have {first + len(order)}")
    pieces: dict[str, list[Array]] = {name: [] for name in optimizer.arrays}
    for number, (name, weight) in enumerate(order, start=first):
        pieces[name].append(file.read(f"{STATE}/{number}", shapes[weight]).ravel())
    iterations = file.read(f"{STATE}/0", (), kinds="iu")
    optimizer.set_state({"iterations": iterations, **{name: np.concatenate(parts) for name, parts in pieces.items()}})


def to_bytes(model: Sequential, keys: Sequence[tuple[str, int | None]]) -> bytes:
    """A file with all weights and, if the model is compiled, the optimizer's state."""
    views = model.get_weights()
    if not all(np.isfinite(view).all() for view in views):
        raise ValueError("the weights had a value that is not finite: the training diverged, there is nothing to save")
    groups: dict[str, tuple[str, list[Array]]] = {"vars": ("sequential", [])}
    for key, layer in keys:
        arrays = []
        if layer is not None:
            spec = model.layers[layer]
            arrays = [views.pop(0) for _ in range(1 + getattr(spec, "use_bias", True))]
        groups[f"layers/{key}/vars"] = key, arrays
    if model.optimizer is not None:
        groups[STATE] = model.optimizer.name, _state(model, model.optimizer)
    return hdf5.to_bytes(groups)


def _state(model: Sequential, optimizer: Optimizer) -> list[Array]:
    shapes = [weight.shape for weight in model.get_weights()]
    edges = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
    pieces = {name: np.split(array, edges) for name, array in optimizer.arrays.items()}
    slots = [pieces[name][weight].reshape(shapes[weight]) for name, weight in _order(optimizer, len(shapes))]
    rate = [np.array(optimizer.learning_rate, model.dtype)] if _first_slot(optimizer) == 2 else []
    return [np.array(optimizer.iterations, np.int64), *rate, *slots]


def _first_slot(optimizer: Optimizer) -> int:
    """How many arrays Keras has before those of the weights: a schedule has no learning rate of its own."""
    return 2 if optimizer.schedule is None else 1


def _order(optimizer: Optimizer, weights: int) -> list[tuple[str, int]]:
    """Which state of which weight Keras' arrays are."""
    names = list(optimizer.arrays)
    alternating = names[:2] if isinstance(optimizer, Adam) else []
    order = [(name, weight) for weight in range(weights) for name in alternating]
    return order + [(name, weight) for name in names if name not in alternating for weight in range(weights)]
