"""Whether this machine is quiet enough, how precise a run will be on it, and how small a slowdown can be detected.

Called by `python -m bench doctor`. `examine` has `numpy_nn` take turns in several processes, with the canary and the meters of a
run; `conclusion`, `findings` and `warnings` put the measurements into words.
"""

from __future__ import annotations

import math
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bench.analysis.precision import ENOUGH, FEWEST_LAUNCHES
from bench.analysis.statistics import REPEATED_LOOKS, student_half_width
from bench.analysis.steps import quickest_tenth
from bench.contestants.registry import CONTESTANTS
from bench.execution import environment
from bench.execution.canary import Canary
from bench.execution.request_builder import RequestBuilder
from bench.execution.runner import Machine
from bench.execution.schedule import PlannedTrial, plan
from bench.execution.system_load import SystemLoadMeter
from bench.execution.time_plan import TimePlan, slowness_of, turns_seconds
from bench.execution.turn_rounds import SECONDS_A_CONTESTANT, Participant, TurnRounds
from bench.execution.worker_process import Launcher
from bench.records import HEADLINE_REFERENCES, HEADLINE_WORKLOAD, Turn
from bench.records.disturbance import quiet, reasons
from bench.report import units
from bench.report.units import percent
from bench.workloads.builtin import WORKLOADS

OURS = "numpy_nn"
LAUNCHES = 6
RUN_SECONDS = 360
"""Of a run whose precision is told: the default's time budget."""
LAUNCH_SIGMAS = {"keras": 0.025, "keras-tuned": 0.07}
"""What undisturbed launches of a reference differ by: the standard deviation of a step's logarithm, see `docs/statistics.md`."""
BUDGETS_SECONDS = (60, 300, 600)
"""Times for which the smallest detectable slowdown is given."""

SIGMAS_SEEN = 1.96 + 0.84
"""A difference of so many standard errors is significant at 5 %, two-sided, with a power of 80 %."""
MAD_TO_SIGMA = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""

MOST_RESOLUTION_SECONDS = 1e-6
MOST_OTHER_CPU = 0.05
MOST_STEAL = 0.01
MOST_REPEAT_NOISE = 0.05
MOST_LAUNCH_NOISE = 0.02
MOST_FREQUENCY_SPREAD = 0.05
MOST_DISTURBED = 0.5


@dataclass(frozen=True)
class Measured:
    """The measurements of the machine."""

    clock_resolution_seconds: float
    step_seconds: Sequence[Sequence[float]]
    """Of each launch, the seconds of a step in each turn: the quickest tenth of its epochs."""
    loads: Sequence[Mapping[str, float]]
    """The load during each launch, as measured by `bench.execution.system_load`."""
    launch_seconds: float
    """The mean time of a launch, its start included."""
    disturbed: Sequence[str | None]
    """Of each turn, what disturbed it."""
    slowness: float = 1.0
    """Of the machine, by the canary, relative to the one of `bench.execution.time_plan.COSTS`."""


@dataclass(frozen=True)
class Noise:
    """Standard deviations of the logarithm of a step's time: to first order, shares of that time."""

    repeats: float
    """Between turns of one process."""
    launches: float
    """Between processes, without the part that the noise of the repeats adds to a launch's median."""


class DoctorError(RuntimeError):
    """The machine could not be measured."""


Watch = Callable[[str], None]
"""Is told what is done, in words."""


def _nobody(_: str) -> None:
    """Watch nothing."""


def examine(machine: Machine | None = None, watch: Watch = _nobody) -> Measured:
    """Measure the machine for a few seconds; a test passes its own. `watch` is told what is measured.

    Raises
    ------
    DoctorError
        If a trial fails.

    """
    with tempfile.TemporaryDirectory() as folder:
        watch("timing the canary")
        return _examine(Path(folder), machine or _this_machine(Path(folder)), watch)


def _this_machine(folder: Path) -> Machine:
    canary = Canary()
    cores = environment.cores()
    slowness = slowness_of(canary.seconds_here)
    return Machine(Launcher(folder), TurnRounds(canary, cores=cores), places=cores, slowness=slowness, clock=time.perf_counter)


def _examine(folder: Path, machine: Machine, watch: Watch) -> Measured:
    requests = RequestBuilder(folder, threads=1)
    launches: list[list[Turn]] = []
    loads: list[dict[str, float]] = []
    steps_an_epoch = 1
    began = machine.clock()
    for number in range(LAUNCHES):
        watch(f"process {number + 1} of {LAUNCHES}: training {OURS} in turns, with the canary between them")
        planned = PlannedTrial(WORKLOADS["moons"], CONTESTANTS[OURS], "turns", seed=0, round=number, launch=number)
        meter = SystemLoadMeter()
        meter.start(None)
        worker = machine.launch(planned.spec, number, 1)
        try:
            ready = worker.run(requests.request(planned, {}), planned.workload.time_limit_seconds)
            participant = Participant(planned, worker, ready)
            machine.rounds.take([participant], random.Random(number))
            loads.append(meter.stop(worker.pid))
            if participant.ready.status != "ok":
                raise DoctorError(f"{OURS} could not be trained: {participant.ready.error}")
        finally:
            worker.close()
        steps_an_epoch = int(ready.figures.get("steps_an_epoch", 1))
        launches.append(participant.turns)
    seconds = (machine.clock() - began) / LAUNCHES
    known = quiet([turn for turns in launches for turn in turns], environment.cores())
    disturbed = [reason for turns in launches for reason in reasons(turns, known)] if known else []
    steps = [[quickest_tenth(turn.epoch_seconds) / steps_an_epoch for turn in turns] for turns in launches]
    return Measured(environment.clock_resolution_seconds(), steps, loads, seconds, disturbed, machine.slowness)


def noise(step_seconds: Sequence[Sequence[float]]) -> Noise:
    """The noise on both levels, from medians, so that single spikes have little influence."""
    logs = [[math.log(seconds) for seconds in launch] for launch in step_seconds]
    medians = [statistics.median(launch) for launch in logs]
    repeats = _spread([value - median for launch, median in zip(logs, medians, strict=True) for value in launch])
    trials = statistics.median(len(launch) for launch in logs)
    of_median = repeats * math.sqrt(math.pi / 2 / trials)  # the standard error of a median of normal values
    between = statistics.stdev(medians) if len(medians) > 1 else 0.0
    return Noise(repeats, math.sqrt(max(between**2 - of_median**2, 0.0)))


def slowdown_seen(found: Noise, *, trials: float, launches: float) -> float:
    """The smallest slowdown that is detected with a power of 80 % in `launches` launches of `trials` trials for each revision.

    The difference of the two means has the variance 2 (σ²_launches + σ²_repeats / trials) / launches.
    """
    variance = 2 * (found.launches**2 + found.repeats**2 / trials) / launches
    return math.expm1(SIGMAS_SEEN * math.sqrt(variance))


class Reached(NamedTuple):
    """How well a headline ratio will be known, and from how many launches."""

    half_width: float
    launches: int


def precision_reached(measured: Measured) -> dict[str, Reached]:
    """How well a run of `RUN_SECONDS` will know each headline ratio here."""
    disturbed = _disturbed_share(measured)
    names = (OURS, *HEADLINE_REFERENCES)
    specs = [CONTESTANTS[name] for name in (*names, "article", "tensorflow", "sklearn", "floor")]
    entries = [
        (workload, [spec for spec in specs if (spec.name in (workload.contestants or names)) or workload.contestants is None])
        for workload in WORKLOADS.values()
        if not workload.grid
    ]
    trials = plan(entries, seed=0)
    run = TimePlan(trials, places=environment.cores(), slowness=measured.slowness)
    spread = {
        name: math.hypot(sigma * (1 + disturbed * max(measured.slowness - 1, 0)), noise(measured.step_seconds).launches)
        for name, sigma in LAUNCH_SIGMAS.items()
    }

    def waited(planned: PlannedTrial) -> float:  # turns go on until enough of them are undisturbed, or their time is over
        undisturbed = turns_seconds(planned)
        longest = max(SECONDS_A_CONTESTANT - undisturbed, 0.0)
        return longest if disturbed == 1 else min(undisturbed * disturbed / (1 - disturbed), longest)

    def reached(name: str) -> Reached:
        number = launches[name]
        return Reached(REPEATED_LOOKS * float(student_half_width(spread[name] / math.sqrt(number), number)), number)

    left = RUN_SECONDS - run.total_seconds - sum(waited(one) for one in trials if one.kind == "turns")
    in_turns = {one.spec.name: one for one in trials if one.kind == "turns" and one.workload.name == HEADLINE_WORKLOAD}
    launches = dict.fromkeys(HEADLINE_REFERENCES, WORKLOADS[HEADLINE_WORKLOAD].launches)
    while True:
        wanted = [name for name in launches if launches[name] < FEWEST_LAUNCHES or reached(name).half_width > ENOUGH]
        launch = [in_turns[name] for name in (OURS, *wanted)]
        left -= sum(run.seconds_of_launch(launch)) + sum(map(waited, launch))
        if not wanted or left < 0:
            return {name: reached(name) for name in launches}
        launches |= {name: launches[name] + 1 for name in wanted}


def conclusion(measured: Measured) -> str:
    """Whether the machine is quiet enough, and how precise a run will be on it, in a sentence."""
    disturbances = len(warnings(measured))
    quiet_enough = (
        "This machine is quiet enough"
        if not disturbances
        else f"This machine is NOT quiet enough ({units.counted(disturbances, 'warning')} below)"
    )
    reached = [
        f"{name} to about ±{percent(one.half_width, 0 if one.half_width > 0.1 else 1)}, from {one.launches} launches"
        for name, one in precision_reached(measured).items()
    ]
    return f"{quiet_enough}: a run of {RUN_SECONDS // 60} min will know {OURS}'s ratio to {', and to '.join(reached)}."


def findings(measured: Measured) -> list[str]:
    """The measurements, a line each."""
    found = noise(measured.step_seconds)
    trials = statistics.median(len(launch) for launch in measured.step_seconds)
    other, steal = _mean(measured, "other_cpu_share"), _mean(measured, "steal_share")
    lines = [
        f"clock: {units.seconds(measured.clock_resolution_seconds)} between two readings",
        f"a training step of {OURS}: {units.seconds(statistics.median(map(statistics.median, measured.step_seconds)))}",
        f"noise between turns in one process: {percent(found.repeats, 2)}; between launches: {percent(found.launches, 2)}",
        f"other processes' share of the CPU: {percent(other)}; stolen by the hypervisor: {percent(steal)}",
        f"disturbed turns: {percent(_disturbed_share(measured), 0)}{_reasons_text(measured)}",
    ]
    smallest = []
    for budget in BUDGETS_SECONDS:
        launches = max(budget / measured.launch_seconds / 2, 1.0)
        smallest.append(f"{percent(slowdown_seen(found, trials=trials, launches=launches), 2)} in {budget} s")
    lines.append(f"slowdowns seen between two revisions in processes of their own: {', '.join(smallest)}")
    lines.append("python -m bench compare sees smaller ones, as both take turns in one process")
    return lines


def warnings(measured: Measured) -> list[str]:
    """The disturbances of the machine, each with a remedy; empty if it is quiet."""
    found = noise(measured.step_seconds)
    other, steal = _mean(measured, "other_cpu_share"), _mean(measured, "steal_share")
    frequencies = [load["frequency_mhz"] for load in measured.loads if "frequency_mhz" in load]
    wander = max(frequencies) / min(frequencies) - 1 if frequencies else 0.0
    checks = [
        (
            measured.clock_resolution_seconds > MOST_RESOLUTION_SECONDS,
            f"the clock tells {measured.clock_resolution_seconds * 1e6:.1f} µs apart: on Linux, set its source to tsc",
        ),
        (
            other > MOST_OTHER_CPU,
            f"other processes took {percent(other, 0)} of the CPU: close them; top shows them",
        ),
        (
            steal > MOST_STEAL,
            f"the hypervisor gave {percent(steal)} of the CPU to others: use a machine, or a size of it, that isn't shared",
        ),
        (
            found.repeats > MOST_REPEAT_NOISE,
            f"repeats in one process differ by {percent(found.repeats)}: close other programs, plug it in, let it cool",
        ),
        (
            found.launches > MOST_LAUNCH_NOISE,
            f"launches differ by {percent(found.launches)}: measure more launches rather than more rounds",
        ),
        (
            wander > MOST_FREQUENCY_SPREAD,
            f"the CPU's frequency changed by {percent(wander, 0)}: set the governor to performance, or turn the turbo off",
        ),
        (
            _disturbed_share(measured) > MOST_DISTURBED,
            f"{percent(_disturbed_share(measured), 0)} of the turns were disturbed: measure at another hour, or for longer",
        ),
    ]
    return [text for wrong, text in checks if wrong]


def _disturbed_share(measured: Measured) -> float:
    return 1 - measured.disturbed.count(None) / len(measured.disturbed) if measured.disturbed else 0.0


def _reasons_text(measured: Measured) -> str:
    """Each reason with its number of turns, in brackets."""
    counts = {reason: measured.disturbed.count(reason) for reason in dict.fromkeys(measured.disturbed) if reason is not None}
    return f" ({', '.join(f'{reason}: {count}' for reason, count in counts.items())})" if counts else ""


def _spread(deviations: Sequence[float]) -> float:
    return MAD_TO_SIGMA * statistics.median(abs(value) for value in deviations)


def _mean(measured: Measured, name: str) -> float:
    """Mean over the launches that have the figure; 0 if the system has none."""
    return statistics.fmean([load[name] for load in measured.loads if name in load] or [0.0])
