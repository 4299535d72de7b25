"""HDF5 as Keras writes it: arrays of numbers that stand in the file as they are, in groups.

A file from elsewhere may also have links to other files, filters that unpack, and shapes with nothing behind them. All these are
refused: what is read is never larger than the file.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

import numpy as np

from numpy_nn._engine.arrays import Array

INSTALL = "Keras' files need h5py, which is not installed: type python -m pip install h5py"


def _h5py() -> Any:
    try:
        import h5py
    except ImportError as error:
        raise ImportError(INSTALL) from error
    return h5py


def check_installed() -> None:
    """Raise an ImportError that says what to type if h5py is not installed."""
    _h5py()


class File:
    """An open file; `read` takes no more bytes than the file has, in all."""

    def __init__(self, root: Any, size: int) -> None:
        self._h5py, self._root, self._left = _h5py(), root, size

    def names(self, path: str) -> list[str]:
        """The names in a group; none if there is no such group."""
        group = self._find(path)
        return [] if group is None else list(group)

    def read(self, path: str, shape: tuple[int, ...], kinds: str = "f") -> Array:
        """The array at `path`, which must be of that shape."""
        data = self._find(path)
        if not isinstance(data, self._h5py.Dataset):
            raise ValueError(f"it has no array {path!r}")
        if data.shape != shape or data.dtype.kind not in kinds:
            raise ValueError(f"the array {path!r} is {data.shape} of {data.dtype}, and must be {shape} of the kind {kinds!r}")
        count = int(np.prod(shape, dtype=object)) * data.dtype.itemsize
        properties = data.id.get_create_plist()
        if (
            properties.get_layout() not in (self._h5py.h5d.CONTIGUOUS, self._h5py.h5d.COMPACT)
            or properties.get_external_count()
            or data.id.get_storage_size() != count
        ):
            raise ValueError(f"the array {path!r} doesn't stand in the file as it is, as Keras writes it")
        self._left -= count
        if self._left < 0:
            raise ValueError("its arrays are larger than the file")
        array: Array = np.asarray(data[()])
        return array

    def _find(self, path: str) -> Any:
        """What stands at `path` in this file, and is no link to elsewhere; None if nothing does."""
        node = self._root
        for name in path.split("/"):
            if not isinstance(node, self._h5py.Group) or name not in node:
                return None
            if not isinstance(node.get(name, getlink=True), self._h5py.HardLink):
                raise ValueError(f"{path!r} leads elsewhere, to which nothing is followed")
            node = node[name]
        return node


@contextmanager
def opened(stream: IO[bytes]) -> Iterator[File]:
    """The file in `stream`, inside the block."""
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    with _h5py().File(stream, "r") as root:
        yield File(root, size)


def to_bytes(groups: Mapping[str, tuple[str, list[Array]]]) -> bytes:
    """A file with groups of arrays "0", "1", and so on, each group by its path with the name that Keras gives its owner."""
    stream = io.BytesIO()
    with _h5py().File(stream, "w") as root:
        for path, (name, arrays) in groups.items():
            group = root.create_group(path)
            group.attrs["name"] = name
            for number, array in enumerate(arrays):
                group[str(number)] = array
    return stream.getvalue()
