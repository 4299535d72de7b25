"""What each contestant was given and what its clock covers: what is the same in a sentence, what differs in a table.

Called by `bench.report.sections`; made from the records alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from bench import escaping
from bench.analysis.selection import FLOOR, workload_named
from bench.analysis.timing import harness_share
from bench.records import RunData, Trial
from bench.records.workload_records import is_study
from bench.report import units
from bench.report.document import Block, Paragraph, Table
from bench.report.style import in_order

SAME = "as the others"
DEFAULTS = "its defaults"
_COLUMNS = ("updates", "batch", "batch order", "precision", "threads", "first weights", "the clock includes", "settings")
_LONGEST_SETTING = 60
_STEP_AXES = {"epochs", "batch_size", "n_samples", "test_size"}
"""Of a study: they change how many updates a training has."""


def differences(data: RunData, name: str) -> list[Block]:
    """A sentence with what is the same for most contestants of a workload, and a table of the others' differences."""
    workload = workload_named(data, name)
    trials = [trial for trial in data.trials if trial.workload == name and trial.kind != "predict" and trial.contestant != FLOOR]
    trained = [trial for trial in trials if trial.status == "ok" and trial.kind != "tune"]
    names = in_order(trial.contestant for trial in trained)
    if not names:
        return []
    given = {each: _given(data, workload, each, trials) for each in names}
    usual = [Counter(given[each][column] for each in names).most_common(1)[0][0] for column in range(len(_COLUMNS))]
    shared = ", ".join(f"{head} {value}" for head, value in zip(_COLUMNS, usual, strict=True) if value != units.ABSENT)
    share = harness_share(trained)
    harness = (
        "" if units.is_absent(share) else f" The harness' own part of the clock is {units.percent(share, 3)} in the median trial."
    )
    blocks: list[Block] = [Paragraph(f"What most contestants of {escaping.code(name)} share: {shared}.{harness}")]
    shown = [
        (head, column, value)
        for column, (head, value) in enumerate(zip(_COLUMNS, usual, strict=True))
        if any(given[each][column] != value for each in names)
    ]
    rows = tuple(
        (each, *(SAME if given[each][column] == value else given[each][column] for _, column, value in shown))
        for each in names
        if any(given[each][column] != value for _, column, value in shown)
    )
    if rows:
        blocks.append(Table("What differs", ("contestant", *(head for head, _, _ in shown)), rows, prose=True))
    return blocks


def _given(data: RunData, workload: dict[str, Any], name: str, trials: Sequence[Trial]) -> tuple[str, ...]:
    own = [trial for trial in trials if trial.contestant == name]
    trained = [trial for trial in own if trial.status == "ok" and trial.kind != "tune"]
    training = workload["settings"].get(name, workload["training"])
    record = next((each for each in data.run.contestants if each.name == name), None)
    grid, timed = set(workload["grid"]), bool(workload["grid"]) and not is_study(workload)
    updates = _distinct(units.count(trial.steps) for trial in trained if trial.kind != "turns")
    order = record.batch_order if record else units.ABSENT
    return (
        "by cell" if timed or grid & _STEP_AXES else updates,
        "by cell" if timed or "batch_size" in grid else _batch(training),
        "by cell" if "shuffle" in grid else "shuffled anew every epoch, its own default" if training["shuffle"] else order,
        _distinct(trial.dtype for trial in trained),
        "by cell" if timed else _distinct(str(trial.threads) for trial in trained),
        "by cell" if "initializer" in grid else str(training["initializer"]),
        record.clock_includes if record else units.ABSENT,
        _settings(own),
    )


def _batch(training: dict[str, Any]) -> str:
    return "all rows" if training["batch_size"] is None else units.count(training["batch_size"])


def _settings(trials: Sequence[Trial]) -> str:
    """The contestant's settings: the options that were tuned, and the scalar values in its trials' details."""
    settings: dict[str, Any] = {}
    for trial in trials:
        options = trial.details.get("options", {})
        settings |= {**(options if isinstance(options, dict) else {}), **trial.details}
    settings = {name: value for name, value in settings.items() if isinstance(value, str | int | float)}
    return ", ".join(escaping.code(f"{name}={settings[name]}"[:_LONGEST_SETTING]) for name in sorted(settings)) or DEFAULTS


def _distinct(values: Iterable[str]) -> str:
    """The distinct values, the shortest first."""
    return ", ".join(sorted(set(values), key=lambda text: (len(text), text))) or units.ABSENT
