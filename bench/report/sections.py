"""The report's document: the answer, and the sections in the order in which a reader asks.

Called by `bench.report.build`. A section with nothing measured is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from bench import escaping
from bench.analysis.divergence import divergence
from bench.analysis.learning import nothing_learned
from bench.analysis.selection import FLOOR, workload_named
from bench.analysis.steps import QUANTILE
from bench.analysis.summary import Analysis
from bench.analysis.timing import FIT_ESTIMATOR
from bench.records import HEADLINE_REFERENCES, OURS
from bench.report import fairness, figures, losses, methodology, study, units
from bench.report.badges import badges, divergence_warnings, nothing_learned_warnings
from bench.report.claims import OPEN, Claim
from bench.report.derived import training_workloads, winners
from bench.report.document import Block, Document, Paragraph, Plot, Section, Table
from bench.report.neighbours import Map
from bench.report.plot_data import PlotData
from bench.report.tables import accuracy, latency, scaling, times
from bench.report.tables.ranking import ranking
from bench.report.verdict import ARTICLE_ACCURACY, CLOSE, PARITY, answer, main_workload, same_accuracy, same_computation, same_parts

_TITLE = "NumPy against Keras: the same network, measured"
_STUDY_TITLE = "NumPy against Keras: every network, many seeds"
_MAP_TITLE = "NumPy against the frameworks, size by size"
_TITLES = {"article": "The article's run", PARITY: "Raw parity", "full-batch": "Full batch"}
"""Of the folded section of a workload."""
_ONE_CALL = (
    "One call at a time of each contestant's fastest prediction function. Contestants take turns, in several rounds of each "
    "launch; the figures summarize the median and the 99th percentile of each turn."
)
_STEP_QUANTILE = (
    f"The time of a step here is the {100 * QUANTILE:g} % quantile over the epochs of a cell, since other processes make some of "
    "its epochs longer, and none shorter. Intervals are over the rounds of one launch."
)
_ESTIMATORS = (
    f"Each with its {units.INTERVAL}, where there is one. Step and epoch are in steady state; the others are of whole fits, the "
    f"{FIT_ESTIMATOR}, and times to an accuracy are medians in which what never reached it counts as longer."
)
_COMPILED = (
    "Keras' own calls are `predict`, `predict_on_batch` and the model itself. Functions that are compiled from a model by hand "
    "(`jax.jit`, `tf.function`) are not Keras' own calls, and have separate rows and columns."
)


def build(
    analysis: Analysis,
    claims: Sequence[Claim],
    plot_data: PlotData,
    published: Map | None = None,
    history: pd.DataFrame | None = None,
) -> Document:
    """The whole report with its plots; nothing is written.

    `published` is the map to show where this run has none, `history` what `figures.speed_history` draws.
    """
    data, main = analysis.data, main_workload(analysis)
    cells = winners(analysis.scaling)
    only_map = main is None and len(cells) > 0
    unlearned = [*divergence_warnings(divergence(data)), *nothing_learned_warnings(nothing_learned(data))]
    found = [*unlearned, *analysis.warnings]
    target = f"to {ARTICLE_ACCURACY:g}"
    studied = study.studies(analysis)
    only_study = main is None and not only_map and bool(studied)
    plot = figures.scaling_map(cells) if only_map else figures.answer(analysis, main, target) if main is not None else None
    plot = study.map_of_target(analysis, studied[0]) if only_study else plot
    sections = (
        _contestants(analysis, main, target),
        _losses(analysis, None if only_map or only_study else published),
        *study.sections(analysis),
        _fair(analysis, main, plot_data),
        _section("The article's claims", [_claims(claims)] if any(claim.judgement != OPEN for claim in claims) else []),
        *_details(analysis, main, plot_data),
        _section("Speed over the project's history", [None if history is None else figures.speed_history(history)], folded=True),
        methodology.warnings(data, found, plot_data.problems),
        methodology.failures(data),
        methodology.environment(data),
        methodology.how_to_repeat(data),
    )
    return Document(
        title=_MAP_TITLE if only_map else _STUDY_TITLE if only_study else _TITLE,
        subtitle=_subtitle(analysis),
        answer=_answer(analysis, only_map, studied[0] if only_study else None),
        sections=tuple(section for section in sections if section is not None),
        badges=badges(analysis, len(plot_data.problems) + len(unlearned)),
        plot=plot,
    )


def _answer(analysis: Analysis, only_map: bool, studied: str | None) -> str:
    if studied is not None:
        return study.answer(analysis, studied)
    return losses.map_answer(analysis.scaling) if only_map else answer(analysis)


def _subtitle(analysis: Analysis) -> str:
    run, here = analysis.data.run, analysis.data.run.environment
    machine = f"{here.cpu}, {units.counted(here.cores, 'core')}, {here.python}"
    return f"Measured on {here.date[:10]}, {machine}; run {escaping.code(run.run_id)}."


def _claims(claims: Sequence[Claim]) -> Table:
    rows = tuple((claim.claim, claim.article, claim.measured, claim.judgement) for claim in claims)
    return Table("", ("claim", "the article", "measured here", "judgement"), rows, prose=True)


def _contestants(analysis: Analysis, main: str | None, target: str) -> Section | None:
    if main is None:
        return None
    caption = f"{_caption(analysis, main)} Sorted by step." if len(analysis.times) else _caption(analysis, main)
    return _section("Every contestant", [ranking(analysis, main, caption, target)])


def _losses(analysis: Analysis, published: Map | None) -> Section | None:
    """The sizes that `numpy_nn` loses, from this run's map or a published one."""
    cells = winners(analysis.scaling)
    blocks: list[Block | None] = []
    own = losses.workload_sentence(analysis)
    if len(cells):
        blocks.append(Paragraph(" ".join([*own, *losses.map_sentences(analysis.scaling)])))
        blocks.append(None if main_workload(analysis) is None else figures.scaling_map(cells))
        caption = f"Sizes in which `{OURS}` takes more than {CLOSE:g} times as long as the first. {_STEP_QUANTILE}"
        blocks.append(scaling.lost_cells(cells, caption))
    elif published is not None:
        sentences = [
            *own,
            *losses.map_sentences(published.scaling),
            f"The map is of another run ({published.machine}): see {published.link.text}.",
        ]
        blocks.append(Paragraph(" ".join(sentences)))
        blocks.append(figures.scaling_map(winners(published.scaling)))
    elif own:
        blocks.append(Paragraph(" ".join(own)))
    return _section("Where it loses", blocks)


def _fair(analysis: Analysis, main: str | None, plot_data: PlotData) -> Section | None:
    blocks: list[Block | None] = [
        Paragraph(sentence) for sentence in [*same_computation(analysis), *same_parts(analysis), *same_accuracy(analysis)]
    ]
    caption = f"Parity, raw: the largest difference over all epochs. {_caption(analysis, PARITY)}"
    parity = accuracy.parity(analysis, PARITY, caption)
    blocks.append(None if parity is None else Table(parity.caption, parity.columns, parity.rows, folded=True, name=parity.name))
    blocks.append(accuracy.parts(analysis, "The largest differences in short trainings with every activation, loss and optimiser."))
    if main is not None:
        blocks.append(figures.decision_surfaces(main, plot_data))
        blocks += fairness.differences(analysis.data, main)
    for name in (workload["name"] for workload in analysis.data.run.workloads if workload["grid"]):
        blocks += fairness.differences(analysis.data, name)
    return _section("Is it fair?", blocks)


def _details(analysis: Analysis, main: str | None, plot_data: PlotData) -> Iterable[Section | None]:
    """The folded sections with everything that was measured."""
    others = [name for name in training_workloads(analysis) if name != main]
    if main is not None:
        yield _section("All times", _times(analysis, main), folded=True)
        yield _section("All ratios", _ratios(analysis, main), folded=True)
        yield _section("Each machine", _machines(analysis), folded=True)
        yield _section("Accuracy and training", _accuracy(analysis, main, plot_data), folded=True)
    yield _section("Prediction", _latency(analysis), folded=True)
    if main is not None:
        memory = [times.memory(analysis, main, f"Of the worker's whole process. {_caption(analysis, main)}")]
        yield _section("Memory", [*memory, figures.memory(analysis, main)], folded=True)
    for name in others:
        yield _section(_TITLES.get(name, f"Workload {name}"), _other_workload(analysis, name, plot_data), folded=True)
    limits = [
        times.limits(analysis, name, f"A step against its floor. {_caption(analysis, name)}") for name in (main, *others) if name
    ]
    yield _section("Distance to the limit", limits, folded=True)
    yield _section("Agreement of the predictions", _agreement(analysis), folded=True)
    yield _section("The map in figures", _map(analysis), folded=True)


def _times(analysis: Analysis, workload: str) -> list[Block | None]:
    caption = f"From process start to the last update. {_caption(analysis, workload)}"
    return [
        times.times(analysis, workload, f"{_caption(analysis, workload)} {_ESTIMATORS}"),
        times.where_time_goes(analysis, workload, caption),
        times.targets(
            analysis, workload, f"{_name(workload)}: how many of the trainings reached the target, and the median epoch."
        ),
        figures.accuracy_against_time(analysis, workload),
    ]


def _ratios(analysis: Analysis, workload: str) -> list[Block | None]:
    own = _own_settings(analysis, workload)
    return [
        *(
            times.ratios(analysis, workload, reference, f"{_name(workload)}, each against `{reference}`.{own}")
            for reference in HEADLINE_REFERENCES
        ),
        times.ours(analysis, workload, f"{_name(workload)}: `{OURS}` against each of the others.{own}"),
    ]


def _machines(analysis: Analysis) -> list[Block | None]:
    """A table for each machine of a run that was measured on several."""
    return [
        times.of_machine(analysis, machine, f"{escaping.code(machine)}: `{OURS}`'s step against each of the others, on it alone.")
        for machine in dict.fromkeys(analysis.machines["machine"])
    ]


def _accuracy(analysis: Analysis, workload: str, plot_data: PlotData) -> list[Block | None]:
    return [
        accuracy.accuracy(analysis, workload, f"Means over the seeds. {_caption(analysis, workload)}"),
        figures.training(analysis, workload),
        figures.data_set(workload, plot_data) if _shows_new_data(analysis, workload) else None,
    ]


def _shows_new_data(analysis: Analysis, workload: str) -> bool:
    """Whether no workload before this one has data of the same kind, whose plot is there already."""
    kinds = {record["name"]: record["data"]["name"] for record in analysis.data.run.workloads}
    main = main_workload(analysis)
    order = sorted(kinds, key=lambda name: name != main)  # the main workload's plot comes first
    return kinds.get(workload) not in [kinds[name] for name in order[: order.index(workload)]]


def _other_workload(analysis: Analysis, workload: str, plot_data: PlotData) -> list[Block | None]:
    blocks: list[Block | None] = [
        *_accuracy(analysis, workload, plot_data),
        figures.decision_surfaces(workload, plot_data),
        *_times(analysis, workload),
        *_ratios(analysis, workload),
        figures.loss_difference(analysis, workload) if workload == PARITY else None,
        figures.parity(analysis, workload),
    ]
    if not any(blocks):
        return []
    return [*blocks, *(fairness.differences(analysis.data, workload) if workload != PARITY else [])]


def _latency(analysis: Analysis) -> list[Block | None]:
    blocks: list[Block | None] = []
    for workload in training_workloads(analysis):
        blocks.append(latency.latency(analysis, workload, f"{_ONE_CALL} {_caption(analysis, workload)}"))
        blocks.append(latency.latency_ratios(analysis, workload, f"{_name(workload)}, compared. {_COMPILED}"))
    return blocks


def _agreement(analysis: Analysis) -> list[Block | None]:
    blocks: list[Block | None] = []
    for workload in training_workloads(analysis):
        caption = f"{_name(workload)}: the classes of the test points after the last epoch, against Keras'; all seeds together."
        blocks.append(accuracy.agreement(analysis, workload, caption))
    return blocks


def _map(analysis: Analysis) -> list[Block | None]:
    cells = winners(analysis.scaling)
    table = analysis.scaling[analysis.scaling["contestant"] != FLOOR]
    curves: list[Plot] = figures.scaling_curves(table, cells) if len(cells) else []
    return [*curves, scaling.left_out(table, "Points that were left out, with the rule.")]


def _name(workload: str) -> str:
    return escaping.code(workload)


def _caption(analysis: Analysis, workload: str) -> str:
    summary = workload_named(analysis.data, workload).get("summary", "")
    return f"{_name(workload)}: {summary}." if summary else f"{_name(workload)}."


def _own_settings(analysis: Analysis, workload: str) -> str:
    """A warning for workloads in which contestants' steps differ in size."""
    own = workload_named(analysis.data, workload).get("settings")
    return " Steps and epochs differ between contestants here: compare the whole fit." if own else ""


def _section(title: str, blocks: Iterable[Block | None], folded: bool = False) -> Section | None:
    present = tuple(block for block in blocks if block is not None)
    return Section(title, present, folded) if present else None
