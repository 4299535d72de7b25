"""Runs trials without a clock, as many at once as the executor has places, while the runner records what ends.

Called by the runner, in whose thread everything happens but the waiting for workers.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from heapq import heappop, heappush
from typing import Protocol

from bench.execution.executors.work import Answer, Executor, Work
from bench.execution.schedule import PlannedTrial, TrialKey
from bench.records import RecordError


class Trials(Protocol):
    """What the runner knows of the trials."""

    def is_awaited(self, planned: PlannedTrial) -> bool:
        """Whether there may be trials that must wait until this one has ended."""

    def waits_for(self, planned: PlannedTrial, other: PlannedTrial) -> bool:
        """Whether a trial must wait until another, which is awaited, has ended."""

    def begin(self, planned: PlannedTrial) -> Work | Answer | None:
        """Return the trial's work, or its answer if it is skipped; None leaves it out."""

    def end(self, planned: PlannedTrial, answer: Answer) -> None:
        """Record a trial that has ended."""


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


def run_side_by_side(planned: Sequence[PlannedTrial], trials: Trials, executor: Executor) -> None:
    """Run the trials, each as soon as it needn't wait for another; record a contestant's in the plan's order as they end."""
    waiting = _Queue(planned, trials)
    running: dict[Future[Answer], PlannedTrial] = {}
    in_order = _InOrder(planned, trials)

    def end(one: PlannedTrial, answer: Answer | None) -> None:
        for ended in in_order.end(one, answer):
            waiting.ended(ended)

    try:
        while waiting or running:
            following = waiting.pop() if len(running) < executor.places else None
            if following is None:
                if not running:
                    raise RuntimeError("trials wait for one another, so that none of them can begin")
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    end(running.pop(future), future.result())
                continue
            begun = trials.begin(following)
            if isinstance(begun, Work):
                running[executor.submit(begun)] = following
            else:
                end(following, begun)
    except BaseException:
        with suppress(OSError, RecordError):  # the first error counts
            in_order.end_all()
        raise
    finally:
        executor.rest()


class _InOrder:
    """Hands ended trials of a workload and contestant to `trials` in the plan's order.

    Skip rules count failures in a row: what they see must not depend on which of two processes is the faster one.
    """

    def __init__(self, planned: Sequence[PlannedTrial], trials: Trials) -> None:
        self._trials = trials
        self._queues: dict[tuple[str, str], deque[PlannedTrial]] = {}
        for one in planned:
            self._queues.setdefault((one.workload.name, one.spec.name), deque()).append(one)
        self._answers: dict[TrialKey, Answer | None] = {}

    def end(self, planned: PlannedTrial, answer: Answer | None) -> list[PlannedTrial]:
        """Add a trial that has ended, or is left out; return those that have been handed on."""
        self._answers[planned.key] = answer
        queue = self._queues[planned.workload.name, planned.spec.name]
        handed_on = []
        while queue and queue[0].key in self._answers:
            handed_on.append(queue.popleft())
            self._hand_on(handed_on[-1])
        return handed_on

    def end_all(self) -> None:
        """Hand on what has ended, though a trial before it hasn't."""
        for queue in self._queues.values():
            for one in queue:
                if one.key in self._answers:
                    self._hand_on(one)

    def _hand_on(self, one: PlannedTrial) -> None:
        answer = self._answers.pop(one.key)
        if answer is not None:
            self._trials.end(one, answer)
