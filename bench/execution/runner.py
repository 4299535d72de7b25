"""Runs the trials of a plan one at a time and records them; resumes a run; adds rounds.

Called by the command line, which passes in the launch of workers, an observer, and a condition that ends the run.
`bench.execution.schedule` makes the plan, `bench.execution.skip_rules` decide which trials are skipped, and
`bench.execution.worker_process` handles processes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from bench.execution.agreement import Agreement
from bench.execution.durations import Durations
from bench.execution.environment import now
from bench.execution.input_files import InputFiles
from bench.execution.request_builder import RequestBuilder
from bench.execution.run_directory import clear_scratch
from bench.execution.schedule import Entries, PlannedTrial, TrialKey, extra_rounds, key_of, plan
from bench.execution.skip_rules import RepeatedFailures, ScalingCutoff, SkipRule
from bench.execution.system_load import SystemLoadMeter
from bench.execution.worker_pool import WorkerPool
from bench.execution.worker_process import Launch, Outcome
from bench.records import REFERENCE, RecordError, Run, RunData, Trial, append_trial, read_run, write_run
from bench.records.validation_errors import first_mistake

Status = Literal["complete", "interrupted"]
Place = tuple[str, str, tuple[tuple[str, int], ...]]
"""Where the settings that a contestant chose apply: the workload, the contestant, the cell."""


class Observer:
    """Is told of a run's progress; this one ignores it."""

    def started(self, planned: PlannedTrial, done: int, total: int, seconds_left: float | None) -> None:
        """A trial begins; `done` of `total` have ended."""

    def ended(self, trial: Trial, done: int, total: int) -> None:
        """A trial has ended, and its record is on the disk."""

    def note(self, text: str) -> None:
        """Something else happened, described by `text`."""


@dataclass(frozen=True)
class Job:
    """A run to be made or resumed."""

    directory: Path
    run: Run
    entries: Entries
    reference: str = REFERENCE
    ended: Sequence[Trial] = ()
    """The trials on disk, if the run is resumed."""


@dataclass(frozen=True)
class MoreRounds:
    """When rounds are added to those that were planned."""

    enough: Callable[[RunData], str | None]
    """Returns why no more rounds are needed; None if they are."""
    time_budget_seconds: float
    """Of the whole run: a launch that would take longer isn't begun."""


class Runner:
    """Makes one run."""

    def __init__(self, job: Job, *, launch: Launch, observer: Observer, clock: Callable[[], float] = time.perf_counter) -> None:
        self._job = job
        self._observer = observer
        self._clock = clock
        self._workers = WorkerPool(launch)
        self._requests = RequestBuilder(job.directory, threads=job.run.threads, reference=job.reference)
        self._inputs = InputFiles(job.run.inputs)
        self._planned = plan(job.entries, seed=job.run.seed, reference=job.reference)
        self._ended = {key_of(trial) for trial in job.ended}
        self._options: dict[Place, Mapping[str, Any]] = {
            _tuned(trial): trial.details.get("options", {}) for trial in job.ended if trial.kind == "tune"
        }
        self._skip_rules: list[SkipRule] = [
            RepeatedFailures(),
            ScalingCutoff({spec.name for _, specs in job.entries for spec in specs if spec.learns}),
        ]
        self._agreement = Agreement()
        for trial in job.ended:
            self._observe(trial)
        self._durations = Durations()

    def run(self, more: MoreRounds | None = None) -> Run:
        """Run the planned trials that haven't ended, then `more` rounds; return the run's record, as `run.json` has it.

        Ctrl-C and a failure to write to the disk end the run; every trial that has ended is kept.
        """
        started = self._clock()
        status: Status
        try:
            write_run(self._job.directory, self._job.run.model_copy(update={"status": "running"}))
            self._plan_rounds_added_before()
            self._run_all()
            reason = "all planned rounds are done" if more is None else self._add_rounds(more, started)
            status = "complete"
        except KeyboardInterrupt:
            status, reason = "interrupted", "interrupted"
        except OSError as error:
            status, reason = "interrupted", f"{error.filename or self._job.directory}: {error.strerror or error}"
        except RecordError as error:  # the folder has gone, or somebody else writes into it
            status, reason = "interrupted", str(error)
        finally:
            self._workers.close()
        return self._finish(status, reason, self._clock() - started)

    def _finish(self, status: Status, reason: str, seconds: float) -> Run:
        elapsed = (self._job.run.elapsed_seconds or 0.0) + seconds
        run = self._job.run.model_copy(update={"status": status, "stop_reason": reason, "elapsed_seconds": elapsed})
        try:
            if status == "complete":
                clear_scratch(self._job.directory)
            write_run(self._job.directory, run)
        except OSError as error:
            self._observer.note(f"run.json still says that the run goes on: {error.strerror or error}")
        return run

    def _plan_rounds_added_before(self) -> None:
        """Plan the rounds that a resumed run had added before it was killed."""
        last = max((trial.launch for trial in self._job.ended), default=0)
        while last > max((planned.launch for planned in self._planned), default=last):
            self._planned += extra_rounds(self._job.entries, self._planned, seed=self._job.run.seed)

    def _add_rounds(self, more: MoreRounds, started: float) -> str:
        """Add launches until no more are needed; return why none was added after that."""
        while (reason := more.enough(read_run(self._job.directory))) is None:
            extra = extra_rounds(self._job.entries, self._planned, seed=self._job.run.seed)
            if not extra:
                return "no workload has rounds that more could be added to"
            seconds = self._durations.total(extra) or 0.0
            if self._clock() - started + seconds > more.time_budget_seconds:
                return (
                    f"the time budget of {more.time_budget_seconds:.0f} s ended before the headline ratios were precise enough: "
                    f"another launch would have taken about {seconds:.0f} s"
                )
            self._planned += extra
            if not self._run_all():
                return "no contestant is left that trains"
        return reason

    def _run_all(self) -> int:
        """Run the planned trials that haven't ended; return how many of them succeeded."""
        return sum(self._run_one(planned) for planned in self._planned if planned.key not in self._ended)

    def _run_one(self, planned: PlannedTrial) -> bool:
        waiting = [other for other in self._planned if other.key not in self._ended]
        total, done = len(self._planned), len(self._planned) - len(waiting)
        self._observer.started(planned, done, total, self._durations.total(waiting))
        started, started_at, meter = self._clock(), now(), SystemLoadMeter()
        self._workers.begin_launch(planned.launch)
        threads = self._requests.threads_of(planned)
        meter.start(self._workers.pid(planned, threads))
        self._inputs.check()
        outcome = self._agreement.judge(planned, self._skipped(planned) or self._try(planned))
        load = meter.stop(self._workers.pid(planned, threads))
        self._ended.add(planned.key)
        if outcome.status in ("failed", "timeout"):
            self._workers.dismiss(planned)
        trial = self._record(planned, outcome, started_at, load)
        if planned.kind == "tune":
            self._options[_place(planned)] = trial.details.get("options", {})
        if planned.kind != "tune" or outcome.figures or outcome.error:  # a contestant may have nothing to tune
            append_trial(self._job.directory, trial)
            self._observe(trial)
            self._observer.ended(trial, done + 1, total)
        self._durations.add(planned, self._clock() - started)
        return trial.status == "ok"

    def _observe(self, trial: Trial) -> None:
        self._agreement.observe(trial)
        for rule in self._skip_rules:
            rule.observe(trial)

    def _skipped(self, planned: PlannedTrial) -> Outcome | None:
        """Return the outcome of a trial that a rule skips; None if it is to run."""
        reasons = (rule.reason(planned) for rule in self._skip_rules)
        reason = next((text for text in reasons if text is not None), None)
        return None if reason is None else Outcome("skipped", error=reason)

    def _try(self, planned: PlannedTrial) -> Outcome:
        request = self._requests.request(planned, self._settings(planned))
        worker = self._workers.worker(planned, request.task.threads)
        return worker.run(request, planned.workload.time_limit_seconds)

    def _settings(self, planned: PlannedTrial) -> Mapping[str, Any]:
        """Return what the contestant chose for this cell; in a workload without timed rounds, what it chose last elsewhere."""
        if planned.workload.rounds > 0:
            return self._options.get(_place(planned), {})
        chosen = [options for (_, name, _), options in self._options.items() if name == planned.spec.name]
        return chosen[-1] if chosen else {}

    def _record(self, planned: PlannedTrial, outcome: Outcome, started_at: str, load: dict[str, float]) -> Trial:
        """Return the record of a trial; an answer that can't be one makes the trial a failed one."""
        try:
            return self._trial(planned, outcome, started_at, load)
        except ValidationError as error:
            reason = f"its answer can't be recorded: {first_mistake(error, Trial)}"
            return self._trial(planned, Outcome("failed", error=reason), started_at, load)

    def _trial(self, planned: PlannedTrial, outcome: Outcome, started_at: str, load: dict[str, float]) -> Trial:
        return Trial(
            run_id=self._job.run.run_id,
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
            threads=self._requests.threads_of(planned),
            started_at=started_at,
            load=load,
            **outcome.figures,
        )


def _place(planned: PlannedTrial) -> Place:
    return _place_of(planned.key)


def _tuned(trial: Trial) -> Place:
    return _place_of(key_of(trial))


def _place_of(key: TrialKey) -> Place:
    workload, contestant, _kind, _seed, _round, point = key
    return workload, contestant, point
