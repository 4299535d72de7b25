"""Runs trials without a clock on all cores: several workers at once, one thread each, while the runner records what ends.

Called by the runner, in whose thread everything happens but the waiting for workers.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Protocol

from bench.execution.messages import Request
from bench.execution.schedule import PlannedTrial
from bench.execution.worker_process import Launch, Outcome, Worker


class Trials(Protocol):
    """What the runner knows of the trials."""

    def waits_for(self, planned: PlannedTrial, other: PlannedTrial) -> bool:
        """Whether a trial must wait until another has ended."""

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


def run_side_by_side(planned: Sequence[PlannedTrial], trials: Trials, launch: Launch, places: int) -> None:
    """Run the trials on `places` workers at a time, each as soon as it needn't wait for another; record them as they end."""
    waiting = list(planned)
    free = [_Place(launch) for _ in range(places)]
    everywhere = list(free)
    running: dict[Future[Outcome], tuple[PlannedTrial, _Place]] = {}
    with ThreadPoolExecutor(places) as pool:
        try:
            while waiting or running:
                unfinished = [*waiting, *(one for one, _ in running.values())]
                following = next((one for one in waiting if not any(trials.waits_for(one, other) for other in unfinished)), None)
                if following is None or not free:
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        ended, place = running.pop(future)
                        free.insert(0, place)
                        trials.end(ended, future.result())
                    continue
                waiting.remove(following)
                begun = trials.begin(following)
                if isinstance(begun, Outcome):
                    trials.end(following, begun)
                elif begun is not None:
                    place = _place_for(following, free)
                    running[pool.submit(place.run, following, begun)] = (following, place)
        finally:
            for place in everywhere:  # what still runs is ended, so that the pool can end
                place.close()


def _place_for(planned: PlannedTrial, free: list[_Place]) -> _Place:
    """Take a free place out of the list: one whose worker can go on, if there is one."""
    own = next((place for place in free if place.key is not None and place.key[:2] == (planned.spec.name, planned.launch)), free[0])
    free.remove(own)
    return own
