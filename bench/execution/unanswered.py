"""What a run can't answer, known from its contestants, workloads and options before it starts. Called by run selection."""

from __future__ import annotations

from bench.execution.schedule import Entries
from bench.records import OURS, REFERENCE
from bench.workloads.models import Workload

ADD = "add it to --contestants"


def unanswered(entries: Entries, *, seeds: int | None = None, rounds: int | None = None) -> list[str]:
    """Return a sentence per question that the run can't answer, and per option that changes nothing.

    Parameters
    ----------
    entries
        The workloads, each with the contestants that take part.
    seeds, rounds
        The options, where they were given.

    """
    sentences = [f"{workload.name}: none of its contestants trains, so only predictions are timed" for workload in _idle(entries)]
    sentences += _without_ratios(entries)
    workloads = [workload for workload, _ in entries]
    single = [workload.name for workload in workloads if workload.scored_seeds == 1 and not workload.grid]
    if single:
        sentences.append(f"{', '.join(single)}: with one seed, no test can show that accuracies are equal: it takes two at least")
    if seeds is not None and not any(workload.scored_seeds for workload in workloads):
        sentences.append(f"--seeds {seeds} changes nothing: none of the workloads compares accuracy over seeds")
    if rounds is not None and not any(workload.rounds for workload in workloads):
        sentences.append(f"--rounds {rounds} changes nothing: none of the workloads is timed")
    return sentences


def check_film(entries: Entries) -> None:
    """Check that there is something that a film can show.

    Raises
    ------
    ValueError
        If no workload has two features, one output and scored trials of `numpy_nn` or the reference.

    """
    if not any(_drawable(workload) and {OURS, REFERENCE} & {spec.name for spec in specs} for workload, specs in entries):
        names = ", ".join(workload.name for workload, _ in entries)
        raise ValueError(
            f"--film can show none of the workloads {names}: it needs one with two features, one output and scored seeds, "
            f"as moons has, and {OURS} or {REFERENCE} in it"
        )


def _drawable(workload: Workload) -> bool:
    first, last = workload.architecture[0], workload.architecture[-1]
    return workload.scored_seeds > 0 and not workload.grid and first["input_dim"] == 2 and last["output_dim"] == 1


def _idle(entries: Entries) -> list[Workload]:
    return [workload for workload, specs in entries if workload.prediction_rows and not any(spec.trains for spec in specs)]


def _without_ratios(entries: Entries) -> list[str]:
    """Return what is missing for ratios: `numpy_nn`, anybody beside it, or the reference."""
    timed = [
        {spec.name for spec in specs if spec.trains and spec.learns}
        for workload, specs in entries
        if workload.rounds > 0 and not workload.settings
    ]
    if not timed:
        return []
    if not any(OURS in names for names in timed):
        return [f"no ratio of times: {OURS}, which each is of, takes no part in a timed workload: {ADD}"]
    if not any(OURS in names and len(names) > 1 for names in timed):
        return [f"no ratio of times: {OURS} trains alone: name {REFERENCE}, or another contestant beside it, in --contestants"]
    if not any(REFERENCE in names for names in timed):
        return [f"no answer about Keras: {REFERENCE} takes no part, so {OURS} is compared with the fastest of the others: {ADD}"]
    return []
