"""The record of a trial that has ended. Called by the runner."""

from __future__ import annotations

from pydantic import ValidationError

from bench.execution.executors.work import Answer
from bench.execution.schedule import PlannedTrial
from bench.execution.worker_process import Outcome
from bench.records import Trial
from bench.records.validation_errors import first_mistake


def record_of(planned: PlannedTrial, outcome: Outcome, answer: Answer, *, run_id: str, threads: int, started_at: str) -> Trial:
    """Return the record of a trial with this outcome; an answer that can't be recorded makes the trial a failed one."""

    def record(outcome: Outcome) -> Trial:
        return Trial(
            run_id=run_id,
            workload=planned.workload.name,
            contestant=planned.spec.name,
            kind=planned.kind,
            seed=planned.seed,
            round=planned.round,
            launch=planned.launch,
            point=dict(planned.point),
            machine=answer.machine,
            status=outcome.status,
            error=outcome.error,
            dtype=planned.workload.training_of(planned.spec.name).dtype,
            threads=threads,
            started_at=started_at,
            load=dict(answer.load),
            **outcome.figures,
        )

    try:
        return record(outcome)
    except ValidationError as error:
        return record(Outcome("failed", error=f"its answer can't be recorded: {first_mistake(error, Trial)}"))
