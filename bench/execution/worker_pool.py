"""The worker processes of the current launch: they stay alive while another one works, and end when the next launch begins.

Called by the runner; `bench.execution.worker_process` starts and ends the processes.
"""

from __future__ import annotations

from bench.execution.schedule import PlannedTrial
from bench.execution.worker_process import Launch, Worker


class WorkerPool:
    """Holds one worker for each contestant and number of threads."""

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
