"""The worker processes that are kept between trials: those of the current launch, and those of trials without a clock.

Called by a station of an executor; `bench.execution.worker_process` starts and ends the processes.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock

from bench.execution.messages import Request
from bench.execution.schedule import PlannedTrial
from bench.execution.worker_process import Launch, Outcome, Worker


class WorkerPool:
    """Holds one worker for each contestant and number of threads: they stay alive while another one works."""

    def __init__(self, launch: Launch) -> None:
        self._launch = launch
        self._number = 0
        self._workers: dict[tuple[str, int], Worker] = {}

    def begin_launch(self, number: int) -> None:
        """End all workers if launch `number` isn't the current one."""
        if number != self._number:
            self.close()
            self._number = number

    def worker(self, planned: PlannedTrial, threads: int) -> Worker:
        """Return the process for a trial, and start it if need be."""
        key = (planned.spec.name, threads)
        if key not in self._workers:
            self._workers[key] = self._launch(planned.spec, planned.launch, threads)
        return self._workers[key]

    def pid(self, planned: PlannedTrial, threads: int) -> int | None:
        """Return the process ID of a trial's worker, if it has been started."""
        worker = self._workers.get((planned.spec.name, threads))
        return None if worker is None else worker.pid

    def dismiss(self, planned: PlannedTrial) -> None:
        """End the contestant's processes: its next trial gets a new one."""
        for key in [key for key in self._workers if key[0] == planned.spec.name]:
            self._workers.pop(key).close()

    def close(self) -> None:
        """End all processes."""
        while self._workers:
            self._workers.popitem()[1].close()


@dataclass(eq=False)
class _Place:
    """Where one trial at a time runs; its worker stays while trials of one contestant and launch follow one another."""

    worker: Worker | None = None
    key: tuple[str, int, int] | None = None

    def close(self) -> None:
        worker, self.worker = self.worker, None
        if worker is not None:
            worker.close()


class Places:
    """Runs trials without a clock: as many at once as threads call `run`."""

    def __init__(self, launch: Launch) -> None:
        self._launch = launch
        self._lock = Lock()
        self._free: list[_Place] = []
        self._taken: list[_Place] = []

    def run(self, planned: PlannedTrial, request: Request) -> Outcome:
        """Run a trial in a process that has run trials like it, or in a new one."""
        key = (planned.spec.name, planned.launch, request.task.threads)
        place = self._take(key)
        try:
            with self._lock:
                closed = place not in self._taken
                if not closed and (place.worker is None or place.key != key):
                    place.close()
                    place.worker, place.key = self._launch(planned.spec, planned.launch, request.task.threads), key
                worker = place.worker
            if closed or worker is None:
                return Outcome("failed", error="it was ended before it began")
            outcome = worker.run(request, planned.workload.time_limit_seconds)
            if outcome.status != "ok":
                place.close()
            return outcome
        finally:
            self._give_back(place)

    def _take(self, key: tuple[str, int, int]) -> _Place:
        """Take a free place: one whose worker can go on, if there is one."""
        with self._lock:
            place = next((one for one in self._free if one.key == key), self._free[0] if self._free else _Place())
            if place in self._free:
                self._free.remove(place)
            self._taken.append(place)
            return place

    def _give_back(self, place: _Place) -> None:
        with self._lock:
            if place in self._taken:
                self._taken.remove(place)
                self._free.insert(0, place)

    def close(self) -> None:
        """End all processes, also those that work."""
        with self._lock:
            places, self._free, self._taken = self._free + self._taken, [], []
            for place in places:
                place.close()
