"""Runs trials without a clock on all cores: several workers at once, one thread each, while the runner records what ends.

Called by the runner, in whose thread everything happens but the waiting for workers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Protocol

from bench.execution.messages import Request
from bench.execution.schedule import PlannedTrial, TrialKey
from bench.execution.worker_process import Launch, Outcome, Worker


class Trials(Protocol):
    """What the runner knows of the trials."""

    def is_awaited(self, planned: PlannedTrial) -> bool:
        """Whether there may be trials that must wait until this one has ended."""

    def waits_for(self, planned: PlannedTrial, other: PlannedTrial) -> bool:
        """Whether a trial must wait until another, which is awaited, has ended."""

    def begin(self, planned: PlannedTrial) -> Request | Outcome | None:
        """Return the trial's request, or its outcome if it is skipped; None leaves it out."""

    def end(self, planned: PlannedTrial, outcome: Outcome) -> None:
        """Record a trial that has ended."""


@dataclass
class _Place:
    """Where one trial at a time runs; its worker stays while trials of one contestant and launch follow one another."""

    launch: Launch
    worker: Worker | None = None
    key: tuple[str, int, int] | None = None

    def run(self, planned: PlannedTrial, request: Request) -> Outcome:
        key = (planned.spec.name, planned.launch, request.task.threads)
        if self.worker is None or key != self.key:
            self.close()
            self.worker, self.key = self.launch(planned.spec, planned.launch, request.task.threads), key
        outcome = self.worker.run(request, planned.workload.time_limit_seconds)
        if outcome.status != "ok":
            self.close()
        return outcome

    def close(self) -> None:
        worker, self.worker = self.worker, None
        if worker is not None:
            worker.close()


class _Queue:
    """The trials that haven't begun, in their order; one that must wait for another stands aside until that has ended."""

    def __init__(self, planned: Sequence[PlannedTrial], trials: Trials) -> None:
        self._planned = planned
        self._trials = trials
        self._ready = list(range(len(planned)))  # a heap of places in the order
        self._awaited = {one.key: one for one in planned if trials.is_awaited(one)}
        self._aside: defaultdict[TrialKey, list[int]] = defaultdict(list)

    def __bool__(self) -> bool:
        return bool(self._ready or self._aside)

    def pop(self) -> PlannedTrial | None:
        """Take out the first trial that needn't wait; None if there is none."""
        while self._ready:
            place = heappop(self._ready)
            planned = self._planned[place]
            blocking = next((key for key, other in self._awaited.items() if self._trials.waits_for(planned, other)), None)
            if blocking is None:
                return planned
            self._aside[blocking].append(place)
        return None

    def ended(self, planned: PlannedTrial) -> None:
        """Let those go on that waited for a trial which has ended."""
        self._awaited.pop(planned.key, None)
        for place in self._aside.pop(planned.key, ()):
            heappush(self._ready, place)


def run_side_by_side(planned: Sequence[PlannedTrial], trials: Trials, launch: Launch, places: int) -> None:
    """Run the trials on `places` workers at a time, each as soon as it needn't wait for another; record them as they end."""
    waiting = _Queue(planned, trials)
    free = [_Place(launch) for _ in range(places)]
    everywhere = list(free)
    running: dict[Future[Outcome], tuple[PlannedTrial, _Place]] = {}
    with ThreadPoolExecutor(places) as pool:
        try:
            while waiting or running:
                following = waiting.pop() if free else None
                if following is None:
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        ended, place = running.pop(future)
                        free.insert(0, place)
                        trials.end(ended, future.result())
                        waiting.ended(ended)
                    continue
                begun = trials.begin(following)
                if isinstance(begun, Request):
                    place = _place_for(following, free)
                    running[pool.submit(place.run, following, begun)] = (following, place)
                    continue
                if begun is not None:
                    trials.end(following, begun)
                waiting.ended(following)
        finally:
            for place in everywhere:  # what still runs is ended, so that the pool can end
                place.close()


def _place_for(planned: PlannedTrial, free: list[_Place]) -> _Place:
    """Take a free place out of the list: one whose worker can go on, if there is one."""
    own = next((place for place in free if place.key is not None and place.key[:2] == (planned.spec.name, planned.launch)), free[0])
    free.remove(own)
    return own
