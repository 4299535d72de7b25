"""From a planned trial and its outcome to the record on the disk. Called by the runner."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from bench.execution.schedule import PlannedTrial
from bench.execution.worker_process import Outcome
from bench.records import Trial
from bench.records.validation_errors import first_mistake


def record_of(
    planned: PlannedTrial, outcome: Outcome, *, run_id: str, threads: int, started_at: str, load: Mapping[str, float]
) -> Trial:
    """Return the record of a trial; an answer that can't be one makes the trial a failed one."""

    def trial(outcome: Outcome) -> Trial:
        return Trial(
            run_id=run_id,
            workload=planned.workload.name,
            contestant=planned.spec.name,
            kind=planned.kind,
            seed=planned.seed,
            round=planned.round,
            launch=planned.launch,
            point=dict(planned.point),
            status=outcome.status,
            error=outcome.error,
            dtype=planned.workload.training_of(planned.spec.name).dtype,
            threads=threads,
            started_at=started_at,
            load=dict(load),
            **outcome.figures,
        )

    try:
        return trial(outcome)
    except ValidationError as error:
        return trial(Outcome("failed", error=f"its answer can't be recorded: {first_mistake(error, Trial)}"))
