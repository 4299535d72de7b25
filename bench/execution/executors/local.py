"""The executor of a run without a cluster: trials without a clock on all cores, in threads that wait for processes.

Timed work is done in the thread of the runner, so that nothing else of this process runs meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from bench.execution.executors.station import Station
from bench.execution.executors.work import Answer, Work
from bench.execution.turn_rounds import TurnRounds
from bench.execution.worker_process import Launch


class LocalExecutor:
    """Runs work on this machine; the parameters are those of `Station`, and `places` trials without a clock run at once."""

    def __init__(self, launch: Launch, rounds: Callable[[], TurnRounds], places: int) -> None:
        self.places = places
        self._station = Station(launch, rounds)
        self._threads: ThreadPoolExecutor | None = None
        """They live until `rest`: on Linux a worker dies with the thread that started it."""

    def submit(self, work: Work) -> Future[Answer]:
        """See `Executor`."""
        if work.is_timed:
            done: Future[Answer] = Future()
            done.set_result(self._station.run(work))
            return done
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self.places)
        return self._threads.submit(self._station.run, work)

    def rest(self) -> None:
        """See `Executor`."""
        threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=False, cancel_futures=True)
            self._station.rest()  # what still runs is ended, so that the threads can end
            threads.shutdown(wait=True)

    def close(self) -> None:
        """See `Executor`."""
        self.rest()
        self._station.close()
