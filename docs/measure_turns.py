"""How much a step's figure differs between launches, and how much of it is due to the turns that happened to be taken.

`ENOUGH_TURNS` and `FEWEST_EPOCHS` rest on it (`docs/statistics.md`). For a run whose launches have many turns, say made with
`ENOUGH_TURNS = 40`: python docs/measure_turns.py RUN
"""

import argparse
from pathlib import Path

import numpy as np

from bench.analysis.selection import succeeded
from bench.analysis.steps import quickest_tenth, quiet_figures
from bench.records import HEADLINE_WORKLOAD, read_run
from bench.records.disturbance import reasons

DRAWS = 300
TURNS = (4, 8, 12, 24)


def undisturbed(data):
    """Yield contestant and the epochs of each undisturbed turn, launch by launch."""
    known = quiet_figures(data)
    for trial in succeeded(data, "turns"):
        if trial.workload == HEADLINE_WORKLOAD:
            found = zip(trial.turns, reasons(trial.turns, known[trial.machine]), strict=True)
            yield trial.contestant, [turn.epoch_seconds for turn, reason in found if reason is None]


def log_step(turns):
    """The logarithm of the step of a launch that had these turns."""
    return np.log(quickest_tenth(np.concatenate(turns)))


def draw(rng, turns, count, kept):
    """So many turns, of each its first epochs."""
    return [turns[place][:kept] for place in rng.choice(len(turns), min(count, len(turns)), replace=False)]


def main(folder):
    """Print how launches differ, by all their turns, and by draws of few of them."""
    rng = np.random.default_rng(0)
    launches = {}
    for contestant, turns in undisturbed(read_run(Path(folder))):
        launches.setdefault(contestant, []).append(turns)
    for contestant, found in launches.items():
        print(f"{contestant}: {len(found)} launches of {', '.join(str(len(turns)) for turns in found)} undisturbed turns")
        print(f"  of all their turns: launches differ by {np.std([log_step(turns) for turns in found], ddof=1):.1%}")
        for count in TURNS:
            for name, kept in (("the first epoch", 1), ("all epochs", None)):
                drawn = [[log_step(draw(rng, turns, count, kept)) for turns in found] for _ in range(DRAWS)]
                within, both = np.std(drawn, axis=0).mean(), np.std(drawn, axis=1, ddof=1).mean()
                print(f"  {count} turns, {name} of each: {both:.1%}, of which {within:.1%} by the turns that were drawn")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", metavar="RUN", help="folder of a run")
    main(parser.parse_args().run)
