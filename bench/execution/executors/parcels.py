"""Carries a piece of work to another machine and back: with the bytes of each file that it reads or writes, and their hashes.

`pack` and `unpack` are called on the machine of the run, `place` and `collect` where the work is done. A file lies there under its
hash and its own name, so that a message that names it is the same everywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.error_messages import one_line
from bench.execution.executors.work import Answer, Assignment, Work
from bench.execution.input_files import contestant_files
from bench.execution.messages import Paths, Request
from bench.execution.trial_checks import is_unchanged
from bench.files import read_regular, write_whole
from bench.workloads.data_files import DATA_LIMIT_BYTES

INPUTS_FOLDER, OUTPUTS_FOLDER, CONTESTANTS_FOLDER = "inputs", "outputs", "contestants"


class ParcelError(OSError):
    """A file that isn't what was sent."""


@dataclass(frozen=True)
class File:
    """A file's name and bytes, with the hash that they had when they were read."""

    name: str
    content: bytes = field(repr=False)
    sha256: str

    @classmethod
    def read(cls, path: Path) -> File:
        """Read a regular file."""
        content = read_regular(path, DATA_LIMIT_BYTES)
        return cls(path.name, content, hashlib.sha256(content).hexdigest())

    def write(self, path: Path) -> None:
        """Write the file, unless it is there already, and read it again.

        Raises
        ------
        ParcelError
            If the bytes aren't those that were sent, or the disk gives back others.

        """
        if is_unchanged(path, self.sha256):
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, self.content)
        if not is_unchanged(path, self.sha256):
            raise ParcelError(f"{self.name} has another hash here than where it was sent from ({self.sha256[:12]})")


@dataclass(frozen=True)
class Parcel:
    """Work with the files that it reads, by their paths on the machine of the run."""

    work: Work
    files: Mapping[str, File]


@dataclass(frozen=True)
class Reply:
    """An answer with the files that were written, by their paths on the machine of the run; what was added to logs; the host."""

    answer: Answer
    files: Mapping[str, File]
    logs: Mapping[str, bytes]
    machine: str


def pack(work: Work) -> Parcel:
    """Return the work with what it reads: data, a reference's trajectory, and contestants of your own."""
    paths = {path for one in work.assignments for path in _read(one.request)}
    paths |= {path for one in work.assignments for path in own_files(one.request.target)}
    return Parcel(work, {str(path): File.read(path) for path in sorted(paths) if path.exists()})


def unpack(reply: Reply, work: Work) -> None:
    """Write the files of a reply to where they belong on the machine of the run.

    Raises
    ------
    ParcelError
        If one arrives with another hash, or isn't one that the work may write.

    """
    expected = {path for one in work.assignments for path in _written(one.request)}
    for path, file in reply.files.items():
        if path not in expected:
            raise ParcelError(f"{reply.machine} sent a file that no trial was to write: {one_line(path)}")
        file.write(Path(path))


def place(parcel: Parcel, folder: Path) -> Work:
    """Write the files of a parcel into `folder`; return the work with their paths there."""
    return replace(parcel.work, assignments=[_placed(one, parcel.files, folder) for one in parcel.work.assignments])


def collect(work: Work, placed: Work) -> dict[str, File]:
    """Return the files that placed work has written, by the paths that `work` has for them."""
    found = {}
    for one, there in zip(work.assignments, placed.assignments, strict=True):
        for path, written in zip(_written(one.request), _written(there.request), strict=True):
            if Path(written).is_file():
                found[path] = File.read(Path(written))
                Path(written).unlink()
    return found


def own_files(target: str) -> Sequence[Path]:
    """Return the file of a contestant of your own, and those beside it that it imports; none of one that is installed."""
    return contestant_files(target) if target.rpartition(":")[0].endswith(".py") else ()


def _read(request: Request) -> list[Path]:
    compared = request.kind == "parity" and request.reference is not None
    names = [request.paths.data, request.paths.trajectory if compared else None]
    return [Path(name) for name in names if name is not None]


def _written(request: Request) -> list[str]:
    """The paths of the files that a trial writes: a surface, and as the reference of parity its trajectory."""
    is_reference = request.kind == "parity" and request.reference is None
    names = [request.paths.surface, request.paths.trajectory if is_reference else None]
    return [name for name in names if name is not None]


def _placed(one: Assignment, files: Mapping[str, File], folder: Path) -> Assignment:
    def local(name: str | None) -> str | None:
        if name is None or name not in files:
            return None if name is None else str(folder / OUTPUTS_FOLDER / Path(name).name)
        path = folder / INPUTS_FOLDER / files[name].sha256 / files[name].name
        files[name].write(path)
        return str(path)

    (folder / OUTPUTS_FOLDER).mkdir(parents=True, exist_ok=True)
    request = one.request
    paths = Paths(str(local(request.paths.data)), local(request.paths.trajectory), local(request.paths.surface))
    target = _placed_target(request.target, files, folder)
    return replace(one, request=replace(request, paths=paths, target=target))


def _placed_target(target: str, files: Mapping[str, File], folder: Path) -> str:
    """Write the files of a contestant of your own, which import one another, into a folder; return the target there."""
    own = [files[str(path)] for path in _files_of(target, files)]
    if not own:
        return target
    digest = hashlib.sha256("".join(sorted(f"{file.name} {file.sha256}\n" for file in own)).encode()).hexdigest()
    for file in own:
        file.write(folder / CONTESTANTS_FOLDER / digest / file.name)
    place_name, _, class_name = target.rpartition(":")
    return f"{folder / CONTESTANTS_FOLDER / digest / Path(place_name).name}:{class_name}"


def _files_of(target: str, files: Mapping[str, File]) -> list[Path]:
    """The Python files of a parcel that lie in the folder of a target."""
    place_name = target.rpartition(":")[0]
    if not place_name.endswith(".py"):
        return []
    return [Path(path) for path in files if path.endswith(".py") and Path(path).parent == Path(place_name).parent]
