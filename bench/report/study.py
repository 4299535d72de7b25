"""The report of a study: whether the contestants differ anywhere, who reaches the target and how fast, and who gets stuck.

Called by `bench.report.sections`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from bench import escaping
from bench.analysis.selection import workload_named
from bench.analysis.study import FALSE_DISCOVERY_RATE, STUCK_MARGIN, least_p
from bench.analysis.summary import Analysis
from bench.records import OURS, REFERENCE
from bench.records.workload_records import is_study
from bench.report import units
from bench.report.document import Block, Paragraph, Plot, Section
from bench.report.plots.study import DIFFERENCES, MOST_PANELS, SHARES, Scale, study_map
from bench.report.tables import study as tables

_TEST = f"Wilcoxon's signed-rank test over the seeds, at a false discovery rate of {units.percent(FALSE_DISCOVERY_RATE, 0)}"


def studies(analysis: Analysis) -> list[str]:
    """The names of the run's studies that have a training."""
    trained = set(analysis.study["workload"])
    return [workload["name"] for workload in analysis.data.run.workloads if is_study(workload) and workload["name"] in trained]


def answer(analysis: Analysis, name: str) -> str:
    """Whether the two differ anywhere, and how many trainings reach the target and get stuck, in one sentence."""
    cells = _of(analysis.study, name)
    shown = _shown(cells)
    judged = cells[(cells["contestant"] == shown) & cells["stuck_share"].notna()]
    lead, parts = _difference(cells), list[str]()
    targets = _targets(analysis, name, shown)
    if len(targets):
        share = units.percent(targets["reached"].sum() / max(targets["seeds"].sum(), 1), 0)
        parts.append(f"{share} of the trainings reach {units.percent(targets['target'].iloc[0], 0)} test accuracy")
    if len(judged):
        share = units.percent(judged["stuck"].sum() / judged["seeds"].sum(), 0)
        parts.append(f"{share} {'get stuck' if len(targets) else 'of the trainings get stuck'}")
    more = " and ".join(parts)
    return f"{lead}; {more}." if more else f"{lead}."


def sections(analysis: Analysis) -> list[Section]:
    """The sections of all studies, each with the maps of one question."""
    found: list[Section] = []
    for name in studies(analysis):
        more = f" ({name})" if len(studies(analysis)) > 1 else ""
        found.append(Section(f"Do they differ?{more}", _compared(analysis, name)))
        found.append(Section(f"Who reaches the target, and how fast?{more}", _reached(analysis, name)))
        found.append(Section(f"Where training gets stuck{more}", _stuck_blocks(analysis, name)))
    return [section for section in found if section.blocks]


def map_of_target(analysis: Analysis, name: str) -> Plot | None:
    """The share of seeds that reach the first target, in every cell."""
    shown = _shown(_of(analysis.study, name))
    rows = _targets(analysis, name, shown)
    if rows.empty:
        return None
    target = units.percent(rows["target"].iloc[0], 0)
    cells = _cells(rows, "share", _reached_text)
    caption = (
        f"{escaping.code(name)}, `{shown}`: how many of the seeds reach {target} test accuracy, with Wilson's 95 % interval of "
        f"the share in per cent.{_cut(analysis, name)}"
    )
    alt = f"Maps of the share of seeds of {shown} that reach {target} test accuracy, a cell for each network, darker is more"
    return Plot(
        f"study-reached-{escaping.file_name(name)}", caption, alt, study_map(cells, _axes(analysis, name), Scale(SHARES, 0, 1))
    )


def _compared(analysis: Analysis, name: str) -> tuple[Block, ...]:
    cells = _of(analysis.study, name)
    tested = cells[cells["pairs"] > 0]
    if tested.empty:
        return (Paragraph(f"`{REFERENCE}` took no part, or has no seed in common with others: nothing was compared."),)
    sentences = [_difference(cells) + "."]
    points, disagree = int(tested["points"].sum()), int(tested["disagree"].sum())
    if points:
        sentences.append(
            f"Of {units.count(points)} test predictions, {units.count(disagree)} are of another class than `{REFERENCE}`'s."
        )
    sentences += _power(tested)
    sentences += _uneven(cells)
    axes = _axes(analysis, name)
    own = tested[tested["contestant"] == _shown(tested)]
    marked = _cells(own, "difference_mean", _difference_text).assign(marked=own["differs"].to_numpy())
    most = max(float(own["difference_mean"].abs().max()), 1e-3)
    caption = (
        f"{escaping.code(name)}: the mean test accuracy of `{_shown(tested)}` less that of `{REFERENCE}`, in percentage points "
        f"over the seeds, and the adjusted p-value q. A frame: they differ.{_cut(analysis, name)}"
    )
    alt = f"Maps of the difference of mean test accuracy between {_shown(tested)} and {REFERENCE}, a cell for each network"
    figure = study_map(marked, axes, Scale(DIFFERENCES, -most, most))
    table = tables.differences(tested, axes, f"The largest differences. {_TEST}; `tables/study.csv` has every cell.")
    return (Paragraph(" ".join(sentences)), Plot(f"study-difference-{escaping.file_name(name)}", caption, alt, figure), table)


def _reached(analysis: Analysis, name: str) -> tuple[Block, ...]:
    cells = _of(analysis.study, name)
    shown, axes = _shown(cells), _axes(analysis, name)
    rows = _targets(analysis, name, shown)
    blocks: list[Block] = []
    if len(rows):
        blocks.append(Paragraph(_fastest(rows, axes)))
        if rows["median_epoch"].notna().any():
            blocks.append(_epochs_map(analysis, name, rows))
    own = cells[cells["contestant"] == shown]
    caption = (
        f"{escaping.code(name)}, `{shown}`: the mean test accuracy after the last epoch in per cent, with its "
        f"{units.INTERVAL}.{_cut(analysis, name)}"
    )
    alt = f"Maps of the mean test accuracy of {shown}, a cell for each network, darker is better"
    low = min(0.5, float(own["accuracy_mean"].min())) if own["accuracy_mean"].notna().any() else 0.5
    figure = study_map(_cells(own, "accuracy_mean", _accuracy_text), axes, Scale(SHARES, low, 1))
    blocks.append(Plot(f"study-accuracy-{escaping.file_name(name)}", caption, alt, figure))
    return tuple(blocks)


def _epochs_map(analysis: Analysis, name: str, rows: pd.DataFrame) -> Plot:
    target, shown = units.percent(rows["target"].iloc[0], 0), rows["contestant"].iloc[0]
    caption = (
        f"{escaping.code(name)}, `{shown}`: the median epoch that reaches {target} test accuracy, with its {units.INTERVAL}; "
        f"darker is sooner, and a cell without a colour reaches it in fewer than half of its seeds.{_cut(analysis, name)}"
    )
    alt = f"Maps of the median number of epochs until {shown} reaches {target} test accuracy, a cell for each network"
    most = float(rows["median_epoch"].max())
    figure = study_map(_cells(rows, "median_epoch", _epoch_text), _axes(analysis, name), Scale(SHARES.reversed(), 1, max(most, 2)))
    return Plot(f"study-epochs-{escaping.file_name(name)}", caption, alt, figure)


def _stuck_blocks(analysis: Analysis, name: str) -> tuple[Block, ...]:
    cells = _of(analysis.study, name)
    shown, axes = _shown(cells), _axes(analysis, name)
    own = cells[(cells["contestant"] == shown) & cells["stuck_share"].notna()]
    if own.empty:  # nothing is known of what a network that ignores its input would have
        return ()
    always, never = own[own["stuck"] == own["seeds"]], own[own["stuck"] == 0]
    sentences = [
        f"A training is stuck if its last loss is less than {STUCK_MARGIN:g} below that of a network that ignores its input (ln 2 "
        f"= 0.6931 for two classes).",
        f"Of {units.counted(len(own), 'cell')}, all seeds are stuck in {len(always)}, and none in {len(never)}.",
        *_always(always, own, axes),
    ]
    caption = (
        f"{escaping.code(name)}, `{shown}`: how many of the seeds get stuck, with Wilson's 95 % interval in per "
        f"cent.{_cut(analysis, name)}"
    )
    alt = f"Maps of the share of seeds of {shown} that get stuck, a cell for each network, darker is more"
    figure = study_map(_cells(own, "stuck_share", _stuck_text), axes, Scale(SHARES, 0, 1))
    table = tables.by_value(own, _targets(analysis, name, shown), axes, f"`{shown}`: all cells of each value together.")
    return (Paragraph(" ".join(sentences)), Plot(f"study-stuck-{escaping.file_name(name)}", caption, alt, figure), table)


def _difference(cells: pd.DataFrame) -> str:
    tested = cells[cells["pairs"] > 0]
    if tested.empty:
        return f"`{REFERENCE}` took no part, so nothing was compared"
    differ, sizes = int(tested["differs"].sum()), tested["difference_mean"].abs()
    most = units.points(float(tested["difference_mean"].iloc[int(sizes.argmax())]))
    seeds = units.counted(int(tested["pairs"].max()), "seed")
    names = " and ".join(f"`{name}`" for name in [*tested["contestant"].unique(), REFERENCE])
    if least_p(int(tested["pairs"].max())) > FALSE_DISCOVERY_RATE:
        return (
            f"Too few seeds to test whether the accuracies of {names} differ in {units.counted(len(tested), 'cell')} ({seeds} "
            f"each, six are the fewest); the largest mean difference is {most} points"
        )
    lead = (
        f"The test accuracies of {names} differ in {differ} of {units.counted(len(tested), 'cell')}"
        if differ
        else f"No difference seen between the test accuracies of {names} in any of {units.counted(len(tested), 'cell')}"
    )
    return f"{lead} ({seeds} each; {_TEST}), and the largest mean difference is {most} points"


def _power(tested: pd.DataFrame) -> list[str]:
    """What the tests couldn't have found with these seeds."""
    pairs = int(tested["pairs"].max())
    if FALSE_DISCOVERY_RATE >= least_p(pairs) > FALSE_DISCOVERY_RATE / len(tested):
        return [
            f"With {units.counted(pairs, 'seed')} a cell, a difference in a single cell can't be found among {len(tested)} tests: "
            "one that is in many cells can."
        ]
    return []


def _uneven(cells: pd.DataFrame) -> list[str]:
    """Contestants of which trainings diverged or failed."""
    sentences = []
    for name, rows in cells.groupby("contestant", sort=False):
        for column, verb in (("diverged", "diverged"), ("failed", "have no result")):
            if count := int(rows[column].sum()):
                sentences.append(f"Of {escaping.code(name)}, {units.counted(count, 'training')} {verb}.")
    return sentences


def _fastest(rows: pd.DataFrame, axes: Sequence[str]) -> str:
    target = units.percent(rows["target"].iloc[0], 0)
    rows = rows[rows["seeds"] > 0]
    every, none = int((rows["reached"] == rows["seeds"]).sum()), int((rows["reached"] == 0).sum())
    lead = f"All seeds reach {target} test accuracy in {every} of {units.counted(len(rows), 'cell')}, and none in {none}."
    known = rows.dropna(subset=["median_epoch"])
    if known.empty:
        return lead
    best = known.iloc[int(known["median_epoch"].argmin())]
    where = ", ".join(f"{axis} {escaping.code(best[axis])}" for axis in axes)
    return f"{lead} The soonest, at a median of {units.counted(round(best['median_epoch']), 'epoch')}, is {where}."


def _always(always: pd.DataFrame, own: pd.DataFrame, axes: Sequence[str]) -> list[str]:
    """What all cells in which every seed gets stuck have in common."""
    if always.empty:
        return []
    common = [
        f"{axis} {escaping.code(always[axis].iloc[0])}" for axis in axes if always[axis].nunique() == 1 and own[axis].nunique() > 1
    ]
    return [f"All of these have {' and '.join(common)}."] if common else []


def _of(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    return frame[frame["workload"] == name]


def _shown(cells: pd.DataFrame) -> str:
    """The contestant whose maps are drawn: `numpy_nn`, or without it the first."""
    names = list(cells["contestant"].unique())
    return OURS if OURS in names else str(names[0])


def _axes(analysis: Analysis, name: str) -> list[str]:
    return list(workload_named(analysis.data, name)["grid"])


def _targets(analysis: Analysis, name: str, contestant: str) -> pd.DataFrame:
    """The rows of the first target."""
    rows = _of(analysis.study_targets, name)
    rows = rows[rows["contestant"] == contestant]
    return rows[rows["target"] == rows["target"].iloc[0]] if len(rows) else rows


def _cells(rows: pd.DataFrame, column: str, text: Callable[[dict[str, Any]], str]) -> pd.DataFrame:
    words = [text({str(key): value for key, value in row.items()}) for row in rows.to_dict("records")]
    return rows.assign(value=rows[column].astype(float), text=words, marked=False)


def _cut(analysis: Analysis, name: str) -> str:
    outer = [len(values) for values in list(workload_named(analysis.data, name)["grid"].values())[2:]]
    panels = math.prod(outer)
    return f" The first {MOST_PANELS} of {panels} panels; the tables have all." if panels > MOST_PANELS else ""


def _difference_text(row: dict[str, Any]) -> str:
    return f"{units.points(row['difference_mean'])}\nq {row['q_value']:.2g}"


def _accuracy_text(row: dict[str, Any]) -> str:
    if math.isnan(row["accuracy_mean"]):
        return "–"
    return f"{100 * row['accuracy_mean']:.1f}\n{_percents(row['accuracy_low'], row['accuracy_high'])}"


def _reached_text(row: dict[str, Any]) -> str:
    return f"{int(row['reached'])}/{int(row['seeds'])}\n{_percents(row['low'], row['high'])}"


def _stuck_text(row: dict[str, Any]) -> str:
    return f"{int(row['stuck'])}/{int(row['seeds'])}\n{_percents(row['stuck_low'], row['stuck_high'])}"


def _epoch_text(row: dict[str, Any]) -> str:
    if math.isnan(row["median_epoch"]):
        return "–"
    ends = "" if math.isnan(row["epoch_low"]) else f"\n{row['epoch_low']:.0f} to {_end(row['epoch_high'])}"
    return f"{row['median_epoch']:g}{ends}"


def _percents(low: float, high: float) -> str:
    return "" if math.isnan(low) else f"{100 * low:.0f} to {100 * high:.0f}"


def _end(value: float) -> str:
    return "…" if math.isinf(value) else f"{value:.0f}"
