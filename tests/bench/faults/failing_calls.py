"""Runs a command of which one system call fails, or at which it is killed: `failing_calls.c`, compiled once, does the failing."""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fault_calls import ROOT

SOURCE = Path(__file__).with_suffix(".c")
KILL = 0
ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES)
KILLED = -9
_RANDOM = re.compile(r"(?:\.[0-9a-z_]{8,12}|-[0-9a-f]{12})\.(?:partial|part)$")
"""The end of the name of a temporary file."""


def compiled(folder: Path) -> Path | None:
    """The library; None where there is no compiler for it."""
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        return None
    library = folder / "failing_calls.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE), "-ldl"], check=True)
    return library


@dataclass(frozen=True)
class Point:
    """A call that may fail: its number among those on files of the folder, what it is, and the file's name in the folder."""

    number: int
    call: str
    name: str

    @property
    def kind(self) -> tuple[str, str]:
        """What is the same for calls that do the same: the files of a kind in a folder count as one."""
        path = Path(_RANDOM.sub("", self.name))
        name = f"{path.parent}/*{path.suffix}" if path.parent.name in ("tables", "plots") else re.sub(r"\d+", "#", str(path))
        return self.call, name + " (temporary)" * (str(path) != self.name)


@dataclass(frozen=True)
class Command:
    """A command that writes into `folder`.

    Parameters
    ----------
    library
        What `compiled` made.
    words
        The command's words, after Python's own.
    folder
        Calls on the files in it are counted; it is also the current folder.

    """

    library: Path
    words: Sequence[str]
    folder: Path

    def points(self) -> list[Point]:
        """Run it undisturbed, and return its calls."""
        log = self.folder.with_name("calls.txt")
        code, said = self._run(0, KILL, log)
        assert code in (0, 4), said
        found = [Point(int(number), call, name) for number, call, name in map(str.split, log.read_text().splitlines())]
        log.unlink()
        return found

    def fail(self, point: Point, fault: int) -> tuple[int, str]:
        """Run it with one failing call; return its exit code and what it said."""
        log = self.folder.with_name("calls.txt")
        log.unlink(missing_ok=True)
        code, said = self._run(point.number, fault, log)
        return code, f"{point} {errno.errorcode.get(fault, 'kill')}: exit code {code}: {said}"

    def again(self) -> tuple[int, str]:
        """Run it undisturbed; return its exit code and what it said."""
        return self._run(0, KILL, Path(os.devnull))

    def _run(self, at: int, fault: int, log: Path) -> tuple[int, str]:
        environment = {
            "PYTHONPATH": str(ROOT),
            "LD_PRELOAD": str(self.library),
            "FAULT_FOLDER": str(self.folder.resolve()),
            "FAULT_LOG": str(log),
            "FAULT_AT": str(at),
            "FAULT_ERRNO": str(fault),
            "OPENBLAS_NUM_THREADS": "1",
        }
        done = subprocess.run(
            [sys.executable, *self.words],
            cwd=self.folder,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=100,
            check=False,
        )
        return done.returncode, done.stdout.decode(errors="replace")


def distinct(points: Sequence[Point]) -> list[Point]:
    """The first and the last call of each kind."""
    first: dict[tuple[str, str], Point] = {}
    last: dict[tuple[str, str], Point] = {}
    for point in points:
        first.setdefault(point.kind, point)
        last[point.kind] = point
    return sorted({*first.values(), *last.values()}, key=lambda point: point.number)
