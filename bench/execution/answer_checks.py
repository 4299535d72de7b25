"""Whether an answer's figures can be a trial's, and its times those that the runner saw. Called by `worker_process`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from bench.records import Trial

MOST_CLOCK_SHARE = 0.25
CLOCK_SECONDS = 0.05
"""The runner's time of a fit may be longer by this share and so many seconds: a busy machine takes some to wake it."""


def clock_doubt(figures: Mapping[str, Any], marks: Mapping[str, float]) -> str | None:
    """Return in words why the worker's clock isn't believed; the runner saw the fit begin and end."""
    shown = figures.get("fit_seconds")
    if shown is None or not {"fit begins", "fit ended"} <= marks.keys():
        return None
    seen = marks["fit ended"] - marks["fit begins"]
    if seen <= shown * (1 + MOST_CLOCK_SHARE) + CLOCK_SECONDS:
        return None
    return f"the worker's clock showed {shown:.3g} s for a fit that took {seen:.3g} s by the runner's"


def malformed(figures: object) -> str | None:
    """Return why figures can't be those of a trial; None if they can."""
    plain = {"run_id": "", "workload": "", "contestant": "", "kind": "timed", "seed": 0, "round": 0, "launch": 0}
    plain |= {"status": "ok", "dtype": "", "threads": 1, "started_at": ""}
    if not isinstance(figures, Mapping) or plain.keys() & figures.keys():
        return "an object with other keys"
    try:
        Trial.model_validate({**plain, **figures})
    except ValidationError as error:
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return None
