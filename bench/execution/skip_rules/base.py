"""The interface of a skip rule."""

from __future__ import annotations

from abc import ABC, abstractmethod

from bench.execution.schedule import PlannedTrial
from bench.records import Trial


class SkipRule(ABC):
    """Decides from the trials that have ended whether a planned one is skipped."""

    @abstractmethod
    def observe(self, trial: Trial) -> None:
        """Update the rule with a trial that has ended."""

    @abstractmethod
    def reason(self, planned: PlannedTrial) -> str | None:
        """Return why a trial is skipped, in one line for its record; None if it is to run."""
