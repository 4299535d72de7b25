"""Runs the trials of a plan and records them; resumes a run; adds launches of turns.

Trials with a clock run one at a time, turns among the workers of a launch, trials without a clock on all cores. Called by the
command line, which passes in what to measure with, an observer, and what ends the run.
`bench.execution.schedule` makes the plan, `bench.execution.skip_rules` decide which trials are skipped, and
`bench.execution.worker_process` handles processes.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from bench.analysis.precision import HEADLINE_REFERENCES
from bench.analysis.selection import OURS
from bench.execution.agreement import Agreement
from bench.execution.durations import Durations, TimeLeft, WaitingTrials
from bench.execution.environment import now
from bench.execution.fast_paths import FastPaths
from bench.execution.input_files import InputFiles
from bench.execution.messages import Request
from bench.execution.observer import Observer
from bench.execution.request_builder import RequestBuilder
from bench.execution.run_directory import clear_scratch
from bench.execution.schedule import UNTIMED, Entries, PlannedTrial, TrialKey, added_launch, groups, key_of, plan
from bench.execution.side_by_side import run_side_by_side
from bench.execution.skip_rules import RepeatedFailures, ScalingCutoff, SkipRule
from bench.execution.system_load import SystemLoadMeter
from bench.execution.time_plan import Shares, TimePlan
from bench.execution.trial_records import record_of
from bench.execution.turn_rounds import Participant, TurnRounds
from bench.execution.worker_pool import WorkerPool
from bench.execution.worker_process import Launch, Outcome
from bench.records import REFERENCE, RecordError, Run, RunData, RunReader, Trial, TrialWriter, write_run

Status = Literal["complete", "interrupted"]
HEADLINE = (OURS, *HEADLINE_REFERENCES)
"""The contestants that a launch of turns keeps where there is no time for all."""
Place = tuple[str, str, tuple[tuple[str, int], ...]]
"""Where the settings that a contestant chose apply: the workload, the contestant, the cell."""


@dataclass(frozen=True)
class Job:
    """A run to be made or resumed."""

    directory: Path
    run: Run
    entries: Entries
    reference: str = REFERENCE
    ended: Sequence[Trial] = ()
    """The trials on disk, if the run is resumed."""
    records: RunReader | None = None
    """What has read them, and goes on from there."""


@dataclass(frozen=True)
class Wanted:
    """Contestants of a workload whose ratios aren't known well enough yet."""

    workload: str
    contestants: Sequence[str]


@dataclass(frozen=True)
class Limits:
    """When a run ends."""

    wanted: Callable[[RunData], Wanted | str] | None = None
    """Returns who needs another launch, or why none is needed; None: only what is planned is run."""
    time_budget_seconds: float = math.inf
    """Of the whole run, the report included: a launch that would take longer isn't begun."""
    cuts_plan: bool = False
    """Whether planned trials are left out, too, where their part of the run has used up its share of the budget."""


@dataclass(frozen=True)
class Machine:
    """What a run measures with; a test has its own."""

    launch: Launch
    rounds: TurnRounds
    places: int
    """Trials without a clock that run at once."""
    slowness: float = 1.0
    """Of the machine, as `TimePlan` has it."""
    clock: Callable[[], float] = time.perf_counter


class Runner:
    """Makes one run."""

    def __init__(self, job: Job, machine: Machine, observer: Observer) -> None:
        self._job = job
        self._machine = machine
        self._observer = observer
        self._clock = machine.clock
        self._workers = WorkerPool(machine.launch)
        self._requests = RequestBuilder(job.directory, threads=job.run.threads, reference=job.reference, quick=job.run.quick)
        self._inputs = InputFiles(job.run.inputs)
        self._records = job.records or RunReader(job.directory)
        self._writer = TrialWriter(job.directory)
        self._planned = plan(job.entries, seed=job.run.seed, reference=job.reference)
        self._options: dict[Place, Mapping[str, Any]] = {}
        self._last_options: dict[str, Mapping[str, Any]] = {}
        for trial in job.ended:
            if trial.kind == "tune":
                self._tuned(key_of(trial), trial)
        self._skip_rules: list[SkipRule] = [
            RepeatedFailures(),
            ScalingCutoff({spec.name for _, specs in job.entries for spec in specs if spec.learns}),
        ]
        self._fast_paths = FastPaths(job.entries, job.reference)
        self._agreement = Agreement()
        for trial in job.ended:
            self._observe(trial)
        machine.rounds.add_earlier([turn for trial in job.ended for turn in trial.turns or []])
        self._began: dict[TrialKey, tuple[float, str]] = {}
        self._share_of: dict[TrialKey, int] = {}
        self._left_out: set[TrialKey] = set()
        self._adds_launches = False
        self._added_launches = 0
        ended = {key_of(trial): trial for trial in job.ended}
        waiting = [planned for planned in self._planned if planned.key not in ended]
        self.time_plan = TimePlan(waiting, places=machine.places, slowness=machine.slowness)
        self._durations = Durations(self.time_plan.seconds)
        self._waiting = {planned.key: planned for planned in waiting}
        self._ahead = WaitingTrials(self._durations, waiting)
        self._known = self._planned + self._added_earlier(ended)

    def run(self, limits: Limits = Limits()) -> Run:
        """Run the planned trials that haven't ended, then added launches; return the run's record, as `run.json` has it.

        Ctrl-C and a failure to write to the disk end the run; every trial that has ended is kept.
        """
        started = self._clock()
        budget = limits.time_budget_seconds if limits.cuts_plan else math.inf
        self._shares = Shares(self.time_plan, budget, elapsed := lambda: self._clock() - started)
        adds = limits.wanted is not None
        self._time_left = TimeLeft(
            self._ahead, self.time_plan, elapsed, limits.time_budget_seconds, adds_launches=adds, cuts_plan=limits.cuts_plan
        )
        status: Status
        try:
            write_run(self._job.directory, self._job.run.model_copy(update={"status": "running"}))
            self._run_all(list(self._waiting.values()))
            reason = self._add_launches(limits, started)
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
        if self._left_out:
            reason += f"; for {len(self._left_out)} planned trials there was no time: --resume runs them"
        run = self._job.run.model_copy(update={"status": status, "stop_reason": reason, "elapsed_seconds": elapsed})
        try:
            self._writer.close()
            if status == "complete" and not self._left_out:
                clear_scratch(self._job.directory)
            write_run(self._job.directory, run)
        except OSError as error:
            self._observer.note(f"run.json still says that the run goes on: {error.strerror or error}")
        return run

    def _add_launches(self, limits: Limits, started: float) -> str:
        """Add launches of turns until no more are needed; return why none was added after that."""
        if limits.wanted is None:
            return "all planned rounds are done"
        self._adds_launches = True
        while not isinstance(wanted := limits.wanted(self._records.read()), str):
            added = self._added(wanted)
            if not added:
                return "no contestant is left that trains"
            seconds = self._durations.total(added) or 0.0
            if self._clock() - started + seconds + self.time_plan.report_seconds > limits.time_budget_seconds:
                return (
                    f"the time budget of {limits.time_budget_seconds:.0f} s ended before the ratios were precise enough: "
                    f"another launch would have taken about {seconds:.0f} s"
                )
            self._planned += added
            self._added_launches += 1
            self._known += added
            self._waiting |= {planned.key: planned for planned in added}
            self._ahead.add(added)
            if not self._run_all(added):
                return "no contestant is left that trains"
        return wanted

    def _added(self, wanted: Wanted) -> list[PlannedTrial]:
        """Another launch of the contestants wanted, without those that a rule skips."""
        for workload, specs in self._job.entries:
            if workload.name == wanted.workload:
                launch = added_launch(workload, [spec for spec in specs if spec.name in wanted.contestants], self._known)
                return [planned for planned in launch if self._skipped(planned) is None]
        return []

    def _added_earlier(self, ended: Mapping[TrialKey, Trial]) -> list[PlannedTrial]:
        """Return what a resumed run had added before it was killed."""
        keys = {planned.key for planned in self._planned}
        by_name = {workload.name: (workload, specs[0]) for workload, specs in self._job.entries}
        return [
            PlannedTrial(*by_name[trial.workload], "turns", trial.seed, trial.round, trial.launch)
            for key, trial in ended.items()
            if trial.kind == "turns" and key not in keys
        ]

    def _run_all(self, trials: Sequence[PlannedTrial]) -> int:
        """Run trials in their order; return how many of them succeeded."""
        return sum(self._run_group(group) for group in groups(trials))

    def _run_group(self, group: Sequence[PlannedTrial]) -> int:
        if group[0].kind in UNTIMED:
            self._succeeded = 0
            self._workers.close()
            run_side_by_side(group, self, self._machine.launch, self._machine.places)
            return self._succeeded
        if group[0].kind == "turns":
            return self._run_turns(group)
        return self._run_one(group[0])

    def _run_one(self, planned: PlannedTrial) -> bool:
        if not self._may_begin(planned):
            return False
        self._workers.begin_launch(planned.launch)
        threads, meter = self._requests.threads_of(planned), SystemLoadMeter()
        canary_before_seconds = self._canary_seconds(planned)
        meter.start(self._workers.pid(planned, threads))
        outcome = self._skipped(planned) or self._workers.worker(planned, threads).run(
            self._request(planned), planned.workload.time_limit_seconds
        )
        load = meter.stop(self._workers.pid(planned, threads))
        if canary_before_seconds is not None:
            load |= {"canary_before_seconds": canary_before_seconds, "canary_after_seconds": self._machine.rounds.canary.seconds()}
        return self._end(planned, outcome, load)

    def _canary_seconds(self, planned: PlannedTrial) -> float | None:
        """Return what the canary says before a trial whose epochs are timed."""
        return self._machine.rounds.canary.seconds() if planned.kind == "timed" else None

    def _run_turns(self, group: Sequence[PlannedTrial]) -> int:
        """Run the turns of a launch: the contestants are made ready, one after the other, and take turns."""
        whole = group
        if not self._shares.allow(group[0], self._durations.total(group) or 0.0):  # time for the headline, perhaps
            group = [planned for planned in group if planned.spec.name in HEADLINE]
        seconds = self._durations.total(group)
        self._leave_out(planned for planned in whole if planned not in group)
        if not group or not all(self._may_begin(planned, seconds) for planned in group):
            self._leave_out(group)
            return 0
        self._workers.begin_launch(group[0].launch)
        skipped = [(planned, outcome) for planned in group if (outcome := self._skipped(planned)) is not None]
        for planned, outcome in skipped:
            self._end(planned, outcome)
        able = [planned for planned in group if planned.key in self._waiting]
        participants = self._participants(able)
        self._machine.rounds.take(participants, random.Random(f"{self._job.run.seed} {group[0].key}"))
        outcomes = [one.outcome() for one in participants]
        for one in participants:
            if one.stays_in_fit:
                self._workers.dismiss(one.planned)
        self._share_of |= {planned.key: len(able) for planned in able}  # the launch's seconds are divided among them
        succeeded = sum(self._end(planned, outcome) for planned, outcome in zip(able, outcomes, strict=True))
        self._observer.launch_ended(group[0].workload.name)
        return succeeded

    def _participants(self, able: Sequence[PlannedTrial]) -> list[Participant]:
        """Make the contestants of a launch ready: one after another where cold starts count, in added launches on all cores."""
        requests = [self._request(planned) for planned in able]
        if not self._adds_launches:
            return [*map(self._participant, able, requests)]
        for planned in able:  # here, since a worker ends with the thread that has started it
            self._workers.worker(planned, self._requests.threads_of(planned))
        with ThreadPoolExecutor(self._machine.places) as pool:
            try:
                return list(pool.map(self._participant, able, requests))
            except BaseException:  # Ctrl-C: what still starts is ended, so that the pool can end
                pool.shutdown(wait=False, cancel_futures=True)
                self._workers.close()
                raise

    def _participant(self, planned: PlannedTrial, request: Request) -> Participant:
        worker = self._workers.worker(planned, request.task.threads)
        ready = worker.run(request, planned.workload.time_limit_seconds)
        return Participant(planned, worker, ready, starts_alone=not self._adds_launches)

    def is_awaited(self, planned: PlannedTrial) -> bool:
        """See `side_by_side.Trials`."""
        return self._fast_paths.is_awaited(planned)

    def waits_for(self, planned: PlannedTrial, other: PlannedTrial) -> bool:
        """See `side_by_side.Trials`."""
        return self._fast_paths.waits_for(planned, other)

    def begin(self, planned: PlannedTrial) -> Request | Outcome | None:
        """See `side_by_side.Trials`."""
        if not self._may_begin(planned):
            return None
        return self._skipped(planned) or self._request(planned)

    def end(self, planned: PlannedTrial, outcome: Outcome) -> None:
        """See `side_by_side.Trials`."""
        self._succeeded += self._end(planned, outcome)

    def _may_begin(self, planned: PlannedTrial, seconds: float | None = None) -> bool:
        """Note that a trial begins, unless there is no time for it, or for the `seconds` of its launch."""
        if not self._shares.allow(planned, seconds or self._durations.of(planned) or 0.0):
            self._leave_out([planned])
            return False
        self._inputs.check()
        self._began[planned.key] = self._clock(), now()
        self._observer.started(planned, self._done, len(self._planned), self._time_left.seconds(self._added_launches))
        return True

    @property
    def _done(self) -> int:
        return len(self._planned) - len(self._waiting)

    def _leave_out(self, trials: Iterable[PlannedTrial]) -> None:
        """Note trials for which there is no time."""
        for planned in trials:
            if planned.key not in self._left_out:
                self._left_out.add(planned.key)
                self._ahead.remove(planned)

    def _end(self, planned: PlannedTrial, outcome: Outcome, load: Mapping[str, float] | None = None) -> bool:
        """Record a trial that has ended; return whether it succeeded."""
        began, began_at = self._began.pop(planned.key)
        outcome = self._agreement.judge(planned, outcome)
        del self._waiting[planned.key]
        self._ahead.remove(planned)
        if outcome.status in ("failed", "timeout"):
            self._workers.dismiss(planned)
        threads = self._requests.threads_of(planned)
        trial = record_of(planned, outcome, run_id=self._job.run.run_id, threads=threads, started_at=began_at, load=load or {})
        if planned.kind == "tune":
            self._tuned(planned.key, trial)
        if planned.kind != "tune" or outcome.figures or outcome.error:  # a contestant may have nothing to tune
            self._writer.append(trial)
            self._observe(trial)
            self._observer.ended(trial, self._done, len(self._planned))
        at_once = self._machine.places if planned.kind in UNTIMED else self._share_of.get(planned.key, 1)
        self._durations.add(planned, (self._clock() - began) / at_once)
        return trial.status == "ok"

    def _tuned(self, key: TrialKey, trial: Trial) -> None:
        """Note the settings that a contestant has chosen."""
        self._options[_place(key)] = self._last_options[trial.contestant] = trial.details.get("options", {})

    def _observe(self, trial: Trial) -> None:
        self._fast_paths.observe(trial)
        self._agreement.observe(trial)
        for rule in self._skip_rules:
            rule.observe(trial)

    def _skipped(self, planned: PlannedTrial) -> Outcome | None:
        """Return the outcome of a trial that a rule skips; None if it is to run."""
        reasons = (rule.reason(planned) for rule in self._skip_rules)
        reason = next((text for text in reasons if text is not None), None)
        return None if reason is None else Outcome("skipped", error=reason)

    def _request(self, planned: PlannedTrial) -> Request:
        request = self._requests.request(planned, self._settings(planned))
        faster = self._fast_paths.of(planned)
        if faster is None:
            return request
        options = self._settings(replace(planned, spec=faster))
        return replace(request, target=faster.target, task=replace(request.task, options=options))

    def _settings(self, planned: PlannedTrial) -> Mapping[str, Any]:
        """Return what the contestant chose for this cell; in a workload without timed rounds, what it chose last elsewhere."""
        if planned.workload.rounds > 0:
            return self._options.get(_place(planned.key), {})
        return self._last_options.get(planned.spec.name, {})


def _place(key: TrialKey) -> Place:
    workload, contestant, _kind, _seed, _round, point = key
    return workload, contestant, point
