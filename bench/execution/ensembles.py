"""Which seeds of a study's cell are trained at once, and the figures of those whose turn hasn't come. Called by the runner.

The first seed of a block is the head: its request names the others' data files, and its answer has their figures. The others wait
for it, and are recorded from these, or trained alone where there are none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from bench.execution.answer_checks import checked_figures, malformed
from bench.execution.executors.work import Answer, Assignment, Work
from bench.execution.messages import Request
from bench.execution.schedule import PlannedTrial, TrialKey
from bench.execution.time_plan import fit_seconds
from bench.execution.trial_checks import CheatError
from bench.execution.worker_process import Outcome

TOGETHER = ("numpy_nn",)
"""Contestants that can train several networks at once."""
MOST_NETWORKS = 32
MOST_SHARE_OF_LIMIT = 0.1
"""Of the time limit of a trial: what the trainings of a block may be expected to take one after the other."""
MOST_BLOCKS = 2_000
"""Each trial that waits is compared with all of them."""
FIGURES = "together"
"""The key of `details` with the others' figures."""


class Ensembles:
    """Knows the blocks of the trials that wait to be run."""

    def __init__(self, waiting: Iterable[PlannedTrial]) -> None:
        cells: dict[Any, list[PlannedTrial]] = {}
        for planned in waiting:
            if planned.workload.is_study and planned.spec.name in TOGETHER and not planned.workload.training.shuffle:
                workload, contestant, _kind, _seed, _round, point = planned.key
                cells.setdefault((workload, contestant, point), []).append(planned)
        blocks = [block for cell in cells.values() for block in _blocks(cell)]
        self._others = {block[0].key: block[1:] for block in blocks[:MOST_BLOCKS]}
        self._head_of: dict[TrialKey, TrialKey] = {other.key: head for head, others in self._others.items() for other in others}
        self._kept: dict[TrialKey, tuple[dict[str, Any], str | None]] = {}
        """With the machine that they come from."""

    def is_awaited(self, planned: PlannedTrial) -> bool:
        """Whether it is a head."""
        return planned.key in self._others

    def waits_for(self, planned: PlannedTrial, other: PlannedTrial) -> bool:
        """Whether `other` is the head of the block that `planned` is in."""
        return self._head_of.get(planned.key) == other.key

    def begin(self, planned: PlannedTrial, make: Callable[[PlannedTrial], Request]) -> Work | Answer:
        """Return the answer of a trial that a head's training has had, else its work; `make` returns the request of one trial."""
        request = make(planned)
        figures, machine = self._kept.pop(planned.key, (None, None))
        if figures is not None and malformed(figures) is None:
            try:
                return Answer([Outcome("ok", checked_figures(figures, request))], machine=machine)
            except CheatError:
                pass  # then it is trained alone
        others = [make(other) for other in self._others.get(planned.key, ())]
        together = [{"data": one.paths.data, "sha256": one.data_sha256, "seed": one.task.seed} for one in others]
        return Work([Assignment(planned, replace(request, together=together))])

    def received(self, planned: PlannedTrial, answer: Answer) -> Answer:
        """Keep the figures of the others that came with a head's; return its own answer."""
        outcome = answer.outcomes[0]
        details = outcome.figures.get("details", {})
        if planned.key not in self._others or not isinstance(details.get(FIGURES), list):
            return answer
        for other, figures in zip(self._others[planned.key], details[FIGURES], strict=False):
            if isinstance(figures, dict):
                self._kept[other.key] = figures, answer.machine
        own = {name: value for name, value in details.items() if name != FIGURES}
        return replace(answer, outcomes=[replace(outcome, figures={**outcome.figures, "details": own})])


def _blocks(cell: Sequence[PlannedTrial]) -> list[Sequence[PlannedTrial]]:
    """Cut the seeds of a cell into blocks; one of a single seed is none."""
    seconds = max(fit_seconds(cell[0]), 1e-9)
    size = min(MOST_NETWORKS, int(MOST_SHARE_OF_LIMIT * cell[0].workload.time_limit_seconds / seconds))
    if size < 2:
        return []
    blocks = (cell[first : first + size] for first in range(0, len(cell), size))
    return [block for block in blocks if len(block) > 1]
