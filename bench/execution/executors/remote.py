"""What a Dask worker does for a run: one site a run, with a folder of its own, in which parcels are placed and worked on.

`run_parcel` is a task, `describe`, `rest` and `end` are called in the worker's event loop. Nothing here imports Dask at its top.
"""

from __future__ import annotations

import atexit
import platform
import shutil
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.execution import environment
from bench.execution.canary import Canary
from bench.execution.executors.parcels import Parcel, Reply, collect, place
from bench.execution.executors.station import Station
from bench.execution.input_files import sources_sha256
from bench.execution.run_directory import LOGS_FOLDER
from bench.execution.turn_rounds import TurnRounds
from bench.execution.worker_process import Launch
from bench.records import MachineRecord

IDLE_SECONDS = 600.0
"""After so long without work a site ends its processes, since its run may have been killed."""
LOG_BYTES = 1 << 16
"""Of the end of what a piece of work adds to a log, which is sent back."""


class VersionsError(OSError):
    """A machine whose software isn't that of the run."""


@dataclass(frozen=True)
class Description:
    """A machine, and its software that a trial depends on."""

    machine: MachineRecord
    python: str
    versions: Mapping[str, str]
    sources_sha256: str

    def difference(self, other: Description) -> str | None:
        """Return in words how this machine's software differs from that of `other`, the machine of the run; None if it doesn't."""
        found = [f"Python {self.python}, not {other.python}"] if self.python != other.python else []
        for name in sorted({*self.versions, *other.versions}):
            here, there = self.versions.get(name), other.versions.get(name)
            if here != there:
                found.append(f"{name} {here or 'missing'}, not {there or 'missing'}")
        if self.sources_sha256 != other.sources_sha256:
            found.append("another commit of this project")
        return f"machine {self.machine.name} has {', '.join(found)}" if found else None


@dataclass(frozen=True)
class Session:
    """One start of a run: what its work has in common on all machines."""

    id: str
    expected: Description
    """The machine of the run."""
    launcher: Callable[[Path], Launch]
    """Returns what starts worker processes for a folder."""


def describe() -> Description:
    """Describe this machine."""
    return Description(
        machine=MachineRecord(
            name=platform.node(),
            cpu=environment.cpu_name(),
            cores=environment.cores(),
            operating_system=platform.platform(),
            blas=environment.blas(),
        ),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        versions=environment.versions(),
        sources_sha256=sources_sha256(),
    )


class Site:
    """A Dask worker's processes and files for one session.

    Raises
    ------
    VersionsError
        If the software here isn't that of the session.

    """

    def __init__(self, session: Session, place_for_files: str | None) -> None:
        here = describe()
        if difference := here.difference(session.expected):
            raise VersionsError(difference)
        self.session_id = session.id
        self.machine = here.machine.name
        self._folder = Path(tempfile.mkdtemp(prefix="moons-bench-", dir=place_for_files))
        self._station = Station(session.launcher(self._folder), lambda: TurnRounds(Canary(), cores=environment.cores()))
        self._log_sizes: dict[str, int] = {}
        self._idle: threading.Timer | None = None
        self.closed = False

    def run(self, parcel: Parcel) -> Reply:
        """Do a parcel's work."""
        self._expect_more(None)
        try:
            placed = place(parcel, self._folder)
            answer = self._station.run(placed)
            files = collect(parcel.work, placed)
            return Reply(answer, files, self._new_logs(), self.machine)
        finally:
            self._expect_more(IDLE_SECONDS)

    def _expect_more(self, seconds: float | None) -> None:
        """End the processes after so many seconds without work."""
        if self._idle is not None:
            self._idle.cancel()
        self._idle = None if seconds is None or self.closed else threading.Timer(seconds, self._station.close)
        if self._idle is not None:
            self._idle.daemon = True
            self._idle.start()

    def _new_logs(self) -> dict[str, bytes]:
        """Return what has been added to the logs since the last call."""
        found = {}
        for path in sorted((self._folder / LOGS_FOLDER).glob("*.log")):
            size = path.stat().st_size
            if size != (begin := self._log_sizes.get(path.name, -1)):
                self._log_sizes[path.name] = size
                with path.open("rb") as file:
                    file.seek(max(begin, size - LOG_BYTES, 0))
                    found[path.name] = file.read()
        return found

    def rest(self) -> None:
        """End the processes of trials without a clock."""
        self._station.rest()

    def close(self) -> None:
        """End all processes, and remove the files."""
        self.closed = True
        self._expect_more(None)
        self._station.close()
        shutil.rmtree(self._folder, ignore_errors=True)


_lock = threading.Lock()
_sites: dict[str, Site] = {}
"""The site of this process, by its session: one at most."""


@atexit.register
def _leave() -> None:
    for site in list(_sites.values()):
        site.close()


def run_parcel(session: Session, parcel: Parcel) -> Reply:
    """Do a parcel's work in this Dask worker: a task.

    Raises
    ------
    VersionsError
        If the software here isn't that of the session.
    OSError
        If a file can't be written, or has arrived with another hash.

    """
    from distributed import get_worker

    with _lock:
        site = _sites.get(session.id)
        if site is None:
            _leave()  # that of a run that was killed
            _sites.clear()
            site = _sites[session.id] = Site(session, get_worker().local_directory)
    return site.run(parcel)


def rest(session_id: str) -> None:
    """End the processes of trials without a clock of a session."""
    if session_id in _sites:
        _sites[session_id].rest()


def end(session_id: str) -> None:
    """End a session: its processes, and its files."""
    site = _sites.pop(session_id, None)
    if site is not None:
        site.close()
