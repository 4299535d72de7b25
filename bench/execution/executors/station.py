"""A machine's side of an executor: its worker processes, and how work is done with them.

Used by the local executor, and in the Dask workers of a cluster.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

from bench.execution.environment import cores
from bench.execution.executors.work import Answer, Assignment, Work
from bench.execution.system_load import SystemLoadMeter
from bench.execution.turn_rounds import Participant, TurnRounds
from bench.execution.worker_pool import Places, WorkerPool
from bench.execution.worker_process import Launch, Outcome, Worker


class Station:
    """Does work on this machine.

    Parameters
    ----------
    launch
        Starts worker processes.
    rounds
        Returns what has turns taken, and times the canary; called once, when the first work with a clock comes.

    """

    def __init__(self, launch: Launch, rounds: Callable[[], TurnRounds]) -> None:
        self._make_rounds = rounds
        self._rounds: TurnRounds | None = None
        self._timed = WorkerPool(launch)
        self._untimed = Places(launch)
        self._lock = Lock()

    def run(self, work: Work) -> Answer:
        """Do a piece of work; trials without a clock may be done by several threads at once."""
        if not work.is_timed:
            with self._lock:
                self._timed.close()
            one = work.assignments[0]
            return Answer([self._untimed.run(one.planned, one.request)])
        if self._rounds is None:
            self._rounds = self._make_rounds()
        self._timed.begin_launch(work.first.launch)
        for one in work.assignments:
            if one.anew:
                self._timed.dismiss(one.planned)
        if work.first.kind == "turns":
            return Answer(self._turns(work, self._rounds))
        return self._alone(work.assignments[0], self._rounds)

    def _alone(self, one: Assignment, rounds: TurnRounds) -> Answer:
        planned, threads, meter = one.planned, one.request.task.threads, SystemLoadMeter()
        timed = planned.kind == "timed"
        before_seconds = rounds.canary.seconds() if timed else 0.0
        meter.start(self._timed.pid(planned, threads))
        outcome = self._worker(one).run(one.request, planned.workload.time_limit_seconds)
        load = meter.stop(self._timed.pid(planned, threads))
        if timed:
            load |= {"canary_before_seconds": before_seconds, "canary_after_seconds": rounds.canary.seconds()}
        self._dismiss_if_broken(one, outcome)
        return Answer([outcome], load)

    def _turns(self, work: Work, rounds: TurnRounds) -> list[Outcome]:
        """Make the contestants ready, and have them take turns."""
        participants = self._participants(work)
        rounds.take(participants, random.Random(work.seed))
        outcomes = [participant.outcome() for participant in participants]
        for one, participant, outcome in zip(work.assignments, participants, outcomes, strict=True):
            if participant.stays_in_fit:
                self._timed.dismiss(one.planned)
            self._dismiss_if_broken(one, outcome)
        return outcomes

    def _participants(self, work: Work) -> list[Participant]:
        def participant(one: Assignment) -> Participant:
            ready = self._worker(one).run(one.request, one.planned.workload.time_limit_seconds)
            return Participant(one.planned, self._worker(one), ready, starts_alone=work.starts_alone)

        if work.starts_alone:
            return [participant(one) for one in work.assignments]
        for one in work.assignments:  # here, since a worker ends with the thread that has started it
            self._worker(one)
        with ThreadPoolExecutor(cores()) as pool:
            try:
                return list(pool.map(participant, work.assignments))
            except BaseException:  # Ctrl-C: what still starts is ended, so that the pool can end
                pool.shutdown(wait=False, cancel_futures=True)
                self._timed.close()
                raise

    def _worker(self, one: Assignment) -> Worker:
        return self._timed.worker(one.planned, one.request.task.threads)

    def _dismiss_if_broken(self, one: Assignment, outcome: Outcome) -> None:
        if outcome.status in ("failed", "timeout"):
            self._timed.dismiss(one.planned)

    def rest(self) -> None:
        """End the processes of trials without a clock."""
        self._untimed.close()

    def close(self) -> None:
        """End all processes."""
        self._untimed.close()
        self._timed.close()
