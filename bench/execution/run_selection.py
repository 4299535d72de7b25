"""Run selection: from the command line's options to a job for the runner, all checked before anything is measured.

Called by `bench.cli.app`. Each mistake is a ValueError of one line.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bench.contestants.registry import CONTESTANTS, Spec, find, find_all
from bench.error_messages import may_be, named_twice, one_line, short
from bench.execution import environment, input_files
from bench.execution.runner import Job
from bench.execution.schedule import Entries, plan
from bench.execution.unanswered import check_film, unanswered
from bench.records import REFERENCE, RUN_FILE, TRIALS_FILE, ContestantRecord, Run, RunData, RunReader
from bench.records.validation_errors import first_mistake
from bench.workloads.builtin import QUICK_CONTESTANTS, QUICK_WORKLOADS, WORKLOADS, quick_version
from bench.workloads.data_notes import data_notes
from bench.workloads.models import MOST_ROUNDS, MOST_SEEDS, Workload
from bench.workloads.toml_files import find_workload
from bench.workloads.validation import check, check_trainings

FILM_FRAMES = 40
"""Of `--film`."""


@dataclass(frozen=True)
class RunOptions:
    """The options of `bench run`; None and empty mean that an option was not given."""

    workloads: Sequence[str] = ()
    contestants: Sequence[str] = ()
    seeds: int | None = None
    rounds: int | None = None
    threads: int | None = None
    quick: bool = False
    film: bool = False


def new_job(options: RunOptions, directory: Path, command: Sequence[str]) -> Job:
    """Return a new run; contestants that aren't installed are left out, unless the options name them.

    Raises
    ------
    ValueError
        If an option is invalid: one line with what it was and what it may be.

    """
    threads = _threads(options.threads)
    _check_count("--seeds", options.seeds, MOST_SEEDS)
    _check_count("--rounds", options.rounds, MOST_ROUNDS)
    workloads = [_shaped(workload, options, threads) for workload in _workloads(options.workloads, quick=options.quick)]
    asked = find_all(options.contestants)
    for spec in asked:
        if spec.missing:
            raise ValueError(f"contestant {spec.name!r} lacks {', '.join(spec.missing)}: install it by  {spec.install}")
    wanted = [(workload, _contestants(workload, asked, named=bool(options.workloads))) for workload in workloads]
    for spec in asked:
        if all(spec not in specs for _, specs in wanted):
            raise ValueError(f"contestant {spec.name!r} runs in {', '.join(spec.workloads)} only, which isn't asked for")
    entries, notes = _entries(wanted)
    if not entries:
        raise ValueError(f"there is nothing to measure: {'; '.join(notes)}")
    if options.film:
        check_film(entries)
    notes += unanswered(entries, seeds=options.seeds, rounds=options.rounds)
    try:
        inputs = input_files.describe(entries, [Path(text).expanduser() for text in options.workloads if text not in WORKLOADS])
    except OSError as error:
        raise ValueError(f"{error.filename} can't be read: {one_line(error.strerror)}") from error
    notes += [f"{workload.name}: {line}" for workload, _ in entries for line in data_notes(workload.data)]
    run = Run(
        run_id=f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}",
        command=list(command),
        quick=options.quick,
        seed=secrets.randbits(32),
        threads=threads,
        workloads=[workload.model_dump(mode="json") for workload, _ in entries],
        contestants=[contestant_record(spec) for spec in {spec.name: spec for _, specs in wanted for spec in specs}.values()],
        environment=environment.describe(threads),
        inputs=inputs,
        sources_sha256=input_files.sources_sha256(),
        notes=notes,
    )
    return Job(directory, run, entries, records=RunReader(directory))


def resumed_job(data: RunData, reader: RunReader | None = None) -> Job:
    """Return the rest of a run that was interrupted or killed; `reader` has read it, and goes on from there.

    Raises
    ------
    ValueError
        If one of its contestants is no longer installed, a file that it reads has changed, or its records can't be this program's.

    """
    run = data.run
    place = data.directory / RUN_FILE
    if found := input_files.differences(run):
        raise ValueError(f"{'; '.join(found)}; {input_files.WAYS_ON}")
    workloads = [_recorded_workload(fields, place) for fields in run.workloads]
    records = {record.name: record for record in run.contestants if not record.missing}
    for workload in workloads:
        for name in workload.contestants or []:
            if name not in records:
                raise ValueError(f"{place}: workload {workload.name!r} has the contestant {name!r}: {may_be(name, records)}")
    specs = {name: _found_again(record) for name, record in records.items()}
    entries = [(workload, [specs[name] for name in workload.contestants or []]) for workload in workloads]
    _check_launches(data, entries)
    here = environment.describe(run.threads)
    changed = [
        name
        for name in ("cpu", "cores", "operating_system", "python", "versions", "blas")
        if getattr(here, name) != getattr(run.environment, name)
    ]
    note = f"resumed {here.date}" + (f"; since the run began, there is another {', another '.join(changed)}" if changed else "")
    if run.sources_sha256 is None:
        note += "; it has no hashes of its files and code, so what it began with can't be compared with what is here"
    return Job(data.directory, run.model_copy(update={"notes": [*run.notes, note]}), entries, ended=data.trials, records=reader)


def _recorded_workload(fields: dict[str, Any], place: Path) -> Workload:
    try:
        workload = Workload.model_validate(fields)
        names = [name if name in CONTESTANTS else f"own.py:{name}" for name in workload.contestants or []]
        check(workload.model_copy(update={"contestants": names or None}))
    except ValidationError as error:
        raise ValueError(f"{place}: {first_mistake(error, Workload, str(fields['name']))}") from None
    except ValueError as error:
        raise ValueError(f"{place}: workload {fields['name']!r}: {one_line(error)}") from None
    return workload


def _check_launches(data: RunData, entries: Entries) -> None:
    """Check that no trial is of a launch that can't be: each launch beyond the planned ones has a trial at least."""
    planned = max((trial.launch for trial in plan(entries, seed=data.run.seed)), default=0)
    for trial in data.trials:
        if trial.launch > planned + len(data.trials):
            raise ValueError(
                f"{data.directory / TRIALS_FILE} has a trial with launch {trial.launch}: with {len(data.trials)} trials it may be "
                f"{planned + len(data.trials)} at most"
            )


def _threads(asked: int | None) -> int:
    cores = environment.cores()
    if asked is not None and not 1 <= asked <= cores:
        raise ValueError(f"--threads was {asked}: it may be 1 to {cores}, the cores that this process may use")
    return cores if asked is None else asked


def _check_count(option: str, count: int | None, most: int) -> None:
    if count is not None and not 1 <= count <= most:
        raise ValueError(f"{option} was {short(count)}: it may be 1 to {most:,}")


def _workloads(texts: Sequence[str], *, quick: bool) -> list[Workload]:
    """Return the named workloads; by default all built-in ones but the scaling studies, which take longer than all others."""
    if not texts and quick:
        return [WORKLOADS[name].model_copy(update={"parts": False}) for name in QUICK_WORKLOADS]
    if not texts:
        return [workload for workload in WORKLOADS.values() if not workload.grid]
    workloads = [find_workload(text) for text in texts]
    for index, workload in enumerate(workloads):
        if clash := named_twice(workload.name, [other.name for other in workloads[:index]]):
            raise ValueError(f"workload {clash}")
    return workloads


def _shaped(workload: Workload, options: RunOptions, threads: int) -> Workload:
    """Return the workload with the seeds, rounds, epochs and threads of the options, where it has any."""
    shaped = quick_version(workload) if options.quick else workload
    changes: dict[str, Any] = {}
    if options.quick and not options.contestants and shaped.contestants is None:
        changes["contestants"] = list(QUICK_CONTESTANTS)
    if "threads" in shaped.grid:
        changes["grid"] = {**shaped.grid, "threads": sorted({min(count, threads) for count in shaped.grid["threads"]})}
    if options.film and not shaped.grid:
        changes["film_frames"] = FILM_FRAMES
    if options.seeds is not None:
        changes["scored_seeds"] = options.seeds if shaped.scored_seeds else 0
        changes["peer_scored_seeds"] = min(shaped.peer_scored_seeds, options.seeds)
    if options.rounds is not None:
        changes["rounds"] = options.rounds if shaped.rounds else 0
    shaped = shaped.model_copy(update=changes)
    check_trainings(shaped)
    return shaped


def _contestants(workload: Workload, asked: Sequence[Spec], *, named: bool) -> list[Spec]:
    """Return the contestants of a workload, installed or not; one with its own keeps to them, unless it was `named`."""
    if workload.contestants is not None and not (asked and named):
        return [spec for spec in find_all(workload.contestants) if not asked or spec in asked]
    return [spec for spec in asked or CONTESTANTS.values() if not spec.workloads or workload.name in spec.workloads]


def _entries(wanted: Entries) -> tuple[list[tuple[Workload, list[Spec]]], list[str]]:
    """Return what can be measured here, each workload with its contestants in its record, and notes on what can't."""
    entries: list[tuple[Workload, list[Spec]]] = []
    missing: dict[str, Spec] = {}
    notes: list[str] = []
    for workload, specs in wanted:
        present = [spec for spec in specs if not spec.missing]
        missing |= {spec.name: spec for spec in specs if spec.missing}
        if workload.parity and REFERENCE not in [spec.name for spec in present]:
            notes.append(f"{workload.name}: no parity, since {REFERENCE}, which it is measured against, takes no part")
        if plan([(workload, present)], seed=0):
            entries.append((workload.model_copy(update={"contestants": [spec.name for spec in present]}), present))
        else:
            notes.append(f"{workload.name}: left out, since none of its contestants has anything to do")
    install = [
        f"{spec.name} is left out: {', '.join(spec.missing)} is missing, install it by  {spec.install}" for spec in missing.values()
    ]
    return entries, notes + install


def contestant_record(spec: Spec) -> ContestantRecord:
    """Return what a run records of a contestant."""
    return ContestantRecord(
        name=spec.name,
        summary=spec.summary,
        batch_order=spec.batch_order,
        clock_includes=spec.clock_includes,
        parity=spec.parity,
        peer=spec.peer,
        trains=spec.trains,
        missing=spec.missing,
        install=spec.install,
        target=spec.target,
    )


def _found_again(record: ContestantRecord) -> Spec:
    spec = find(record.name if record.name in CONTESTANTS else record.target)
    if spec.missing:
        raise ValueError(f"contestant {spec.name!r} of this run lacks {', '.join(spec.missing)}: install it by  {spec.install}")
    return spec
