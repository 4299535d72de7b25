"""Scores by a faster path that is the same computation: Keras' seeds with `keras-tuned`'s settings, where parity has shown it.

Called by the runner. Seeds that are also trained against the clock keep the contestant's own path, so that times to a target come
from one and the same training. A study has no clock and thousands of trainings: its contestants have paths for it, which tests hold
to their own results, and which the records name in `details.fast_path`.
"""

from __future__ import annotations

from dataclasses import replace

from bench.contestants.registry import Spec
from bench.execution.schedule import Entries, PlannedTrial
from bench.records import LARGEST_DIFFERENCE, Trial

FAST_PATHS = {"keras": "keras-tuned"}
"""A contestant, and the one that is the same library with other settings of its loop."""


STUDY_PATHS = {
    "keras": "bench.contestants.keras_study:KerasStudy",
    "numpy_nn": "bench.contestants.numpy_study:NumpyStudy",
}
"""A contestant, and the class that trains its cells of a study."""


class FastPaths:
    """Knows from this run's parity which contestants are one computation."""

    def __init__(self, entries: Entries, reference: str) -> None:
        self._specs = {spec.name: spec for _, specs in entries for spec in specs}
        self._reference = reference
        self._same = {reference}

    def observe(self, trial: Trial) -> None:
        """Note a contestant whose weights are the reference's after every epoch of a parity trial, up to rounding."""
        if trial.kind != "parity" or trial.status != "ok" or trial.parity is None:
            return
        if max([*trial.parity.weights, *trial.parity.loss]) <= LARGEST_DIFFERENCE:
            self._same.add(trial.contestant)

    def is_awaited(self, planned: PlannedTrial) -> bool:
        """Whether other trials may wait for this one: parity of the reference, in its parts too, and of the faster paths."""
        if planned.kind == "parts":
            return planned.spec.name == self._reference
        return planned.kind == "parity" and planned.spec.name in (self._reference, *FAST_PATHS.values())

    def waits_for(self, planned: PlannedTrial, other: PlannedTrial) -> bool:
        """Whether `planned` must wait until `other` has ended: scores that parity may speed up, and whatever is compared.

        The reference's parts wait for its parity, so that they have the process that has its imports behind it.
        """
        if planned.kind in ("parity", "parts"):
            is_reference = planned.spec.name == self._reference
            if is_reference and planned.kind == "parity":
                return False
            compared = other.spec.name == self._reference and other.kind == ("parity" if is_reference else planned.kind)
            return compared and (planned.workload.name, planned.point) == (other.workload.name, other.point)
        return other.kind == "parity" and self._may_be_faster(planned) and other.spec.name == FAST_PATHS[planned.spec.name]

    def of(self, planned: PlannedTrial) -> Spec | None:
        """Return the contestant whose path a trial may take instead of its own; None if there is none."""
        if planned.workload.is_study:
            return self._of_study(planned)
        other = FAST_PATHS.get(planned.spec.name)
        if not self._may_be_faster(planned) or not {planned.spec.name, other} <= self._same:
            return None
        return self._specs.get(str(other))

    @staticmethod
    def _of_study(planned: PlannedTrial) -> Spec | None:
        target = STUDY_PATHS.get(planned.spec.name)
        if target is None or planned.workload.training.shuffle:
            return None
        return replace(planned.spec, target=target)

    @staticmethod
    def _may_be_faster(planned: PlannedTrial) -> bool:
        if planned.workload.is_study:
            return False
        return planned.kind == "scored" and planned.spec.name in FAST_PATHS and planned.seed >= planned.workload.rounds
