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

from bench.contestants.registry import CONTESTANTS, Spec, find, find_all
from bench.execution import environment
from bench.execution.runner import Job
from bench.execution.schedule import Entries, plan
from bench.records import REFERENCE, ContestantRecord, Run, RunData
from bench.workloads.builtin import WORKLOADS, quick_version
from bench.workloads.models import Workload
from bench.workloads.toml_files import find_workload

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
    workloads = [_shaped(workload, options, threads) for workload in _workloads(options.workloads)]
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
    run = Run(
        run_id=f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}",
        command=list(command),
        quick=options.quick,
        seed=secrets.randbits(32),
        threads=threads,
        workloads=[workload.model_dump(mode="json") for workload, _ in entries],
        contestants=[_record(spec) for spec in {spec.name: spec for _, specs in wanted for spec in specs}.values()],
        environment=environment.describe(threads),
        notes=notes,
    )
    return Job(directory, run, entries)


def resumed_job(data: RunData) -> Job:
    """Return the rest of a run that was interrupted or killed.

    Raises
    ------
    ValueError
        If one of its contestants is no longer installed.

    """
    run = data.run
    specs = {record.name: _found_again(record) for record in run.contestants if not record.missing}
    workloads = [Workload.model_validate(fields) for fields in run.workloads]
    entries = [(workload, [specs[name] for name in workload.contestants or []]) for workload in workloads]
    here = environment.describe(run.threads)
    changed = [
        name
        for name in ("cpu", "cores", "operating_system", "python", "versions", "blas", "commit")
        if getattr(here, name) != getattr(run.environment, name)
    ]
    note = f"resumed {here.date}" + (f"; since the run began, there is another {', another '.join(changed)}" if changed else "")
    return Job(data.directory, run.model_copy(update={"notes": [*run.notes, note]}), entries, ended=data.trials)


def _threads(asked: int | None) -> int:
    cores = environment.cores()
    if asked is not None and not 1 <= asked <= cores:
        raise ValueError(f"--threads was {asked}: it may be 1 to {cores}, the cores that this process may use")
    return cores if asked is None else asked


def _workloads(texts: Sequence[str]) -> list[Workload]:
    """Return the named workloads; by default all built-in ones but the scaling studies, which take longer than all others."""
    if not texts:
        return [workload for workload in WORKLOADS.values() if not workload.grid]
    workloads = [find_workload(text) for text in texts]
    for index, workload in enumerate(workloads):
        if workload.name in [other.name for other in workloads[:index]]:
            raise ValueError(f"workload {workload.name!r} is named twice")
    return workloads


def _shaped(workload: Workload, options: RunOptions, threads: int) -> Workload:
    """Return the workload with the seeds, rounds, epochs and threads of the options, where it has any."""
    shaped = quick_version(workload) if options.quick else workload
    changes: dict[str, Any] = {}
    if "threads" in shaped.grid:
        changes["grid"] = {**shaped.grid, "threads": sorted({min(count, threads) for count in shaped.grid["threads"]})}
    if options.film and not shaped.grid:
        changes["film_frames"] = FILM_FRAMES
    if options.seeds is not None:
        changes["scored_seeds"] = options.seeds if shaped.scored_seeds else 0
        changes["peer_scored_seeds"] = min(shaped.peer_scored_seeds, options.seeds)
    if options.rounds is not None:
        changes["rounds"] = options.rounds if shaped.rounds else 0
    return shaped.model_copy(update=changes)


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


def _record(spec: Spec) -> ContestantRecord:
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
