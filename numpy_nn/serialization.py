"""Serialization: a model in one `.npz` file, as arrays and JSON. Without pickle, so that loading runs no code.

Called as methods of `Sequential`. Beside the weights the file has all that a training goes on from: the optimizer's state, and
that of the generator which shuffles. `file_writing` replaces a file only by a whole one, and `npz` reads no more than the
architecture needs.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from numpy_nn import losses, metrics, npz, optimizers
from numpy_nn._engine.arrays import Array
from numpy_nn.architecture import LayerSpec, parse_architecture
from numpy_nn.checks import file_path
from numpy_nn.file_writing import write_whole
from numpy_nn.keras_names import check_arguments
from numpy_nn.metrics import Metric
from numpy_nn.name_lookup import find

if TYPE_CHECKING:
    from numpy_nn.optimizers import Optimizer
    from numpy_nn.sequential import Sequential

FORMAT_VERSION = 2
"""1 had neither the optimizer's state, nor the generator's, nor `threads`."""


def save(model: Sequential, path: str | os.PathLike[str], overwrite: bool = True, **keras: Any) -> None:
    """Write the model, and all that its training goes on from, to an `.npz` file, without pickle, or to Keras' `.keras`.

    Parameters
    ----------
    overwrite
        Whether a file that is there is replaced.

    Raises
    ------
    ValueError
        If `load` would refuse the file, since a weight or the optimizer's state is not finite.
    OSError
        If it can't be written, or is there and not to be replaced; the file of before is then left as it was.

    """
    check_arguments("save", keras)
    path = file_path("path", path)
    _check_overwrite(path, overwrite)
    if _suffix(path, ".weights.h5") == ".keras":
        from numpy_nn import keras_files  # which needs h5py

        return keras_files.save_keras(model, path)
    config: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "architecture": model.architecture,
        "dtype": model.dtype.name,
        "seed": model.seed,
        "threads": None if model.all_cores else model.threads,
        "generator": model._generator.bit_generator.state,
        "compiled": None,
    }
    arrays = _weights(model)
    if model._compiled is not None and model.optimizer is not None and model.loss is not None:
        config["compiled"] = {
            "optimizer": {"name": model.optimizer.name, **model.optimizer.get_config()},
            "loss": {"name": model.loss.name, **model.loss.get_config()},
            **{argument: [_metric(part) for part in parts] for argument, parts in model._compiled.given.items()},
        }
        state = {f"optimizer_{name}": array for name, array in model.optimizer.get_state().items()}
        _check_finite("the optimizer's state", state)
        arrays |= state
    return _write(path, {"config": np.array(json.dumps(config)), **arrays})


def save_weights(model: Sequential, path: str | os.PathLike[str], overwrite: bool = True) -> None:
    """Write the weights alone to an `.npz` file, or to Keras' `.weights.h5`.

    `overwrite` and what it raises are as in `save`.
    """
    path = file_path("path", path)
    _check_overwrite(path, overwrite)
    if _suffix(path, ".keras") == ".weights.h5":
        from numpy_nn import keras_files

        return keras_files.save_weights(model, path)
    return _write(path, _weights(model))


def load_weights(model: Sequential, path: str | os.PathLike[str]) -> None:
    """Take the weights from a file that `save_weights` or `save`, here or of Keras, wrote; nothing is changed if they don't fit.

    Raises
    ------
    ValueError
        If the file is another, or its weights are not those of such a network.

    """
    path = file_path("path", path)
    if _suffix(path):
        from numpy_nn import keras_files

        return keras_files.load_weights(model, path)
    with npz.opened(path) as archive:
        return model.set_weights(_read_weights(archive, model.layers))


def load(cls: type[Sequential], /, path: str | os.PathLike[str], *, compile: bool = True, **keras: Any) -> Sequential:
    """The model that `save`, here or of Keras, wrote to the file at `path`; it trains on as the one that was saved.

    Parameters
    ----------
    compile
        Whether to compile it, too, where it was compiled when it was saved.

    Raises
    ------
    ValueError
        If the file isn't one that `save` wrote.
    FileNotFoundError
        If there is no such file.

    """
    check_arguments("load", keras)
    path = file_path("path", path)
    if _suffix(path, ".weights.h5") == ".keras":
        from numpy_nn import keras_files

        return keras_files.load_keras(path, compile=compile)
    with npz.opened(path) as archive:
        config = json.loads(str(archive.text("config")))
        version = config["format_version"]
        if version not in (1, FORMAT_VERSION):
            raise ValueError(f"it is of format version {version}, this is version {FORMAT_VERSION}")
        weights = _read_weights(archive, parse_architecture(config["architecture"]))
        model = cls(
            config["architecture"], initializer="zeros", seed=config["seed"], dtype=config["dtype"], threads=config.get("threads")
        )
        model.set_weights(weights)
        if compile and (compiled := config["compiled"]) is not None:
            _compile(model, compiled)
        if version > 1:
            model._generator.bit_generator.state = config["generator"]
            if model.optimizer is not None:
                model.optimizer.set_state(_read_state(archive, model.optimizer))
        return model


def _compile(model: Sequential, compiled: Mapping[str, Any]) -> None:
    """Compile the model with what the file says of optimizer, loss and metrics."""
    settings, loss = dict(compiled["optimizer"]), dict(compiled["loss"])
    optimizer = find("optimizer", settings.pop("name"), optimizers.OPTIMIZERS)(**settings)
    model.compile(
        optimizer,
        find("loss", loss.pop("name"), losses.LOSSES)(**loss),
        _metrics(compiled["metrics"]),
        weighted_metrics=_metrics(compiled.get("weighted_metrics", [])),
    )


def _metric(given: str | Mapping[str, Any] | Metric) -> list[Any]:
    """The name that a metric was given by, and what makes an equal one."""
    metric = metrics.get(given)
    return [given if isinstance(given, str) else metric.name, metric.identifier()]


def _metrics(entries: Sequence[Any]) -> list[Any]:
    """What `compile` is to be given for the metrics of a file: names as they were given, or objects."""
    names = [entry if isinstance(entry, str) else entry[0] for entry in entries]
    parts = [entry if isinstance(entry, str) else entry[1] for entry in entries]
    return [name if isinstance(part, str) else part for name, part in zip(names, parts, strict=True)]


def _check_overwrite(path: str, overwrite: bool) -> None:
    if not overwrite and os.path.lexists(path):
        raise FileExistsError(f"path was {path!r}: there is such a file, and overwrite is {overwrite!r}")


def _suffix(path: str, refused: str = "-") -> str | None:
    """The suffix of one of Keras' own files, if `path` has it, but for the one that is refused."""
    suffix = next((suffix for suffix in (".keras", ".weights.h5") if path.endswith(suffix)), None)
    if suffix == refused or (suffix is None and path.endswith((".h5", ".hdf5"))):
        raise ValueError(f"path was {path!r}: a model goes into .npz or .keras, its weights alone into .npz or .weights.h5")
    return suffix


def _weights(model: Sequential) -> dict[str, Array]:
    """The weights, by their names in the file."""
    weights = {f"weight_{number}": weight for number, weight in enumerate(model.get_weights())}
    _check_finite("the weights", weights)
    return weights


def _check_finite(what: str, arrays: Mapping[str, Array]) -> None:
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise ValueError(f"{what} had a value that is not finite, in {name}: the training diverged, there is nothing to save")


def _write(path: str, arrays: Mapping[str, Array]) -> None:
    write_whole(path, lambda file: np.savez(file, **arrays))  # type: ignore[arg-type]  # savez' own types have **kwds wrong


def _read_weights(archive: npz.Archive, layers: Sequence[LayerSpec]) -> list[Array]:
    """The arrays of the weights, if they are those of such layers."""
    shapes = [shape for layer in layers for shape in weight_shapes(layer)]
    count = len(archive.names("weight_"))
    if count != len(shapes):
        raise ValueError(f"weights had {count} arrays: there must be {len(shapes)}, a kernel and a bias a layer")
    return [archive.array(f"weight_{number}", shape) for number, shape in enumerate(shapes)]


def weight_shapes(layer: LayerSpec) -> list[tuple[int, ...]]:
    """The shapes of the arrays that `get_weights` has for a layer."""
    kernel = (layer.input_dim, layer.output_dim)
    return [kernel, (layer.output_dim,)] if layer.parameter_count > math.prod(kernel) else [kernel]


def _read_state(archive: npz.Archive, optimizer: Optimizer) -> dict[str, Array]:
    """The arrays of the optimizer's state: numbers, and one number for each weight."""
    shapes = {name: array.shape for name, array in optimizer.get_state().items()}
    names = [name.removeprefix("optimizer_") for name in archive.names("optimizer_")]
    if sorted(names) != sorted(shapes):
        raise ValueError(f"the optimizer's state had {', '.join(names)}: {optimizer.name} has {', '.join(shapes)}")
    return {name: archive.array(f"optimizer_{name}", shape) for name, shape in shapes.items()}
