"""Runs the trials of a plan and records them; resumes a run; adds launches of turns.

Trials with a clock run one at a time, turns among the workers of a launch, trials without a clock on all cores. Called by the
command line, which passes in what to measure with, an observer, and what ends the run. `bench.execution.schedule` makes the plan,
`bench.execution.skip_rules` decide which trials are skipped, and an executor of `bench.execution.executors` has them run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Literal

from bench.execution.agreement import Agreement
from bench.execution.chosen_options import ChosenOptions
from bench.execution.durations import Durations, TimeLeft, WaitingTrials
from bench.execution.ensembles import Ensembles
from bench.execution.environment import now
from bench.execution.executors.local import LocalExecutor
from bench.execution.executors.work import Answer, Assignment, Executor, ExecutorLostError, Work
from bench.execution.fast_paths import FastPaths
from bench.execution.input_files import ChangedInputError, InputFiles
from bench.execution.messages import Request
from bench.execution.observer import Observer
from bench.execution.request_builder import RequestBuilder
from bench.execution.run_directory import clear_leftovers
from bench.execution.run_job import Job, Limits, Machine, Wanted
from bench.execution.schedule import UNTIMED, PlannedTrial, TrialKey, added_launch, groups, key_of, plan
from bench.execution.side_by_side import run_side_by_side
from bench.execution.skip_rules import RepeatedFailures, ScalingCutoff, SkipRule
from bench.execution.time_plan import Shares, TimePlan
from bench.execution.trial_records import record_of
from bench.execution.worker_process import Outcome
from bench.files import in_words
from bench.records import HEADLINE_REFERENCES, OURS, RecordError, Run, RunReader, Trial, TrialWriter, write_run

__all__ = ["Job", "Limits", "Machine", "Runner", "Wanted"]

Status = Literal["complete", "interrupted"]
HEADLINE = (OURS, *HEADLINE_REFERENCES)
"""The contestants that a launch of turns keeps where there is no time for all."""
LIKELY_WEIGHT = 10
"""Of the likely number of launches, in launches."""
NO_LIMITS = Limits()


class Runner:
    """Makes one run."""

    def __init__(self, job: Job, machine: Machine, observer: Observer) -> None:
        self._job = job
        self._machine = machine
        self._observer = observer
        self._clock = machine.clock
        self._executor: Executor = job.executor or LocalExecutor(machine.launch, lambda: machine.rounds, machine.places)
        self._requests = RequestBuilder(job.directory, threads=job.run.threads, reference=job.reference, quick=job.run.quick)
        self._inputs = InputFiles(job.run.inputs)
        self._records = job.records or RunReader(job.directory)
        self._writer = TrialWriter(job.directory)
        self._planned = plan(job.entries, seed=job.run.seed, reference=job.reference)
        self._options = ChosenOptions()
        self._skip_rules: list[SkipRule] = [
            RepeatedFailures(),
            ScalingCutoff({spec.name for _, specs in job.entries for spec in specs if spec.learns}),
        ]
        self._fast_paths = FastPaths(job.entries, job.reference)
        self._agreement = Agreement()
        self._distrusted: set[str] = set()
        """Contestants whose last answer wasn't believed."""
        for trial in job.ended:
            self._options.observe(trial)
            self._observe(trial)
        machine.rounds.add_earlier([turn for trial in job.ended if trial.machine is None for turn in trial.turns or []])
        self._began: dict[TrialKey, tuple[float, str]] = {}
        self._share_of: dict[TrialKey, float] = {}
        self._left_out: set[TrialKey] = set()
        self._adds_launches = False
        ended = {key_of(trial): trial for trial in job.ended}
        waiting = [planned for planned in self._planned if planned.key not in ended]
        self._known = self._planned + self._added_earlier(ended)
        self.time_plan = TimePlan(
            waiting,
            places=self._executor.places,
            slowness=machine.slowness,
            quick=job.run.quick,
            ended=[planned for planned in self._known if planned.key in ended],
        )
        self._durations = Durations(self.time_plan.seconds)
        self._waiting = {planned.key: planned for planned in waiting}
        self._ensembles = Ensembles(waiting)
        self._ahead = WaitingTrials(self._durations, waiting)
        self._likely_launches: Sequence[float] = ()
        """The seconds of each launch that is likely to be added to those that wait."""

    def run(self, limits: Limits = NO_LIMITS) -> Run:
        """Run the planned trials that haven't ended, then added launches; return the run's record, as `run.json` has it.

        Ctrl-C, a failure to write to the disk and an executor that is gone end the run; every trial that has ended is kept.
        """
        started = self._clock()
        budget = limits.time_budget_seconds if limits.cuts_plan else math.inf
        self._shares = Shares(self.time_plan, budget, elapsed := lambda: self._clock() - started + limits.spent_seconds)
        self._likely_launches = [] if limits.wanted is None else self.time_plan.likely_launches
        self._time_left = TimeLeft(self._ahead, self.time_plan, elapsed, limits.time_budget_seconds, limits.cuts_plan)
        status: Status
        try:
            write_run(self._job.directory, self._job.run.model_copy(update={"status": "running"}))
            self._run_all(list(self._waiting.values()))
            reason = self._add_launches(limits, elapsed)
            status = "complete"
        except KeyboardInterrupt:
            status, reason = "interrupted", "interrupted"
        except ExecutorLostError as error:
            status, reason = "interrupted", str(error)
        except ChangedInputError as error:
            status, reason = "interrupted", str(error.strerror)
        except OSError as error:
            status, reason = "interrupted", in_words(error) if error.filename else f"{self._job.directory}: {in_words(error)}"
        except RecordError as error:  # the folder has gone, or somebody else writes into it
            status, reason = "interrupted", str(error)
        finally:
            self._executor.close()
        return self._finish(status, reason, self._clock() - started)

    def _finish(self, status: Status, reason: str, seconds: float) -> Run:
        """Write and return the record of the run, which isn't complete if that or its last trials can't be put on the disk."""
        try:
            self._writer.close()
        except OSError as error:
            status, reason = "interrupted", "; ".join(filter(None, [reason, in_words(error)]))
        elapsed = (self._job.run.elapsed_seconds or 0.0) + seconds
        reasons = [reason] if reason else []
        if self._left_out:
            trials = "trial" if len(self._left_out) == 1 else "trials"
            reasons.append(f"for {len(self._left_out)} planned {trials} there was no time: --resume runs them")
        why = "; ".join(reasons) or "all planned rounds are done"
        run = self._job.run.model_copy(update={"status": status, "stop_reason": why, "elapsed_seconds": elapsed})
        with suppress(OSError, RecordError):  # they do no harm
            clear_leftovers(self._job.directory, scratch=status == "complete" and not self._left_out)
        try:
            write_run(self._job.directory, run)
        except OSError as error:
            why = f"run.json still says that it goes on: {in_words(error)}"
            return run.model_copy(update={"status": "interrupted", "stop_reason": why})
        return run

    def _add_launches(self, limits: Limits, elapsed: Callable[[], float]) -> str:
        """Add launches of turns until no more are needed; return why none was added after that, if any were to be."""
        if limits.wanted is None:
            return ""
        self._adds_launches = True
        while not isinstance(wanted := limits.wanted(self._records.read()), str):
            added = self._added(wanted)
            if not added:
                return "no contestant is left that trains"
            for planned, seconds in zip(added, self.time_plan.seconds_of_launch(added), strict=True):
                self._durations.expect(planned, seconds)
            seconds = self._durations.total(added) or 0.0
            if elapsed() + seconds + self.time_plan.report_seconds > limits.time_budget_seconds:
                return (
                    f"the time budget of {limits.time_budget_seconds:.0f} s ended before the ratios were precise enough: "
                    f"another launch would have taken about {seconds:.0f} s"
                )
            self._likely_launches = self._launches_after(added, wanted)
            self._planned += added
            self._known += added
            self._waiting |= {planned.key: planned for planned in added}
            self._ahead.add(added)
            if not self._run_all(added):
                return "no contestant is left that trains"
        return wanted

    def _launches_after(self, added: Sequence[PlannedTrial], wanted: Wanted) -> list[float]:
        """Return the expected seconds of each launch after this one.

        What launches differ by says little while there are few: how many are needed is between what it says and what is likely.
        """
        more: dict[TrialKey, int] = {}
        for planned in added:
            name, workload = planned.spec.name, planned.workload.name
            have = sum((one.kind, one.workload.name, one.spec.name) == ("turns", workload, name) for one in self._known)
            needed = have + wanted.launches.get(name, 1)
            likely = self.time_plan.likely(planned)
            more[planned.key] = round((needed * have + likely * LIKELY_WEIGHT) / (have + LIKELY_WEIGHT)) - have - 1
        ours = [planned for planned in added if planned.spec.name == OURS]
        others = {planned.key: planned for planned in added if planned.spec.name != OURS}
        return [
            self._durations.total([*ours, *(one for key, one in others.items() if more[key] > number)]) or 0.0
            for number in range(max((more[key] for key in others), default=0))
        ]

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
        by_name = {(workload.name, spec.name): (workload, spec) for workload, specs in self._job.entries for spec in specs}
        return [
            PlannedTrial(*by_name[trial.workload, trial.contestant], "turns", trial.seed, trial.round, trial.launch)
            for key, trial in ended.items()
            if trial.kind == "turns" and key not in keys and (trial.workload, trial.contestant) in by_name
        ]

    def _run_all(self, trials: Sequence[PlannedTrial]) -> int:
        """Run trials in their order; return how many of them succeeded."""
        return sum(self._run_group(group) for group in groups(trials))

    def _run_group(self, group: Sequence[PlannedTrial]) -> int:
        if group[0].kind in UNTIMED:
            self._succeeded = 0
            run_side_by_side(group, self, self._executor)
            return self._succeeded
        if group[0].kind == "turns":
            return self._run_turns(group)
        return self._run_one(group[0])

    def _run_one(self, planned: PlannedTrial) -> bool:
        if not self._may_begin(planned):
            return False
        skipped = self._skipped(planned)
        return self._end(planned, self._answer(Work([self._assignment(planned)])) if skipped is None else Answer([skipped]))

    def _assignment(self, planned: PlannedTrial) -> Assignment:
        anew = planned.spec.name in self._distrusted
        self._distrusted.discard(planned.spec.name)
        return Assignment(planned, self._request(planned), anew)

    def _answer(self, work: Work) -> Answer:
        return self._executor.submit(work).result()

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
        skipped = [(planned, outcome) for planned in group if (outcome := self._skipped(planned)) is not None]
        for planned, outcome in skipped:
            self._end(planned, Answer([outcome]))
        able = [planned for planned in group if planned.key in self._waiting]
        if not able:
            return 0
        assignments, seed = [self._assignment(planned) for planned in able], f"{self._job.run.seed} {group[0].key}"
        answer = self._answer(Work(assignments, seed, starts_alone=self._cold_starts_count))
        self._share_of |= zip([planned.key for planned in able], self._durations.shares(able), strict=True)
        ended = zip(able, answer.outcomes, strict=True)
        succeeded = sum(self._end(planned, replace(answer, outcomes=[outcome])) for planned, outcome in ended)
        self._observer.launch_ended(group[0].workload.name)
        return succeeded

    @property
    def _cold_starts_count(self) -> bool:
        """Whether the contestants of a launch are made ready one after the other: in the planned launches of a whole run."""
        return not (self._adds_launches or self._job.run.quick)

    def is_awaited(self, planned: PlannedTrial) -> bool:
        """See `side_by_side.Trials`."""
        return self._fast_paths.is_awaited(planned) or self._ensembles.is_awaited(planned)

    def waits_for(self, planned: PlannedTrial, other: PlannedTrial) -> bool:
        """See `side_by_side.Trials`."""
        return self._fast_paths.waits_for(planned, other) or self._ensembles.waits_for(planned, other)

    def begin(self, planned: PlannedTrial) -> Work | Answer | None:
        """See `side_by_side.Trials`."""
        if not self._may_begin(planned):
            return None
        skipped = self._skipped(planned)
        return self._ensembles.begin(planned, self._request) if skipped is None else Answer([skipped])

    def end(self, planned: PlannedTrial, answer: Answer) -> None:
        """See `side_by_side.Trials`."""
        skipped = self._skipped(planned)  # by what has ended since it began
        answer = self._ensembles.received(planned, answer)
        self._succeeded += self._end(planned, answer if skipped is None else Answer([skipped]))

    def _may_begin(self, planned: PlannedTrial, seconds: float | None = None) -> bool:
        """Note that a trial begins, unless there is no time for it, or for the `seconds` of its launch."""
        if not self._shares.allow(planned, seconds or self._durations.of(planned) or 0.0):
            self._leave_out([planned])
            return False
        self._inputs.check()
        self._began[planned.key] = self._clock(), now()
        self._observer.started(planned, self._done, len(self._planned), self._time_left.seconds(self._likely_launches))
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

    def _end(self, planned: PlannedTrial, answer: Answer) -> bool:
        """Record a trial that has ended; return whether it succeeded."""
        began, began_at = self._began.pop(planned.key)
        threads = self._requests.threads_of(planned)
        outcome = self._agreement.judge(planned, answer, threads=threads)
        del self._waiting[planned.key]
        self._ahead.remove(planned)
        if outcome.status == "failed":
            self._distrusted.add(planned.spec.name)
        trial = record_of(planned, outcome, answer, run_id=self._job.run.run_id, threads=threads, started_at=began_at)
        self._options.observe(trial)
        if planned.kind != "tune" or outcome.figures or outcome.error:  # a contestant may have nothing to tune
            self._writer.append(trial)
            self._observe(trial)
            self._observer.ended(trial, self._done, len(self._planned))
        share = 1 / self._executor.places if planned.kind in UNTIMED else self._share_of.pop(planned.key, 1.0)
        self._durations.add(planned, share * (self._clock() - began))
        return trial.status == "ok"

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
        request = self._requests.request(planned, self._options.of(planned))
        faster = self._fast_paths.of(planned)
        if faster is None:
            return request
        options = self._options.of(replace(planned, spec=faster))
        return replace(request, target=faster.target, task=replace(request.task, options=options))
