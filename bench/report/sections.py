"""The report's sections in the order in which they are read, each with its text, tables and plots.

Called by `bench.report.build`. A section whose figures weren't measured says so in one line, and never goes missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.analysis.precision import HEADLINE_REFERENCES
from bench.analysis.selection import FLOOR, OURS
from bench.analysis.summary import Analysis
from bench.analysis.verdict import CLOSE, Claim, main_workload
from bench.records import REFERENCE
from bench.report import figures as drawings
from bench.report import methodology as context
from bench.report import tables, units
from bench.report.derived import training_workloads, winners
from bench.report.document import Block, Bullets, Document, Paragraph, Section
from bench.report.plot_data import Pictures

_ONE_CALL = (
    "One call at a time of each contestant's fastest way to predict; contestants take turns, in several rounds of each launch, and "
    "a turn's median and 99th percentile are what is summed up."
)
_QUICK_STEP = (
    "A step here is what the quickest tenth of its epochs stayed below: another process makes some epochs of a cell longer, never "
    "shorter. An interval is over the rounds of one launch."
)
_COMPILED = (
    "Keras' own calls are `predict`, `predict_on_batch` and the model itself; functions that are compiled from a model by hand "
    "(`jax.jit`, `tf.function`) are no longer Keras' calls, and have rows and columns of their own."
)


def build(analysis: Analysis, verdict: Sequence[str], claims: Sequence[Claim], pictures: Pictures) -> Document:
    """The whole report, its plots drawn, nothing written."""
    run = analysis.data.run
    here = run.environment
    sections = (
        Section("Verdict", (Bullets(tuple(verdict)),)),
        _headline(analysis),
        _section("The article's claims", [tables.claims(claims)], "They can't be judged from this run."),
        _accuracy(analysis, pictures),
        _same_computation(analysis),
        _time(analysis),
        _where_time_goes(analysis),
        _limits(analysis),
        _scaling(analysis),
        _latency(analysis),
        _memory(analysis),
        context.fairness(analysis.data),
        context.warnings(analysis.data, analysis.warnings, pictures.problems),
        context.failures(analysis.data),
        context.damaged_records(analysis.data),
        context.environment(analysis.data),
        context.how_to_read(),
        context.how_to_repeat(analysis.data),
    )
    subtitle = f"Measured on {here.date[:10]}, {here.cpu}, {here.cores} cores, Python {here.python}; run `{run.run_id}`."
    return Document("NumPy against Keras: the same network, measured", subtitle, sections)


def _headline(analysis: Analysis) -> Section:
    workload = main_workload(analysis)
    blocks: list[Block | None] = []
    if workload is not None:
        blocks.append(tables.headline(analysis, workload, _caption(analysis, workload)))
        blocks.append(drawings.times(analysis, workload))
    return _section("At a glance", blocks)


def _accuracy(analysis: Analysis, pictures: Pictures) -> Section:
    blocks: list[Block | None] = []
    for workload in training_workloads(analysis):
        blocks.append(tables.accuracy(analysis, workload, _caption(analysis, workload)))
        if workload == main_workload(analysis) or workload in pictures.surfaces:
            blocks.append(drawings.data_set(workload, pictures))
            blocks.append(drawings.decision_surfaces(workload, pictures))
        blocks.append(drawings.training(analysis, workload))
    return _section("Do both reach the same accuracy?", blocks)


def _same_computation(analysis: Analysis) -> Section:
    blocks: list[Block | None] = []
    for workload in training_workloads(analysis):
        blocks.append(tables.parity(analysis, workload, f"Largest difference over all epochs. {_caption(analysis, workload)}"))
        blocks.append(drawings.parity(analysis, workload))
        caption = f"`{workload}`: the classes of the test points after the last epoch, against `{REFERENCE}`'s; all seeds together."
        blocks.append(tables.agreement(analysis, workload, caption))
        blocks.append(tables.agreement_by_seed(analysis, workload, f"`{workload}`: the same, seed by seed"))
    return _section("Are they the same computation?", blocks)


def _time(analysis: Analysis) -> Section:
    blocks: list[Block | None] = []
    for workload in training_workloads(analysis):
        blocks.append(tables.times(analysis, workload, f"Median and 95 % interval. {_caption(analysis, workload)}"))
        for reference in HEADLINE_REFERENCES:
            caption = f"`{workload}`, as a ratio to `{reference}`; below 1 is faster.{_own_settings(analysis, workload)}"
            blocks.append(tables.ratios(analysis, workload, reference, caption))
        caption = f"`{workload}`: `{OURS}` as a ratio to each of the others.{_own_settings(analysis, workload)}"
        blocks.append(tables.ours(analysis, workload, caption))
        caption = f"`{workload}`: how many of the trainings reached the target, and the median epoch."
        blocks.append(tables.targets(analysis, workload, caption))
        blocks.append(drawings.accuracy_against_time(analysis, workload))
        blocks.append(drawings.share_reached(analysis, workload))
    return _section("How long does each take?", blocks)


def _where_time_goes(analysis: Analysis) -> Section:
    blocks: list[Block | None] = []
    for workload in training_workloads(analysis):
        caption = f"From process start to the last update. {_caption(analysis, workload)}"
        blocks.append(tables.where_time_goes(analysis, workload, caption))
        blocks.append(drawings.where_time_goes(analysis, workload))
    return _section("Where does the time go?", blocks)


def _limits(analysis: Analysis) -> Section:
    blocks: list[Block | None] = []
    for workload in training_workloads(analysis):
        blocks.append(
            tables.limits(analysis, workload, f"A step against its matrix products alone. {_caption(analysis, workload)}")
        )
        blocks.append(drawings.times_floor(analysis, workload))
    return _section("Distance to the limit", blocks)


def _scaling(analysis: Analysis) -> Section:
    cells = winners(analysis.scaling)
    table = analysis.scaling[analysis.scaling["contestant"] != FLOOR]
    blocks: list[Block | None] = []
    if len(cells):
        first = int((cells["winner"] == OURS).sum())
        close = int((cells["ours_ratio"] <= CLOSE).sum())
        blocks.append(
            Paragraph(
                f"`{OURS}` is first in {first} of {len(cells)} cells, and first or within 5 % of the first in {close} of them "
                f"({units.percent(close / len(cells))}). {_QUICK_STEP}"
            )
        )
        blocks += drawings.scaling(table, cells)
        blocks.append(tables.lost_cells(cells, f"Cells in which `{OURS}` takes more than {CLOSE:g} times as long as the first."))
    blocks.append(tables.left_out(table, "Points that were left out, and by which rule."))
    return _section(
        "For which sizes does which of them win?", blocks, "Not measured in this run: `--workload scaling` measures it."
    )


def _latency(analysis: Analysis) -> Section:
    blocks: list[Block | None] = []
    for workload in training_workloads(analysis):
        blocks.append(tables.latency(analysis, workload, f"{_ONE_CALL} {_caption(analysis, workload)}"))
        blocks.append(tables.latency_ratios(analysis, workload, f"`{workload}`: the same as ratios. {_COMPILED}"))
    return _section("How fast is a prediction?", blocks)


def _memory(analysis: Analysis) -> Section:
    blocks: list[Block | None] = []
    for workload in training_workloads(analysis):
        blocks.append(tables.memory(analysis, workload, f"Of the worker's whole process. {_caption(analysis, workload)}"))
        blocks.append(drawings.memory(analysis, workload))
    return _section("How much memory does it take?", blocks)


def _caption(analysis: Analysis, workload: str) -> str:
    summary = next(each["summary"] for each in analysis.data.run.workloads if each["name"] == workload)
    return f"`{workload}`: {summary}."


def _own_settings(analysis: Analysis, workload: str) -> str:
    """A warning for workloads in which one contestant's step isn't another's."""
    own = next(each["settings"] for each in analysis.data.run.workloads if each["name"] == workload)
    return " Steps and epochs aren't of one size here (see Fairness): compare the whole fit." if own else ""


def _section(title: str, blocks: Iterable[Block | None], absent: str = "Not measured in this run.") -> Section:
    present = tuple(block for block in blocks if block is not None)
    return Section(title, present or (Paragraph(absent),))
