"""Whether this machine is quiet enough, and how small a slowdown can be detected on it.

Called by `python -m bench doctor`. `examine` trains `numpy_nn` repeatedly in several processes, as a run does; `findings` and
`warnings` put the measurements into words.
"""

from __future__ import annotations

import math
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.contestants.registry import CONTESTANTS
from bench.execution import environment
from bench.execution.request_builder import RequestBuilder
from bench.execution.schedule import PlannedTrial
from bench.execution.system_load import SystemLoadMeter
from bench.execution.worker_process import Launch, Launcher
from bench.workloads.builtin import WORKLOADS
from bench.workloads.models import Training

LAUNCHES = 8
LAUNCH_SECONDS = 6.0
TRIAL_EPOCHS = 20
TRIAL_LIMIT_SECONDS = 60.0
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


@dataclass(frozen=True)
class Measured:
    """The measurements of the machine."""

    clock_resolution_seconds: float
    step_seconds: Sequence[Sequence[float]]
    """Of each launch, the mean seconds of a step in each trial."""
    loads: Sequence[Mapping[str, float]]
    """The load during each launch, as measured by `bench.execution.system_load`."""
    launch_seconds: float
    """The mean time of a launch, its start included."""


@dataclass(frozen=True)
class Noise:
    """Standard deviations of the logarithm of a step's time: to first order, shares of that time."""

    repeats: float
    """Between trials of one process."""
    launches: float
    """Between processes, without the part that the noise of the repeats adds to a launch's median."""


class DoctorError(RuntimeError):
    """The machine could not be measured."""


def examine(launch: Launch | None = None, clock: Callable[[], float] = time.perf_counter) -> Measured:
    """Measure the machine; a test passes its own `launch` and `clock`.

    Raises
    ------
    DoctorError
        If a trial fails.

    """
    with tempfile.TemporaryDirectory() as folder:
        return _examine(Path(folder), launch or Launcher(Path(folder)), clock)


def _examine(folder: Path, launch: Launch, clock: Callable[[], float]) -> Measured:
    spec = CONTESTANTS["numpy_nn"]
    workload = WORKLOADS["moons"].model_copy(update={"training": Training(epochs=TRIAL_EPOCHS)})
    requests = RequestBuilder(folder, threads=1)
    step_seconds: list[list[float]] = []
    loads: list[dict[str, float]] = []
    began = clock()
    for number in range(LAUNCHES):
        request = requests.request(PlannedTrial(workload, spec, "timed", seed=0, round=0, launch=number), {})
        meter = SystemLoadMeter()
        meter.start(None)
        end = clock() + LAUNCH_SECONDS
        worker = launch(spec, number, 1)
        try:
            seconds: list[float] = []
            while clock() < end:
                outcome = worker.run(request, TRIAL_LIMIT_SECONDS)
                if outcome.status != "ok":
                    raise DoctorError(f"{spec.name} could not be trained: {outcome.error}")
                seconds.append(outcome.figures["fit_seconds"] / outcome.figures["steps"])
            loads.append(meter.stop(worker.pid))
        finally:
            worker.close()
        step_seconds.append(seconds[1:] or seconds)  # the first trial of a process warms its caches
    return Measured(environment.clock_resolution_seconds(), step_seconds, loads, (clock() - began) / LAUNCHES)


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


def findings(measured: Measured) -> list[str]:
    """The measurements, a line each."""
    found = noise(measured.step_seconds)
    trials = statistics.median(len(launch) for launch in measured.step_seconds)
    other, steal = _mean(measured, "other_cpu_share"), _mean(measured, "steal_share")
    lines = [
        f"clock: {measured.clock_resolution_seconds * 1e9:.0f} ns between two readings",
        f"a training step of numpy_nn: {statistics.median(map(statistics.median, measured.step_seconds)) * 1e6:.1f} µs",
        f"noise between repeats in one process: {found.repeats:.2%}; between launches: {found.launches:.2%}",
        f"other processes' share of the CPU: {other:.1%}; stolen by the hypervisor: {steal:.1%}",
    ]
    for budget in BUDGETS_SECONDS:
        launches = max(budget / measured.launch_seconds / 2, 1.0)
        smallest = slowdown_seen(found, trials=trials, launches=launches)
        lines.append(
            f"in {budget} s, two revisions side by side in processes of their own: a slowdown of {smallest:.1%} or more is seen"
        )
    lines.append("`python -m bench compare` sees smaller ones: it has both revisions take turns in one process")
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
        (other > MOST_OTHER_CPU, f"other processes took {other:.0%} of the CPU: close them, and look with `top` at who they are"),
        (
            steal > MOST_STEAL,
            f"the hypervisor gave {steal:.1%} of the CPU to others: use a machine, or a size of it, that isn't shared",
        ),
        (
            found.repeats > MOST_REPEAT_NOISE,
            f"repeats in one process differ by {found.repeats:.1%}: close other programs, plug in the mains, let the machine cool",
        ),
        (
            found.launches > MOST_LAUNCH_NOISE,
            f"launches differ by {found.launches:.1%}: measure more launches rather than more rounds",
        ),
        (
            wander > MOST_FREQUENCY_SPREAD,
            f"the CPU's frequency changed by {wander:.0%}: set the governor to performance, or turn the turbo off",
        ),
    ]
    return [text for wrong, text in checks if wrong]


def _spread(deviations: Sequence[float]) -> float:
    return MAD_TO_SIGMA * statistics.median(abs(value) for value in deviations)


def _mean(measured: Measured, name: str) -> float:
    """Mean over the launches that have the figure; 0 if the system has none."""
    return statistics.fmean([load[name] for load in measured.loads if name in load] or [0.0])
