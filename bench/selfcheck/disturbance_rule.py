"""How often the rule is wrong by which a turn counts as disturbed: `python -m bench.selfcheck.disturbance_rule [CONTESTANT,…]`.

Contestants of `moons` take turns, at first with nothing else running, where turns that are called disturbed are false alarms unless
something did disturb them, and then beside a process at half load, which touches every turn, where those that aren't are misses.
Nothing else may run meanwhile. The rule looks at no epoch, so epochs tell what it found: by each reason stands how much longer they
were in such turns than in undisturbed ones, which is nothing for a false alarm.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.contestants.registry import Spec, find, find_all
from bench.execution.canary import Canary
from bench.execution.environment import cores
from bench.execution.request_builder import RequestBuilder
from bench.execution.schedule import PlannedTrial
from bench.execution.turn_rounds import Participant, TurnRounds
from bench.execution.worker_process import Launcher
from bench.records import Turn
from bench.records.disturbance import quiet, reasons
from bench.report.units import percent
from bench.workloads import WORKLOADS

NAMES = ("numpy_nn", "sklearn", "keras", "keras-tuned", "tensorflow", "floor")
UNTIL_TIME_ENDS = 10**6
"""Undisturbed turns that a launch never has: it goes on for its whole time, and stops for no answer of the rule."""
HALF_LOAD = """
import time
while True:
    end = time.perf_counter() + 0.01
    while time.perf_counter() < end:
        pass
    time.sleep(0.01)
"""


class Judged(NamedTuple):
    """A turn, as the rule judged it."""

    reason: str | None
    longer: float
    """Its epochs, than those of the contestant's undisturbed turns; a share."""


@contextmanager
def half_load() -> Iterator[None]:
    """Have a process compute in every second hundredth of a second."""
    with subprocess.Popen([sys.executable, "-c", HALF_LOAD]) as process:
        try:
            yield
        finally:
            process.kill()


def turns(specs: Sequence[Spec], number: int) -> dict[str, list[Turn]]:
    """Have contestants take turns in a launch of their own; return all turns of each."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as workers:
        launch, requests = Launcher(Path(folder)), RequestBuilder(Path(folder), threads=cores())
        participants = []
        for spec in specs:
            planned = PlannedTrial(WORKLOADS["moons"], spec, "turns", seed=0, round=number, launch=number)
            worker = launch(planned.spec, number, cores())
            workers.callback(worker.close)
            ready = worker.run(requests.request(planned, {}), planned.workload.time_limit_seconds)
            if ready.status != "ok":
                raise RuntimeError(f"{spec.name} could not be trained: {ready.error}")
            participants.append(Participant(planned, worker, ready))
        TurnRounds(Canary(), cores=cores(), enough=UNTIL_TIME_ENDS).take(participants, random.Random(number))
        return {one.planned.spec.name: one.turns for one in participants}


def main() -> None:
    """Measure, and print a line for each contestant and side."""
    parser = argparse.ArgumentParser(prog="python -m bench.selfcheck.disturbance_rule", description=__doc__)
    parser.add_argument("contestants", nargs="?", metavar="CONTESTANT,...", help=f"default: {','.join(NAMES)}")
    names = parser.parse_args().contestants
    try:
        asked = [*map(find, NAMES)] if names is None else find_all(names.split(","))
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    specs = [spec for spec in asked if not spec.missing]
    alone = turns(specs, 0)
    with half_load():
        touched = turns(specs, 1)
    known = quiet([turn for taken in alone.values() for turn in taken], cores())
    assert known is not None
    for side, taken in (("nothing beside it", alone), ("a process at half load beside it", touched)):
        judged = {name: longer(found, reasons(found, known)) for name, found in taken.items()}
        for name, found in {**judged, "all": [one for own in judged.values() for one in own]}.items():
            print(f"{side}: {name}: {told(found)}")


def longer(found: Sequence[Turn], why: Sequence[str | None]) -> list[Judged]:
    """Return what disturbed each turn of a contestant, and how much longer its epochs were than those of undisturbed turns."""
    medians = [median(turn.epoch_seconds) for turn in found]
    usual = median([seconds for seconds, reason in zip(medians, why, strict=True) if reason is None] or medians)
    return [Judged(reason, seconds / usual - 1) for seconds, reason in zip(medians, why, strict=True)]


def told(found: Sequence[Judged]) -> str:
    """Return in words how many turns are called disturbed, and why."""
    called: dict[str, list[float]] = {}
    for one in found:
        if one.reason is not None:
            called.setdefault(one.reason, []).append(one.longer)
    share = percent(sum(map(len, called.values())) / len(found))
    why = [f", {reason} {len(own)} (epochs {100 * median(own):+.1f} %)" for reason, own in called.items()]
    return f"{share} of {len(found)} turns called disturbed{''.join(why)}"


if __name__ == "__main__":
    main()
