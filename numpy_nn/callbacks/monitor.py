"""What the callbacks share that watch one value of the logs: which it is, and whether it is better than another."""

from __future__ import annotations

from typing import Any

from numpy_nn.callbacks.base import Callback, Logs
from numpy_nn.checks import finite

MODES = ("auto", "min", "max")


class Monitor(Callback):
    """A callback that watches `monitor`, a key of the logs.

    Parameters
    ----------
    mode
        "min" where a smaller value is better, "max" where a larger one is; "auto" takes it from the metric of that name.
    min_delta
        A value that is better by no more than this is no improvement.

    """

    def __init__(self, monitor: str, mode: str, min_delta: float = 0.0) -> None:
        if mode not in MODES:
            raise ValueError(f"mode was {mode!r}: it may be one of {', '.join(MODES)}")
        self.monitor = monitor
        self.mode = mode
        self.min_delta = abs(finite("min_delta", min_delta))

    def value_in(self, logs: Logs) -> Any:
        """The value that is watched, or None in an epoch without validation.

        Raises
        ------
        ValueError
            If the logs never have it.

        """
        if self.monitor not in logs:
            validated = any(name.startswith("val_") for name in logs)
            if self.monitor.startswith("val_") and self.params.get("do_validation") and not validated:
                return None
            raise ValueError(f"monitor was {self.monitor!r}: the logs have {', '.join(logs)}")
        return logs[self.monitor]

    def is_better(self, value: float, reference: float | None) -> bool:
        """Whether `value` is an improvement on `reference`; on None anything is."""
        if reference is None:
            return True
        return value - self.min_delta > reference if self._larger_is_better() else value + self.min_delta < reference

    def _larger_is_better(self) -> bool:
        if self.mode != "auto":
            return self.mode == "max"
        name = self.monitor.removeprefix("val_")
        if name == "loss":
            return False
        report = getattr(self.model, "report", None)
        metric = None if report is None else {**report.metrics, **report.weighted_metrics}.get(name)
        if metric is not None:
            return bool(metric.larger_is_better)
        if name.endswith("accuracy"):
            return True
        raise ValueError(f"mode was 'auto', and monitor {self.monitor!r}, no metric of the model: mode must be 'min' or 'max'")
