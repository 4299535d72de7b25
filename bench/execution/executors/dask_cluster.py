"""The executor over a Dask cluster: trials without a clock fill its cores, timed work takes a machine for itself.

A machine is a Dask worker that offers the resource `machine`, one on each host. The launches of a run go to the machines by turns,
each as a whole to one. Imported only when a run asks for Dask; `dask_connection` gives the client.
"""

from __future__ import annotations

import secrets
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from distributed import Client, KilledWorker

from bench.error_messages import one_line
from bench.execution.executors.dask_connection import CALL_SECONDS, RESOURCE, START_WORKERS, ClusterError
from bench.execution.executors.parcels import Parcel, ParcelError, pack, unpack
from bench.execution.executors.remote import Description, Session, VersionsError, describe, end, rest, run_parcel
from bench.execution.executors.work import Answer, ExecutorLostError, Work
from bench.execution.run_directory import LOGS_FOLDER
from bench.execution.schedule import UNTIMED
from bench.execution.worker_process import Launch, Launcher, Outcome
from bench.records import MachineRecord, Trial
from bench.records.run_files import RunFiles

MOST_LOSSES = 3
"""Dask workers that a piece of work may lose; then its trials have failed. For trials without a clock it is Dask's own setting."""
ABSENT_SECONDS = 60.0
"""How long a cluster may have no worker, or no machine, before the run ends."""
LOOK_SECONDS = 0.5
"""Between two looks at whether the Dask workers are still there."""


@dataclass(eq=False)
class _Pending:
    """A piece of work that hasn't ended."""

    work: Work
    parcel: Parcel
    answer: Future[Answer] = field(default_factory=Future)
    task: Any = None
    address: str | None = None
    """The Dask worker that it is bound to."""
    losses: int = 0


class DaskExecutor:
    """Runs work on a cluster.

    Parameters
    ----------
    client
        Of the cluster.
    directory
        The run's.
    threads
        Of the run, which each machine must have.
    ended
        The trials of a resumed run: the rest of a launch goes to the machine where it began.
    launcher
        Returns what starts worker processes for a folder.

    Raises
    ------
    ClusterError
        If the software of a machine differs, two workers offer one host as a machine, or one has too few cores.

    """

    def __init__(
        self,
        client: Client,
        directory: Path,
        *,
        threads: int,
        ended: Sequence[Trial] = (),
        launcher: Callable[[Path], Launch] = Launcher,
    ) -> None:
        self._client: Any = client
        self._directory = directory
        self._files: RunFiles | None = None
        here = describe()
        self._own_name = here.machine.name
        self._session = Session(secrets.token_hex(8), here, launcher)
        self._described: dict[str, Description] = {}
        self._check(threads)
        self._homes = {trial.launch: trial.machine or self._own_name for trial in ended if trial.kind not in UNTIMED}
        """The host of each launch."""
        self._pending: set[_Pending] = set()
        self._lock = threading.RLock()
        self._stopped = threading.Event()
        self._workers = self._info()
        self._seen_at = time.monotonic()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def _check(self, threads: int) -> None:
        offers: dict[str, str] = {}
        info = self._info()
        self._describe(info)
        for address, description in self._described.items():
            name = description.machine.name
            if difference := description.difference(self._session.expected):
                raise ClusterError(f"{difference}: all machines of a run need the same software")
            if _offers_machine(info[address]):
                if name in offers:
                    raise ClusterError(f"{offers[name]} and {address} both offer {name} as their machine: {START_WORKERS}")
                if description.machine.cores < threads:
                    raise ClusterError(
                        f"machine {name} has {description.machine.cores} cores, and contestants get {threads} threads: "
                        f"give  --threads {description.machine.cores}"
                    )
                offers[name] = address

    def _describe(self, addresses: Mapping[str, Any]) -> None:
        """Ask Dask workers that aren't known yet what machine they are on."""
        new = [address for address in addresses if address not in self._described]
        if not new:
            return
        try:
            self._described |= self._client.run(describe, workers=new)
        except ImportError as error:
            raise ClusterError(f"a Dask worker lacks this project ({error}): install it there, in the same version") from None

    @property
    def machines(self) -> list[MachineRecord]:
        """The machines of the cluster but this one."""
        found = {one.machine.name: one.machine for one in self._described.values()}
        return [machine for name, machine in sorted(found.items()) if name != self._own_name]

    def require_machine(self) -> None:
        """Check that timed work can be done.

        Raises
        ------
        ClusterError
            If no Dask worker offers its machine.

        """
        if not self._offered():
            raise ClusterError(f"no Dask worker offers its machine for timed trials: {START_WORKERS}")

    @property
    def places(self) -> int:
        """See `Executor`."""
        return max(1, sum(int(worker["nthreads"]) for worker in self._workers.values()))

    def submit(self, work: Work) -> Future[Answer]:
        """See `Executor`."""
        self._files = self._files or RunFiles(self._directory)  # not earlier: a new run removes what it lists
        for one in work.assignments:
            self._files.add(f"{LOGS_FOLDER}/{one.planned.spec.name}-{one.planned.launch}.log")
        pending = _Pending(work, pack(work))
        with self._lock:
            self._pending.add(pending)
            self._send(pending)
        return pending.answer

    def _send(self, pending: _Pending) -> None:
        """Hand work to the cluster; what needs a machine waits, while there is none, until the watcher has seen one."""
        options: dict[str, Any] = {}
        if pending.work.is_timed:
            pending.address = self._home(pending.work.first.launch)
            if pending.address is None:
                return
            options = {"workers": [pending.address], "resources": {RESOURCE: 1}}
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Sending large graph")
                key = f"trial-{secrets.token_hex(8)}"
                pending.task = self._client.submit(run_parcel, self._session, pending.parcel, key=key, pure=False, **options)
            pending.task.add_done_callback(partial(self._received, pending))
        except (RuntimeError, OSError, ValueError) as error:  # how a client says that it is closed
            self._resolve(pending, ExecutorLostError(f"the cluster is gone: {one_line(error)}"))

    def _offered(self) -> dict[str, str]:
        """The Dask workers that offer a machine, by its name."""
        offering = {address: worker for address, worker in self._workers.items() if _offers_machine(worker)}
        return {
            self._described[address].machine.name: address
            for address in offering
            if address in self._described and self._described[address].difference(self._session.expected) is None
        }

    def _home(self, launch: int) -> str | None:
        """Return the Dask worker for a launch: where it began, or the machine that has had the fewest launches."""
        offered = self._offered()
        if not offered:
            return None
        name = self._homes.get(launch)
        if name not in offered:
            counts = {other: sum(home == other for home in self._homes.values()) for other in sorted(offered)}
            name = self._homes[launch] = min(counts, key=lambda other: counts[other])
        return offered[name]

    def _received(self, pending: _Pending, task: Any) -> None:
        """Take what a task has ended with; called by a thread of Dask's."""
        if task is not pending.task or pending.answer.done():
            return
        if task.status in ("cancelled", "lost"):
            self._lose_or_end(pending)
            return
        try:
            reply = task.result()
            unpack(reply, pending.work)
            self._add_logs(pending.work, reply.logs)
            machine = None if reply.machine == self._own_name else reply.machine
            self._resolve(pending, Answer(reply.answer.outcomes, reply.answer.load, machine))
        except CancelledError:
            self._lose_or_end(pending)
        except KilledWorker as error:
            self._resolve(pending, _failed(pending.work, f"{error.allowed_failures + 1} Dask workers died while they ran it"))
        except (VersionsError, ParcelError) as error:
            self._resolve(pending, ExecutorLostError(one_line(error)))
        except Exception as error:
            lost = self._client.status != "running"
            self._resolve(pending, self._lost() if lost else _failed(pending.work, f"{type(error).__name__}: {one_line(error)}"))

    def _add_logs(self, work: Work, logs: Mapping[str, bytes]) -> None:
        """Append to the logs of the work's processes; there is one of each, as on one machine, though the text may be lost."""
        (self._directory / LOGS_FOLDER).mkdir(exist_ok=True)
        for name in {f"{one.planned.spec.name}-{one.planned.launch}.log" for one in work.assignments}:
            with (self._directory / LOGS_FOLDER / name).open("ab") as file:
                file.write(logs.get(name, b""))

    def _resolve(self, pending: _Pending, result: Answer | ExecutorLostError) -> None:
        with self._lock:
            self._pending.discard(pending)
            pending.task = None  # so that the cluster forgets it
            if pending.answer.done():
                return
            if isinstance(result, Answer):
                pending.answer.set_result(result)
            else:
                pending.answer.set_exception(result)

    def _watch(self) -> None:
        """Look for Dask workers that have gone or come, until the executor is closed."""
        while not self._stopped.wait(LOOK_SECONDS):
            if self._client.status != "running":
                self._lose_all(self._lost())
                continue
            with suppress(OSError, TimeoutError, RuntimeError, ClusterError):
                info = self._info()
                self._describe(info)
                with self._lock:
                    self._workers = info
                self._look_after()

    def _look_after(self) -> None:
        """Send work on whose Dask worker has gone, and give up if there has been none for long."""
        with self._lock:
            bound = [one for one in self._pending if one.work.is_timed]
            if self._workers and (self._offered() or not bound):
                self._seen_at = time.monotonic()
            elif time.monotonic() - self._seen_at > ABSENT_SECONDS:
                self._lose_all(ExecutorLostError(f"the cluster has had no worker for {ABSENT_SECONDS:g} s: {START_WORKERS}"))
                return
            for one in bound:
                if one.address is not None and one.address not in self._workers:
                    self._lose(one)
                elif one.address is None:
                    self._send(one)

    def _lose(self, pending: _Pending) -> None:
        """Send work elsewhere, its Dask worker being gone."""
        task, pending.task = pending.task, None
        if task is not None:
            with suppress(OSError, RuntimeError):
                task.cancel()
        pending.losses += 1
        if pending.losses > MOST_LOSSES:
            self._resolve(pending, _failed(pending.work, f"{pending.losses} Dask workers died while they ran it"))
        else:
            self._send(pending)

    def _lose_or_end(self, pending: _Pending) -> None:
        """Send work elsewhere whose answer was lost with a Dask worker, if it wasn't lost with the scheduler."""
        with self._lock:
            if self._client.status == "running":
                self._lose(pending)
            else:
                self._resolve(pending, self._lost())

    def _lost(self) -> ExecutorLostError:
        return ExecutorLostError("the Dask scheduler is gone, or can't be reached any more")

    def _lose_all(self, error: ExecutorLostError) -> None:
        with self._lock:
            for pending in list(self._pending):
                self._resolve(pending, error)

    def _info(self) -> dict[str, Any]:
        """The Dask workers that there are, by address."""
        found: dict[str, Any] = dict(self._client.scheduler_info(n_workers=-1)["workers"])
        return found

    def rest(self) -> None:
        """See `Executor`."""
        with self._lock:
            unfinished = [one for one in self._pending if not one.work.is_timed]
        self._forget(unfinished)
        self._call_all(rest)

    def close(self) -> None:
        """See `Executor`."""
        self._stopped.set()
        with self._lock:
            unfinished = list(self._pending)
        self._forget(unfinished)
        self._call_all(end)
        self._watcher.join(CALL_SECONDS)

    def _forget(self, unfinished: Sequence[_Pending]) -> None:
        for pending in unfinished:
            task = pending.task
            self._resolve(pending, ExecutorLostError("the run has ended"))
            if task is not None and self._client.status == "running":
                with suppress(OSError, RuntimeError):
                    task.cancel()

    def _call_all(self, function: Callable[[str], None]) -> None:
        """Call a function of `remote` on all Dask workers, and wait a while for it."""
        if self._client.status != "running":
            return

        def call() -> None:
            with suppress(Exception):  # a Dask worker that has gone has nothing left to end
                self._client.run(function, self._session.id, on_error="ignore")

        thread = threading.Thread(target=call, daemon=True)
        thread.start()
        thread.join(CALL_SECONDS)


def _offers_machine(worker: Mapping[str, Any]) -> bool:
    return float(worker.get("resources", {}).get(RESOURCE, 0)) >= 1


def _failed(work: Work, error: str) -> Answer:
    return Answer([Outcome("failed", error=error) for _ in work.assignments])
