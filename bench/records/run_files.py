"""Which files of a folder belong to its runs: those that `run-files.txt` lists, which is written before each of them.

Called by whatever writes into a run's folder (run directory, request builder, launcher, report). Only listed files are ever
removed; a file that isn't listed and has a name that a run writes is somebody else's, and a new run refuses the folder.
"""

from __future__ import annotations

import fnmatch
import os
import stat
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from bench.files import append_line, check_output, inside, is_file, read_regular, without_partial, write_all, write_whole
from bench.records.store import ARRAYS_FOLDER, RUN_FILE, TRIALS_FILE, RecordError, read_run

RUN_FILES_FILE = "run-files.txt"
HEADER = "# The files that runs of moons-bench wrote into this folder; a new run removes these, and no other file."
LAYOUT = (
    RUN_FILE,
    TRIALS_FILE,
    f"{TRIALS_FILE}.gz",
    "report.md",
    "summary.md",
    "index.html",
    f"{ARRAYS_FOLDER}/*.npz",
    "logs/*.log",
    "scratch/*.npz",
    "tables/*.csv",
    "tables/*.tex",
    "plots/*.png",
    "plots/*.svg",
    "film/*.webp",
    "film/*.mp4",
    "film/*.png",
)
"""The names that a run and its report write."""
RECORDS = LAYOUT[:3]
KNOWN_BESIDE = (RUN_FILES_FILE, "run.lock", "calibration.json", "calibration.md")
"""Files of ours that may lie beside those of a run and stay there."""
PASSING = "scratch/"
"""Files that are made anew after a power cut, as are their names in the list."""
LIMIT_BYTES = 10_000_000


def check_result(path: Path) -> None:
    """Check that a command may write its result to `path`: see `bench.files.check_output`; and that it is no file of a run.

    It must be no record of a run, nor what a run and its report have written, which a new run removes.

    Raises
    ------
    ValueError
        If it may not: one line with the path and the reason.

    """
    check_output(path)
    place = path.resolve()
    for folder, name in ((place.parent, place.name), (place.parent.parent, f"{place.parent.name}/{place.name}")):
        if (name in RECORDS or name in KNOWN_BESIDE or _is_listed(folder, name)) and _holds_run(folder):
            raise ValueError(f"{path} can't be written: it is a file of the run in {folder}, so the output needs another name")


def _is_listed(folder: Path, name: str) -> bool:
    return _is_ours(name) and name in RunFiles(folder).names


def _holds_run(folder: Path) -> bool:
    trials = (folder / TRIALS_FILE, folder / f"{TRIALS_FILE}.gz")
    return is_file(folder / RUN_FILES_FILE) or (is_file(folder / RUN_FILE) and any(map(is_file, trials)))


class RunFiles:
    """The list of the files that runs wrote into `directory`.

    Raises
    ------
    RecordError
        If there is a list that can't be read, or that names what no run writes.

    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._path = directory / RUN_FILES_FILE
        self._names = _read(self._path)

    @property
    def names(self) -> frozenset[str]:
        """The listed names, relative to the folder, with slashes."""
        return frozenset(self._names or ())

    def add(self, *names: str) -> None:
        """List files that are about to be written.

        Raises
        ------
        OSError
            If the list can't be written, or a name leads out of the folder.

        """
        if self._names is None:
            self._names = _read(self._path)
        known = self._names or set()
        new = [name for name in names if name not in known]
        for name in new:
            inside(self._directory, name)
            if not _is_ours(name):
                raise ValueError(f"{name!r} is no name that a run writes: it may be {', '.join(LAYOUT)}")
        if new:
            if self._names is None or _is_cut_short(self._path):
                write_whole(self._path, "\n".join([HEADER, *sorted({*(_read(self._path) or ()), *new})]) + "\n")
            else:
                append_line(self._path, "\n".join(new), sync=not all(name.startswith(PASSING) for name in new))
            known.update(new)
            self._names = known

    def adopt(self) -> None:
        """List the files of a run that was made before there was a list, if nothing else lies in its folder."""
        if self._names is not None or not (self._directory / RUN_FILE).is_file():
            return
        found = sorted(_walk(self._directory))
        if all(_is_ours(without_partial(name)) or name in KNOWN_BESIDE for name in found):
            try:
                read_run(self._directory)
            except RecordError:
                return
            self.add(*sorted({without_partial(name) for name in found if name not in KNOWN_BESIDE}))

    def foreign(self) -> list[str]:
        """Return the files in the folder that have a name of a run's and aren't listed, and links or devices in their place."""
        return [name for name in sorted(_walk(self._directory)) if self._is_foreign(name)]

    def _is_foreign(self, name: str) -> bool:
        mode = (self._directory / name).lstat().st_mode
        if not stat.S_ISREG(mode) and not (stat.S_ISDIR(mode) and "/" in name):  # a link, a device, or a folder in a file's place
            return _is_ours(name) or name.partition("/")[0] in (*_folders(), *KNOWN_BESIDE)
        if self._names is None:
            return _is_ours(without_partial(name)) or "/" in name
        return _is_ours(name) and name not in self._names

    def remove(self, *, folder: str = "") -> None:
        """Remove the listed files, or those in one `folder`, what a kill left of them, and folders that are then empty."""
        removed = {name for name in self.names if not folder or name.startswith(f"{folder}/")}
        for path in self._written_for(removed):
            path.unlink()
        for place in [folder] if folder else _folders():
            _remove_if_empty(self._directory / place)
        if not folder:
            for leftover in _files_in(self._directory):
                if leftover.name != RUN_FILES_FILE and without_partial(leftover.name) == RUN_FILES_FILE:
                    leftover.unlink()
            self._path.unlink(missing_ok=True)
            self._names = None

    def remove_leftovers(self, folder: str) -> None:
        """Remove what is left of the listed files of a folder that a process was writing when it was ended; none may be now."""
        names = {name for name in self.names if name.startswith(f"{folder}/")}
        for path in self._written_for(names):
            if without_partial(path.name) != path.name:
                path.unlink()

    def _written_for(self, names: Collection[str]) -> list[Path]:
        """The files of these names, and those that were to become them; a link in place of a folder is an OSError."""
        for name in sorted(names):
            inside(self._directory, name)
        places = {name.rpartition("/")[0] for name in names}
        found = ((place, path) for place in sorted(places) for path in _files_in(self._directory / place))
        return [path for place, path in found if f"{place}/{without_partial(path.name)}".lstrip("/") in names]

    def replace(self, contents: Mapping[str, str | bytes], *, folders: tuple[str, ...] = ()) -> None:
        """Replace files of the run, all or none, and remove the listed files of `folders` that aren't among them.

        Raises
        ------
        OSError
            If one can't be written; the earlier ones are then as they were.

        """
        stale = [name for name in self.names if name.partition("/")[0] in folders and name not in contents]
        self.add(*contents)
        write_all(self._directory, contents)
        for name in stale:
            inside(self._directory, name).unlink(missing_ok=True)


def _folders() -> list[str]:
    return sorted({name.partition("/")[0] for name in LAYOUT if "/" in name})


def _is_ours(name: str) -> bool:
    return any(name.count("/") == pattern.count("/") and fnmatch.fnmatchcase(name, pattern) for pattern in LAYOUT)


def _walk(directory: Path) -> Iterator[str]:
    """Yield the names of what could be a run's: the folder's own entries, and those in the folders that a run makes."""
    for entry in os.scandir(directory):
        if entry.name in _folders() and entry.is_dir(follow_symlinks=False):
            yield from (f"{entry.name}/{inner.name}" for inner in os.scandir(entry.path))
        else:
            yield entry.name


def _files_in(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir()):
        folder.rmdir()


def _read(path: Path) -> set[str] | None:
    """Return the names in the list; None where there is none, or a kill has cut its first line short."""
    try:
        content = read_regular(path, LIMIT_BYTES, follow_links=False).decode()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise RecordError(f"{path} can't be read: {getattr(error, 'strerror', None) or 'it is no text'}") from None
    if HEADER.startswith(content):
        return None
    lines = content.splitlines()
    if not content.endswith("\n") and not _is_ours(lines[-1]) and len(lines) > 1:
        lines.pop()  # cut short by a kill: the file of that name was not written yet
    if lines[0] != HEADER:
        raise RecordError(f"{path} is no list of a run's files: its first line must be {HEADER!r}")
    for number, name in enumerate(lines[1:], start=2):
        if name and not _is_ours(name):
            raise RecordError(f"{path}, line {number}: {name[:80]!r} is no name that a run writes")
    return {name for name in lines[1:] if name}


def _is_cut_short(path: Path) -> bool:
    """Whether the last line of the list has no end, as a kill leaves it."""
    return not read_regular(path, LIMIT_BYTES, follow_links=False).endswith(b"\n")
