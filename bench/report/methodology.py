"""The sections on method: fairness, warnings, failures, the environment, how to read the report and how to repeat the run.

Called by `bench.report.sections`. They are made from the records alone.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from bench.analysis.selection import FLOOR
from bench.analysis.timing import harness_share
from bench.records import REFERENCE, TRIALS_FILE, RunData, Trial
from bench.report import units
from bench.report.document import Bullets, Command, Paragraph, Section, Table
from bench.report.style import in_order

_LONGEST_ERROR = 200
_FAIRNESS_COLUMNS = (
    "contestant",
    "updates",
    "batch",
    "batch order",
    "precision",
    "threads",
    "first weights",
    "the clock includes",
    "the harness' share of it",
    "settings",
)

HOW_TO_READ = (
    f"Brackets after a median (for accuracy and loss, a mean) hold the ends of its {units.INTERVAL}. The interval covers the "
    "differences between rounds and between processes on this machine, and says nothing about other machines.",
    f"A ratio below {units.FRACTION_BELOW:g} is written as a fraction: 1/87 means an 87th of the time. Both figures of a ratio are "
    "from this run, paired by round. Ratios differ less between machines than seconds do.",
    "Cold start is the time from the start of the process to the end of the first step: imports, building, compiling. The first "
    "epoch is listed separately. Step and epoch are steady state; the whole fit is all epochs, without the cold start.",
    "The time to an accuracy starts with the process. Nothing is scored while the clock runs: the epoch that reaches a target is "
    "known from a separate trial with the same seed. A training that never reaches the target is censored, not dropped; if fewer "
    "than half reach it, the median is a dash.",
    f"Parity is the largest difference to `{REFERENCE}`, from the same first weights and over the same batches. In float64 about "
    "1e-16 is one rounding.",
    "The floor is the time of a step's matrix products alone, computed by NumPy's BLAS into preallocated arrays. It is the fastest "
    "of four memory layouts, each the same for the whole step, with whole or tiled products and the batch in one or several "
    "chunks. A network that makes transposed copies of its matrices may spend less on its products.",
    f"{units.ABSENT} means not measured. It never means zero.",
)


def fairness(data: RunData) -> Section:
    """What each contestant was given and what its clock covers, in a table per workload."""
    blocks = tuple(table for workload in data.run.workloads if (table := _fairness_table(data, workload)))
    intro = Paragraph(
        "What was the same for all contestants, and what differed. A contestant's row names what it can't share with the others."
    )
    return Section("Fairness", (intro, *(blocks or (Paragraph("Not measured in this run: no training ended."),))))


def warnings(data: RunData, found: Sequence[str], problems: Sequence[str]) -> Section:
    """Everything that makes this run less trustworthy."""
    items = [*found, *data.run.notes, *problems]
    if data.run.status != "complete":
        items.insert(0, f"The run's status is `{data.run.status}`: the report has only the trials that had ended.")
    if data.run.quick:
        items.insert(
            0, "This was a `--quick` run, with fewer seeds, rounds and epochs, and so with wider intervals. Don't quote it."
        )
    body = Bullets(tuple(items)) if items else Paragraph("None.")
    stop = (Paragraph(f"Measuring ended because: {data.run.stop_reason}."),) if data.run.stop_reason else ()
    return Section("Warnings and noise", (body, *stop))


def failures(data: RunData) -> Section:
    """Trials without a result, and contestants that aren't installed."""
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
        tuple((record.name, record.summary, ", ".join(record.missing), f"`{record.install}`") for record in absent),
        prose=True,
    )
    blocks = (
        failed if lost else Paragraph("No trial failed or ran out of time."),
        missing if absent else Paragraph("Every contestant of this run is installed."),
    )
    return Section("Failed and missing contestants", blocks)


def damaged_records(data: RunData) -> Section:
    """Lines of the records that couldn't be read."""
    if not data.damaged:
        return Section("Damaged records", (Paragraph("None: every line of the records could be read."),))
    intro = Paragraph("These lines could not be read, and are left out of all figures.")
    return Section("Damaged records", (intro, Bullets(tuple(data.damaged))))


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
    return Section("Environment", (Table("", ("what", "here"), rows, prose=True),))


def how_to_read() -> Section:
    """The meaning of the figures."""
    return Section("How to read this report", (Bullets(HOW_TO_READ),))


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
    )


def _fairness_table(data: RunData, workload: dict[str, Any]) -> Table | None:
    trials = [trial for trial in data.trials if trial.workload == workload["name"] and trial.kind != "predict"]
    trained = [trial for trial in trials if trial.status == "ok" and trial.kind != "tune"]
    known = {record.name: record for record in data.run.contestants}
    rows = []
    for name in in_order(trial.contestant for trial in trained if trial.contestant != FLOOR):
        own = [trial for trial in trained if trial.contestant == name]
        training = workload["settings"].get(name, workload["training"])
        record = known.get(name)
        given = record.batch_order if record else units.ABSENT
        rows.append(
            (
                name,
                _distinct(units.count(trial.steps) for trial in own) if not workload["grid"] else "by cell",
                "by cell" if workload["grid"] else _batch(training),
                "shuffled anew every epoch, its own default" if training["shuffle"] else given,
                _distinct(trial.dtype for trial in own),
                _distinct(str(trial.threads) for trial in own),
                training["initializer"],
                record.clock_includes if record else units.ABSENT,
                units.percent(harness_share(own), 4),
                _settings([trial for trial in trials if trial.contestant == name]),
            )
        )
    caption = f"`{workload['name']}`: {workload['summary']}."
    return Table(caption, _FAIRNESS_COLUMNS, tuple(rows), prose=True) if rows else None


def _batch(training: dict[str, Any]) -> str:
    return "all rows" if training["batch_size"] is None else units.count(training["batch_size"])


def _settings(trials: Sequence[Trial]) -> str:
    """The contestant's settings: the options that were tuned, and the scalar values in its trials' details."""
    settings: dict[str, Any] = {}
    for trial in trials:
        settings |= {**trial.details.get("options", {}), **trial.details}
    settings = {name: value for name, value in settings.items() if isinstance(value, str | int | float)}
    return ", ".join(f"`{name}={settings[name]}`" for name in sorted(settings)) or "its defaults"


def _distinct(values: Any) -> str:
    """The distinct values, the shortest first."""
    return ", ".join(sorted(set(values), key=lambda text: (len(text), text)))


def _short(error: str | None) -> str:
    text = " ".join((error or "no message").split())
    return text if len(text) <= _LONGEST_ERROR else text[: _LONGEST_ERROR - 1] + "…"
