"""The workers of the launch that runs now: alive and idle while another one works, closed when the next launch begins.

Called by the runner; how a worker is started and stopped is `bench.execution.worker_process`'s.
"""

from __future__ import annotations

from bench.execution.schedule import PlannedTrial
from bench.execution.worker_process import Launch, Worker


class Crew:
    """One worker for each contestant and number of threads."""

    def __init__(self, launch: Launch) -> None:
        self._launch = launch
        self._number = 0
        self._workers: dict[tuple[str, int], Worker] = {}

    def enter(self, launch: int) -> None:
        """Begin a launch, if it isn't the one that runs already."""
        if launch != self._number:
            self.close()
            self._number = launch

    def worker(self, planned: PlannedTrial, threads: int) -> Worker:
        """The process for a trial, started if need be."""
        key = (planned.spec.name, threads)
        if key not in self._workers:
            self._workers[key] = self._launch(planned.spec, planned.launch, threads)
        return self._workers[key]

    def pid(self, planned: PlannedTrial, threads: int) -> int | None:
        """The process that waits for a trial, if there is one."""
        worker = self._workers.get((planned.spec.name, threads))
        return None if worker is None else worker.pid

    def dismiss(self, planned: PlannedTrial) -> None:
        """End the contestant's processes: its next trial gets a new one."""
        for key in [key for key in self._workers if key[0] == planned.spec.name]:
            self._workers.pop(key).close()

    def close(self) -> None:
        """End all of them."""
        while self._workers:
            self._workers.popitem()[1].close()
