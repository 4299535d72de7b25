"""Hashes of the files that a run reads (workloads, data, contestants of your own, its own code): a run never mixes two of them.

Called by run selection, which records them and compares a resumed run with them, and by the runner before each trial.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.machinery
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

from bench.contestants.registry import CONTESTANTS, Spec
from bench.error_messages import one_line
from bench.files import exists, is_file, open_regular, read_regular
from bench.python_files import LIMIT_BYTES, parsed_file
from bench.records import InputRecord, Run
from bench.workloads.data_files import DATA_LIMIT_BYTES
from bench.workloads.data_sets import sample_shape
from bench.workloads.models import Workload

SOURCE_FOLDERS = ("numpy_nn", "keras_ref", "bench/contestants", "bench/execution", "bench/workloads")
MOST_PACKAGE_FILES = 1_000
ROOT = Path(__file__).resolve().parents[2]
_CHUNK_BYTES = 2**20
WAYS_ON = "put it back as it was to go on with this run, or begin a new run without --resume"


class ChangedInputError(OSError):
    """A file that a run reads isn't the one that it began with."""


def describe(entries: Iterable[tuple[Workload, Sequence[Spec]]], workload_files: Iterable[Path]) -> list[InputRecord]:
    """Return the records of the files that the run of `entries` reads, each as it is now.

    Raises
    ------
    OSError
        If one can't be read.

    """
    records = [_record("workload", path.stem, path) for path in workload_files]
    specs: dict[str, Spec] = {}
    for workload, contestants in entries:
        specs |= {spec.name: spec for spec in contestants if spec.name not in CONTESTANTS}
        if workload.data.name == "file":
            rows, features = sample_shape(workload.data)
            record = _record("data", workload.name, Path(workload.data.parameters["path"]))
            records.append(record.model_copy(update={"rows": rows, "features": features}))
    records += [_record("contestant", name, path) for name, spec in specs.items() for path in contestant_files(spec.target)]
    return records


def sources_sha256(root: Path = ROOT) -> str:
    """Return a hash of the code that trials run, which tells two states of a checkout apart, committed or not."""
    digest = hashlib.sha256()
    for folder in SOURCE_FOLDERS:
        for path in sorted((root / folder).rglob("*.py")):
            if path.is_file() and not path.is_symlink():
                digest.update(f"{path.relative_to(root).as_posix()}\n".encode())
                digest.update(hashlib.sha256(read_regular(path, LIMIT_BYTES)).digest())
    return digest.hexdigest()


def differences(run: Run) -> list[str]:
    """Return what isn't as it was when the run began, in words; empty if all is."""
    found = [difference for record in run.inputs if (difference := _difference(record)) is not None]
    if run.sources_sha256 is not None and run.sources_sha256 != sources_sha256():
        commit = f" (commit {run.environment.commit[:9]})" if run.environment.commit else ""
        found.append(f"the code of {', '.join(SOURCE_FOLDERS)} isn't what the run began with{commit}")
    return found


class InputFiles:
    """Tells when a file that a run reads changes while it runs; looks at size and time, and at the content where they changed."""

    def __init__(self, records: Sequence[InputRecord]) -> None:
        self._records = records
        self._seen = {record.path: _signature(Path(record.path)) for record in records}

    def check(self) -> None:
        """Compare all files with the ones that the run began with.

        Raises
        ------
        ChangedInputError
            If one is another; the run must end, since its trials would mix two of them.

        """
        for record in self._records:
            signature = _signature(Path(record.path))
            if signature == self._seen[record.path]:
                continue
            if (difference := _difference(record)) is not None:
                raise ChangedInputError(0, f"{difference}; {WAYS_ON}", record.path)
            self._seen[record.path] = signature


def contestant_files(target: str) -> list[Path]:
    """Return the file of a contestant of your own, and the modules and packages beside it that it imports; nothing is executed."""
    place = target.rpartition(":")[0]
    first = Path(place) if place.endswith(".py") else _module_file(place)
    if first is None:
        return []
    found: list[Path] = []
    waiting = [first]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.append(path)
            waiting += [file for name in _imported(path) for file in _beside(path.parent, name)]
    return [first, *sorted(path for path in found if path != first)]


def _imported(path: Path) -> list[str]:
    """Return the first parts of the names of the modules that a file may import; none if it is no Python."""
    tree = parsed_file(path)
    if tree is None:
        return []
    names = [name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names += [node.module] if node.module else [name.name for name in node.names]
    return [name.partition(".")[0] for name in names]


def _beside(folder: Path, name: str) -> list[Path]:
    """Return the files of a module, or of a whole package, in a folder; links of folders aren't followed."""
    if is_file(module := folder / f"{name}.py"):
        return [module]
    package = folder / name
    if not name or not exists(package) or not package.is_dir():
        return []
    return list(islice((path for path in sorted(package.rglob("*.py")) if path.is_file()), MOST_PACKAGE_FILES))


def _module_file(name: str) -> Path | None:
    """Return the file of a module, found without importing it or its packages."""
    places: list[str] | None = None
    parts = name.split(".")
    for number in range(len(parts)):
        spec = importlib.machinery.PathFinder.find_spec(".".join(parts[: number + 1]), places)
        if spec is None:
            return None
        places = list(spec.submodule_search_locations or [])
    return Path(spec.origin) if spec is not None and spec.origin and spec.origin.endswith(".py") else None


def _record(kind: str, used_by: str, path: Path) -> InputRecord:
    sha256, size = _hash(path)
    return InputRecord.model_validate(
        {"kind": kind, "used_by": used_by, "path": str(path.absolute()), "sha256": sha256, "size_bytes": size}
    )


def _difference(record: InputRecord) -> str | None:
    """Return how a file differs from its record, in words; None if it doesn't."""
    try:
        sha256, size = _hash(Path(record.path))
    except OSError as error:
        return f"{record.path} ({record.kind} of this run) can't be read: {one_line(error.strerror)}"
    if sha256 == record.sha256:
        return None
    was = f"{record.size_bytes:,} bytes" + (f", {record.rows:,} rows of {record.features} features" if record.rows else "")
    return (
        f"{record.path} ({record.kind} of {record.used_by}) isn't the file that the run began with: it has {size:,} bytes "
        f"and the hash {sha256[:12]}, it had {was} and {record.sha256[:12]}"
    )


def _hash(path: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with open_regular(path, DATA_LIMIT_BYTES) as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


def _signature(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_size, status.st_mtime_ns, status.st_ino
