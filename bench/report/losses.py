"""Where `numpy_nn` loses: the map of sizes in sentences, and the workload's faster contestants.

Called by `bench.report.sections`.
"""

from __future__ import annotations

import pandas as pd

from bench import escaping
from bench.analysis.selection import FLOOR
from bench.analysis.summary import Analysis
from bench.records import OURS
from bench.report import units
from bench.report.derived import winners
from bench.report.verdict import CLOSE, like_for_like, names_of

_MOST_RIVALS = 3


def map_answer(scaling: pd.DataFrame) -> str:
    """How many sizes `numpy_nn` wins, and where it loses, in one sentence."""
    cells = winners(scaling)
    close = int((cells["ours_ratio"] <= CLOSE).sum())
    lost = cells[cells["ours_ratio"] > CLOSE]
    rivals = [str(name) for name in lost["winner"].value_counts().index[:_MOST_RIVALS]]
    parts = [f"to {escaping.code(name)} at {_where(lost[lost['winner'] == name], cells)}" for name in rivals]
    loses = f"; it loses {' and '.join(parts)}" if parts else ""
    return (
        f"NumPy is first, or within {units.percent(CLOSE - 1, 0)} of the first, in {close} of {units.counted(len(cells), 'size')} "
        f"of network and batch{loses}."
    )


def map_sentences(scaling: pd.DataFrame) -> list[str]:
    """How many sizes `numpy_nn` is first in, and where and to whom it loses."""
    cells = winners(scaling)
    if cells.empty:
        return []
    first, close = int((cells["winner"] == OURS).sum()), int((cells["ours_ratio"] <= CLOSE).sum())
    sentences = [
        f"`{OURS}` is first in {first} of {units.counted(len(cells), 'size')} of network and batch, and first or within "
        f"{units.percent(CLOSE - 1, 0)} of the first in {close} ({units.percent(close / len(cells), 0)})."
    ]
    lost = cells[cells["ours_ratio"] > CLOSE]
    if lost.empty:
        return [*sentences, "It loses in none of them by more than that."]
    rivals = lost["winner"].value_counts()
    parts = [_loss(str(name), lost[lost["winner"] == name]) for name in rivals.index[:_MOST_RIVALS]]
    rest = int(rivals.iloc[_MOST_RIVALS:].sum())
    parts += [f"to others in {rest}"] if rest else []
    return [*sentences, f"It loses {'; '.join(parts)}."]


def workload_sentence(analysis: Analysis) -> list[str]:
    """Who trains the main workload faster than `numpy_nn`."""
    rows = analysis.ratios
    rows = rows[
        (rows["workload"] == like_for_like(analysis))
        & (rows["contestant"] == OURS)
        & (rows["reference"] != FLOOR)
        & (rows["measure"] == "step")
    ]
    if rows.empty:
        return []
    faster, close = rows[rows["low"] > 1], rows[(rows["low"] <= 1) & (rows["high"] >= 1)]
    name = escaping.code(like_for_like(analysis))
    if faster.empty and close.empty:
        return [f"On {name}, no other contestant has a faster step."]
    parts = []
    if len(faster):
        parts.append(f"a step of {names_of(sorted(faster['reference']))} is faster")
    if len(close):
        parts.append(f"no difference is seen to {names_of(sorted(close['reference']))}")
    return [f"On {name}, {', and '.join(parts)}."]


def _loss(rival: str, cells: pd.DataFrame) -> str:
    spans = ", ".join(_span(cells, axis) for axis in ("batch", "width"))
    return f"to {escaping.code(rival)} in {len(cells)} ({spans}; worst: {_worst(cells)})"


def _worst(cells: pd.DataFrame) -> str:
    worst = cells.sort_values("ours_ratio").iloc[-1]
    ratio, low, high = (float(worst[name]) for name in ("ours_ratio", "ours_low", "ours_high"))
    if units.is_absent(low):
        return f"{units.multiple(ratio)} its step, from too few rounds for an interval"
    return units.comparison(ratio, low, high)


def _where(lost: pd.DataFrame, cells: pd.DataFrame) -> str:
    """The narrower of the two ranges of sizes that some lost cells have."""

    def share(axis: str) -> float:
        inside = cells[axis].between(lost[axis].min(), lost[axis].max())
        return float(cells[axis][inside].nunique() / cells[axis].nunique())

    return _span(lost, min(("batch", "width"), key=share))


def _span(cells: pd.DataFrame, axis: str) -> str:
    least, most = int(cells[axis].min()), int(cells[axis].max())
    return f"{axis} {least:,}" if least == most else f"{axis} {least:,} to {most:,}"
