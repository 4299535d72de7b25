"""The sections on method: warnings, failures, the environment and how to repeat the run.

Called by `bench.report.sections`. They are made from the records alone.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

from bench import escaping
from bench.records import TRIALS_FILE, RunData, Trial
from bench.report import units
from bench.report.document import Block, Bullets, Command, Paragraph, Section, Table

_LONGEST_ERROR = 200


def warnings(data: RunData, found: Sequence[str], problems: Sequence[str]) -> Section | None:
    """Everything that makes this run less trustworthy; None where nothing does."""
    items = [*found, *notes(data), *problems]
    if data.run.status != "complete":
        items.insert(0, f"The run's status is `{data.run.status}`: the report has only the trials that had ended.")
    if data.run.quick:
        items.insert(
            0, "This was a `--quick` run, with fewer seeds, rounds and epochs, and so with wider intervals. Don't quote it."
        )
    blocks: list[Block] = [Bullets(tuple(items))] if items else []
    if data.damaged:
        blocks.append(Paragraph("These lines could not be read, and are left out of all figures:"))
        blocks.append(Bullets(tuple(data.damaged)))
    if data.run.stop_reason:
        blocks.append(Paragraph(f"Measuring ended because: {data.run.stop_reason}."))
    return Section(f"Warnings and disturbances ({len(items) + len(data.damaged)})", tuple(blocks), folded=True) if blocks else None


def notes(data: RunData) -> list[str]:
    """The run's notes, without those on contestants that aren't installed, which have a section of their own and limit nothing."""
    missing = tuple(f"{record.name} is left out: " for record in data.run.contestants if record.missing)
    return [note for note in data.run.notes if not note.startswith(missing)]


def failures(data: RunData) -> Section | None:
    """Trials without a result, and contestants that aren't installed; None where there are none."""
    lost: dict[tuple[str, ...], list[Trial]] = {}
    for trial in data.trials:
        if trial.status in ("failed", "diverged", "timeout"):  # skipped trials are listed with the scaling map
            key = (trial.contestant, trial.workload, trial.kind, trial.status, _short(trial.error))
            lost.setdefault(key, []).append(trial)
    failed = Table(
        f"Trials without a result. They don't affect other trials; each has a line in `{TRIALS_FILE}`.",
        ("contestant", "workload", "kind", "status", "error", "trials", "seeds"),
        tuple(
            (*key, units.count(len(trials)), _distinct(str(trial.seed) for trial in trials)) for key, trials in sorted(lost.items())
        ),
        prose=True,
    )
    absent = [record for record in data.run.contestants if record.missing]
    missing = Table(
        "Contestants that aren't installed here, and how to install them.",
        ("contestant", "what it is", "missing", "install"),
        tuple((record.name, record.summary, ", ".join(record.missing), escaping.code(record.install)) for record in absent),
        prose=True,
    )
    blocks = tuple(table for table, there in ((failed, lost), (missing, absent)) if there)
    return Section("Failed and missing contestants", blocks, folded=True) if blocks else None


def environment(data: RunData) -> Section:
    """The machine and the libraries."""
    here = data.run.environment
    commit = "not a git checkout" if here.commit is None else here.commit + (", with uncommitted changes" if here.dirty else "")
    rows = (
        ("CPU", here.cpu),
        ("cores", units.count(here.cores)),
        ("memory", units.size(here.memory_bytes)),
        ("operating system", here.operating_system),
        ("Python", here.python),
        *((name, here.versions[name]) for name in sorted(here.versions)),
        ("BLAS", here.blas),
        ("BLAS threads", units.count(here.blas_threads)),
        ("threads asked for", units.count(data.run.threads)),
        ("commit", commit),
        ("date", here.date),
        ("load over the minute before", units.number(here.load_1min, 2)),
        ("clock resolution", units.seconds(here.clock_resolution_seconds)),
        ("the run took", units.seconds(data.run.elapsed_seconds)),
        ("run", data.run.run_id),
    )
    return Section("Environment", (Table("", ("what", "here"), rows, prose=True),), folded=True)


def how_to_repeat(data: RunData) -> Section:
    """The commands that repeat the run and the report."""
    return Section(
        "How to make it again",
        (
            Paragraph("Measure again:"),
            Command(shlex.join(data.run.command)),
            Paragraph(
                "Make the tables, plots and pages again, without measuring, from the records in `DIR`, the folder of this report:"
            ),
            Command("python -m bench report DIR"),
        ),
        folded=True,
    )


def _distinct(values: Iterable[str]) -> str:
    """The distinct values, the shortest first."""
    return ", ".join(sorted(set(values), key=lambda text: (len(text), text)))


def _short(error: str | None) -> str:
    text = " ".join((error or "no message").split())
    return escaping.code(text if len(text) <= _LONGEST_ERROR else text[: _LONGEST_ERROR - 1] + "…")
