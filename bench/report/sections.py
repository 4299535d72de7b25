"""The sections of the report in their order, with their text, tables and plots.

Called by `bench.report.build`. A section whose figures weren't measured says so in one line; no section is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.analysis.precision import HEADLINE_REFERENCES
from bench.analysis.selection import FLOOR, OURS
from bench.analysis.steps import QUANTILE
from bench.analysis.summary import Analysis
from bench.records import REFERENCE
from bench.report import figures, methodology, units
from bench.report.derived import training_workloads, winners
from bench.report.document import Block, Bullets, Document, Paragraph, Section, Table
from bench.report.plot_data import PlotData
from bench.report.tables import accuracy, latency, scaling, times
from bench.report.verdict import CLOSE, Claim, main_workload

_ONE_CALL = (
    "One call at a time of each contestant's fastest prediction function. Contestants take turns, in several rounds of each "
    "launch; the figures summarize the median and the 99th percentile of each turn."
)
_STEP_QUANTILE = (
    f"The time of a step here is the {100 * QUANTILE:g} % quantile over the epochs of a cell, since other processes make some of "
    "its epochs longer, and none shorter. Intervals are over the rounds of one launch."
)
_COMPILED = (
    "Keras' own calls are `predict`, `predict_on_batch` and the model itself. Functions that are compiled from a model by hand "
    "(`jax.jit`, `tf.function`) are not Keras' own calls, and have separate rows and columns."
)


def build(analysis: Analysis, verdict: Sequence[str], claims: Sequence[Claim], plot_data: PlotData) -> Document:
    """The whole report with its plots; nothing is written."""
    run = analysis.data.run
    here = run.environment
    sections = (
        Section("Verdict", (Bullets(tuple(verdict)),)),
        _headline(analysis),
        _section("The article's claims", [_claims(claims)] if claims else [], "They can't be judged from this run."),
        _accuracy(analysis, plot_data),
        _same_computation(analysis),
        _time(analysis),
        _where_time_goes(analysis),
        _limits(analysis),
        _scaling(analysis),
        _latency(analysis),
        _memory(analysis),
        methodology.fairness(analysis.data),
        methodology.warnings(analysis.data, analysis.warnings, plot_data.problems),
        methodology.failures(analysis.data),
        methodology.damaged_records(analysis.data),
        methodology.environment(analysis.data),
        methodology.how_to_read(),
        methodology.how_to_repeat(analysis.data),
    )
    subtitle = f"Measured on {here.date[:10]}, {here.cpu}, {here.cores} cores, Python {here.python}; run `{run.run_id}`."
    return Document("NumPy against Keras: the same network, measured", subtitle, sections)


def _claims(claims: Sequence[Claim]) -> Table:
    rows = tuple((claim.claim, claim.article, claim.measured, claim.judgement) for claim in claims)
    return Table("", ("claim", "the article", "measured here", "judgement"), rows, prose=True)


def _headline(analysis: Analysis) -> Section:
    workload = main_workload(analysis)
    blocks: list[Block | None] = []
    if workload is not None:
        blocks.append(times.headline(analysis, workload, _caption(analysis, workload)))
        blocks.append(figures.times(analysis, workload))
    return _section("At a glance", blocks)


def _accuracy(analysis: Analysis, plot_data: PlotData) -> Section:
    blocks: list[Block | None] = []
    for workload in training_workloads(analysis):
        blocks.append(accuracy.accuracy(analysis, workload, _caption(analysis, workload)))
        if workload == main_workload(analysis) or workload in plot_data.surfaces:
            blocks.append(figures.data_set(workload, plot_data))
            blocks.append(figures.decision_surfaces(workload, plot_data))
        blocks.append(figures.training(analysis, workload))
    return _section("Do both reach the same accuracy?", blocks)


def _same_computation(analysis: Analysis) -> Section:
    blocks: list[Block | None] = []
    for workload in training_workloads(analysis):
        blocks.append(accuracy.parity(analysis, workload, f"Largest difference over all epochs. {_caption(analysis, workload)}"))
        blocks.append(figures.parity(analysis, workload))
        caption = f"`{workload}`: the classes of the test points after the last epoch, against `{REFERENCE}`'s; all seeds together."
        blocks.append(accuracy.agreement(analysis, workload, caption))
        blocks.append(accuracy.agreement_by_seed(analysis, workload, f"`{workload}`: the same, by seed"))
    return _section("Are they the same computation?", blocks)


def _time(analysis: Analysis) -> Section:
    blocks: list[Block | None] = []
    for workload in training_workloads(analysis):
        blocks.append(times.times(analysis, workload, f"Median and {units.INTERVAL}. {_caption(analysis, workload)}"))
        for reference in HEADLINE_REFERENCES:
            caption = f"`{workload}`, as a ratio to `{reference}`; below 1 is faster.{_own_settings(analysis, workload)}"
            blocks.append(times.ratios(analysis, workload, reference, caption))
        caption = f"`{workload}`: `{OURS}` as a ratio to each of the others.{_own_settings(analysis, workload)}"
        blocks.append(times.ours(analysis, workload, caption))
        caption = f"`{workload}`: how many of the trainings reached the target, and the median epoch."
        blocks.append(times.targets(analysis, workload, caption))
        blocks.append(figures.accuracy_against_time(analysis, workload))
        blocks.append(figures.share_reached(analysis, workload))
    return _section("How long does each take?", blocks)


def _where_time_goes(analysis: Analysis) -> Section:
    blocks: list[Block | None] = []
    for workload in training_workloads(analysis):
        caption = f"From process start to the last update. {_caption(analysis, workload)}"
        blocks.append(times.where_time_goes(analysis, workload, caption))
        blocks.append(figures.where_time_goes(analysis, workload))
    return _section("Where does the time go?", blocks)


def _limits(analysis: Analysis) -> Section:
    blocks: list[Block | None] = []
    for workload in training_workloads(analysis):
        blocks.append(times.limits(analysis, workload, f"A step against its matrix products alone. {_caption(analysis, workload)}"))
        blocks.append(figures.times_floor(analysis, workload))
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
                f"`{OURS}` is first in {first} of {len(cells)} cells, and first or within {units.percent(CLOSE - 1, 0)} of the "
                f"first in {close} of them ({units.percent(close / len(cells))}). {_STEP_QUANTILE}"
            )
        )
        blocks += figures.scaling(table, cells)
        blocks.append(scaling.lost_cells(cells, f"Cells in which `{OURS}` takes more than {CLOSE:g} times as long as the first."))
    blocks.append(scaling.left_out(table, "Points that were left out, with the rule."))
    return _section(
        "For which sizes does which of them win?", blocks, "Not measured in this run: `--workload scaling` measures it."
    )


def _latency(analysis: Analysis) -> Section:
    blocks: list[Block | None] = []
    for workload in training_workloads(analysis):
        blocks.append(latency.latency(analysis, workload, f"{_ONE_CALL} {_caption(analysis, workload)}"))
        blocks.append(latency.latency_ratios(analysis, workload, f"`{workload}`: the same as ratios. {_COMPILED}"))
    return _section("How fast is a prediction?", blocks)


def _memory(analysis: Analysis) -> Section:
    blocks: list[Block | None] = []
    for workload in training_workloads(analysis):
        blocks.append(times.memory(analysis, workload, f"Of the worker's whole process. {_caption(analysis, workload)}"))
        blocks.append(figures.memory(analysis, workload))
    return _section("How much memory does it take?", blocks)


def _caption(analysis: Analysis, workload: str) -> str:
    summary = next(each["summary"] for each in analysis.data.run.workloads if each["name"] == workload)
    return f"`{workload}`: {summary}."


def _own_settings(analysis: Analysis, workload: str) -> str:
    """A warning for workloads in which contestants' steps differ in size."""
    own = next(each["settings"] for each in analysis.data.run.workloads if each["name"] == workload)
    return " Steps and epochs differ between contestants here (see Fairness): compare the whole fit." if own else ""


def _section(title: str, blocks: Iterable[Block | None], absent: str = "Not measured in this run.") -> Section:
    present = tuple(block for block in blocks if block is not None)
    return Section(title, present or (Paragraph(absent),))
