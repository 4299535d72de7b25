"""The sections that say how the figures came about: fairness, warnings, failures, the machine, how to read and how to repeat it.

Called by `bench.report.sections`. They need the records alone, and no analysis of them.
"""

from __future__ import annotations

import shlex
import statistics
from collections.abc import Sequence
from typing import Any

from bench.analysis.selection import FLOOR
from bench.records import TRIALS_FILE, RunData, Trial
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
    "A figure with brackets is a median (for accuracy and loss, a mean) and the ends of its 95 % interval. The interval covers "
    "what differs from round to round and from process to process on this machine; it says nothing of other machines.",
    "A ratio below one half is written as a fraction: 1/87 means that it takes an 87th of the time. Both figures of a ratio are "
    "of this run, paired round by round. Ratios carry from machine to machine far better than seconds do.",
    "Cold start runs from the start of the process until the first step had been done: imports, building, compiling. The first "
    "epoch is shown by itself. Step and epoch are the steady state after it; the whole fit is every epoch, without the cold start.",
    "The time to an accuracy starts with the process. No score is taken while the clock runs: when a target was reached is "
    "known from a trial of its own with the same seed. A training that never reached the target counts as not there yet, and stays "
    "in the count; where fewer than half got there, the median is a dash.",
    "Parity is the largest difference to `keras` from the same first weights, over the same batches. In float64 about 1e-16 is one "
    "rounding.",
    "The floor is the step's matrix products and nothing else, called through NumPy's BLAS into arrays made once, every matrix "
    "lying in memory one way for the whole step, in the fastest of four layouts; each product whole or in tiles, the batch in one "
    "part or several, whichever is faster: what a training step in NumPy has to be measured by. A network that makes itself turned "
    "copies of its matrices may spend less on its products.",
    "– means not measured. It never means zero.",
)


def fairness(data: RunData) -> Section:
    """What each contestant was given and what its clock covers, one table a workload."""
    blocks = tuple(table for workload in data.run.workloads if (table := _fairness_table(data, workload)))
    intro = Paragraph(
        "What was the same for all, and what wasn't. What a contestant can't share with the others is said in its row."
    )
    return Section("Fairness", (intro, *(blocks or (Paragraph("Not measured in this run: no training ended."),))))


def warnings(data: RunData, found: Sequence[str], problems: Sequence[str]) -> Section:
    """What a sceptic should know of this run."""
    items = [*found, *data.run.notes, *problems]
    if data.run.status != "complete":
        items.insert(0, f"The run's status is `{data.run.status}`: what is here is what had ended by then.")
    if data.run.quick:
        items.insert(0, "This was a `--quick` run: fewer seeds, rounds and epochs, so wider intervals. Don't quote it.")
    body = Bullets(tuple(items)) if items else Paragraph("None: the machine was quiet, and nothing stood out.")
    stop = (Paragraph(f"Measuring ended because: {data.run.stop_reason}."),) if data.run.stop_reason else ()
    return Section("Warnings and noise", (body, *stop))


def failures(data: RunData) -> Section:
    """Trials that came to no result, and contestants that could not take part."""
    lost: dict[tuple[str, ...], list[Trial]] = {}
    for trial in data.trials:
        if trial.status in ("failed", "timeout"):  # what a rule left out stands beside the scaling map
            key = (trial.contestant, trial.workload, trial.kind, trial.status, _short(trial.error))
            lost.setdefault(key, []).append(trial)
    failed = Table(
        f"Trials without a result. They cost nobody else a trial; each stands in `{TRIALS_FILE}`.",
        ("contestant", "workload", "kind", "status", "error", "trials", "seeds"),
        tuple(
            (*key, units.count(len(trials)), _together(str(trial.seed) for trial in trials)) for key, trials in sorted(lost.items())
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
    """Lines that could not be read, by number."""
    if not data.damaged:
        return Section("Damaged records", (Paragraph("None: every line of the records could be read."),))
    intro = Paragraph("These lines could not be read and were set aside. What they held is in no figure.")
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
    """What the figures mean."""
    return Section("How to read this report", (Bullets(HOW_TO_READ),))


def how_to_repeat(data: RunData) -> Section:
    """The command of this run, and the one that makes the report again."""
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
                _together(units.count(trial.steps) for trial in own) if not workload["grid"] else "by cell",
                "by cell" if workload["grid"] else _batch(training),
                "shuffled anew every epoch, its own default" if training["shuffle"] else given,
                _together(trial.dtype for trial in own),
                _together(str(trial.threads) for trial in own),
                training["initializer"],
                record.clock_includes if record else units.ABSENT,
                _harness_share(own),
                _settings([trial for trial in trials if trial.contestant == name]),
            )
        )
    caption = f"`{workload['name']}`: {workload['summary']}."
    return Table(caption, _FAIRNESS_COLUMNS, tuple(rows), prose=True) if rows else None


def _harness_share(trials: Sequence[Trial]) -> str:
    """The median of what the harness' own part of the clock is of all that it showed."""
    shares = [
        trial.harness_seconds / trial.fit_seconds
        for trial in trials
        if trial.harness_seconds is not None and trial.fit_seconds is not None
    ]
    return units.percent(statistics.median(shares), 4) if shares else units.ABSENT


def _batch(training: dict[str, Any]) -> str:
    return "all rows" if training["batch_size"] is None else units.count(training["batch_size"])


def _settings(trials: Sequence[Trial]) -> str:
    """What was chosen for the contestant by measuring, and what it says of itself: the plain values in its trials' details."""
    chosen: dict[str, Any] = {}
    for trial in trials:
        chosen |= {**trial.details.get("options", {}), **trial.details}
    chosen = {name: value for name, value in chosen.items() if isinstance(value, str | int | float)}
    return ", ".join(f"`{name}={chosen[name]}`" for name in sorted(chosen)) or "its defaults"


def _together(values: Any) -> str:
    """The different values, each once."""
    return ", ".join(sorted(set(values), key=lambda text: (len(text), text)))


def _short(error: str | None) -> str:
    text = " ".join((error or "no message").split())
    return text if len(text) <= _LONGEST_ERROR else text[: _LONGEST_ERROR - 1] + "…"
