"""Keras' own files: `.keras` and `.weights.h5` of dense networks, read and written without Keras.

Needs h5py (the extra `keras-files`). Nothing in a file is executed: a name is looked up in the tables of `numpy_nn`, and what is
not there is refused. Nothing is unpacked: Keras stores its parts as they are, so that none is larger than the file.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from numpy_nn.checks import file_path
from numpy_nn.file_writing import write_whole
from numpy_nn.keras_files import configs, hdf5, weights
from numpy_nn.npz import open_regular, reason_of
from numpy_nn.sequential import Sequential

__all__ = ["load_keras", "load_weights", "save_keras", "save_weights"]

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
MOST_CONFIG_BYTES = 4 << 20
"""A layer takes about a thousand."""
FORMAT_VERSION = "3.0.0"
"""The first Keras that reads what is written here."""


def load_keras(path: str | os.PathLike[str], *, compile: bool = True) -> Sequential:
    """The model in a `.keras` file: a `Sequential`, or a `Model` whose layers form a chain.

    Parameters
    ----------
    path
        What Keras 3, or `save_keras`, wrote.
    compile
        Whether to compile it, too, with the optimizer's state, where it was compiled when it was saved.

    Raises
    ------
    ValueError
        If the file is broken, or has anything that `numpy_nn` has not.
    FileNotFoundError
        If there is no such file.
    ImportError
        If h5py is not installed.

    """
    path = file_path("path", path)
    with _errors_of(path), open_regular(path) as stream, zipfile.ZipFile(stream) as archive:
        description = configs.read(json.loads(_part(archive, CONFIG, MOST_CONFIG_BYTES)), compiled=compile)
        with hdf5.opened(io.BytesIO(_part(archive, WEIGHTS, os.fstat(stream.fileno()).st_size))) as file:
            arrays = weights.read(file, description.layers, description.keys)
            model = Sequential(description.architecture, initializer="zeros", dtype=description.dtype)
            model.set_weights(arrays)
            if description.compile_arguments is not None:
                model.compile(**description.compile_arguments)
                weights.read_state(file, model)
        return model


def save_keras(model: Sequential, path: str | os.PathLike[str]) -> None:
    """Write the model to a `.keras` file, which `keras.models.load_model` reads; if it is compiled, the optimizer's state too.

    Raises
    ------
    ValueError
        If Keras has no such activation, or the model was compiled with parts of the user's own.
    OSError
        If it can't be written; the file of before is left as it was.
    ImportError
        If h5py is not installed.

    """
    path = file_path("path", path)
    config, keys = configs.write(model)
    parts = {
        METADATA: json.dumps({"keras_version": FORMAT_VERSION}).encode(),
        CONFIG: json.dumps(config).encode(),
        WEIGHTS: weights.to_bytes(model, keys),
    }

    def write(stream: IO[bytes]) -> None:
        with zipfile.ZipFile(stream, "w") as archive:
            for name, data in parts.items():
                archive.writestr(zipfile.ZipInfo(name), data)

    write_whole(path, write)


def load_weights(model: Sequential, path: str | os.PathLike[str]) -> None:
    """Take the weights from a `.weights.h5` or a `.keras` file of such a network; nothing is changed if they don't fit.

    Raises
    ------
    ValueError
        If the file is broken, or has other layers.
    FileNotFoundError
        If there is no such file.
    ImportError
        If h5py is not installed.

    """
    path = file_path("path", path)
    with _errors_of(path), open_regular(path) as stream:
        source: IO[bytes] = stream
        if zipfile.is_zipfile(stream):
            with zipfile.ZipFile(stream) as archive:
                source = io.BytesIO(_part(archive, WEIGHTS, os.fstat(stream.fileno()).st_size))
        stream.seek(0)
        with hdf5.opened(source) as file:
            model.set_weights(weights.read(file, model.layers, weights.keys_of(file)))


def save_weights(model: Sequential, path: str | os.PathLike[str]) -> None:
    """Write the weights to a `.weights.h5` file, which Keras' `load_weights` reads; if compiled, the optimizer's state too.

    Raises
    ------
    OSError
        If it can't be written; the file of before is left as it was.
    ImportError
        If h5py is not installed.

    """
    path = file_path("path", path)
    data = weights.to_bytes(model, configs.keys_of(model))
    write_whole(path, lambda stream: stream.write(data))


def _part(archive: zipfile.ZipFile, name: str, most_bytes: int) -> bytes:
    """A part of the archive, which stands in it as it is."""
    entry = archive.getinfo(name)
    if entry.compress_type != zipfile.ZIP_STORED or entry.file_size > most_bytes:
        raise ValueError(f"its part {name!r} is compressed, or larger than {most_bytes:,} bytes, as Keras writes none")
    return archive.read(entry)


@contextmanager
def _errors_of(path: str | os.PathLike[str]) -> Iterator[None]:
    """Whatever goes wrong with the contents of the file, inside the block, is a ValueError that names it."""
    allowed: tuple[Any, ...] = (FileNotFoundError, PermissionError, IsADirectoryError, ImportError, MemoryError)
    try:
        yield
    except allowed:
        raise
    except Exception as error:
        reason = f"it has no part {reason_of(error)}" if isinstance(error, KeyError) else reason_of(error)
        raise ValueError(
            f"path was {os.fspath(path)!r}: it is not a dense network of Keras that numpy_nn knows ({reason})"
        ) from error
