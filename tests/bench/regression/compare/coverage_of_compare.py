"""Which public functions of `numpy_nn` may become a tenth slower without `compare` noticing: `nox -s coverage_of_compare`.

Each takes a tenth longer than it did, with all that it calls, one at a time, and is compared with the processes, the timing and the
decision rule of `compare`: at the level of the whole set, with a tolerance of 0 but for the benchmarks that have one of their own.
Only the benchmarks of which it takes the largest share are measured. What takes too small a share of any is listed without a
measurement. The results, a line of JSON each, stay in the file that `--out` names, and a further call goes on after them;
`--markdown` writes the page.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent)]

from slowed_functions import PublicFunction, copy_noting, copy_slowed, public_functions  # noqa: E402

from bench.micro.suite import LEAST_TOLERANCES  # noqa: E402
from bench.regression.compare.comparison import log_ratio  # noqa: E402
from bench.regression.compare.comparison_processes import ComparisonProcesses  # noqa: E402
from bench.regression.compare.e_process import DecisionRule  # noqa: E402
from bench.regression.compare.revisions import Revision, Sides, add_side  # noqa: E402
from bench.regression.compare.schedule import Plan  # noqa: E402
from bench.regression.compare.verdicts import Verdict  # noqa: E402

LONGER = 0.1
LEAST_EFFECT = 0.0015
"""Of a benchmark's time, beyond its tolerance: what is less isn't measured."""
MOST_BENCHMARKS = 2
FIRST_LAUNCHES = 32
"""So many are short; the following ones are as long as those of `compare` for one benchmark."""
SHORT_ROUNDS, ROUNDS = 2, 8
NOT_COUNTED = {
    "losses/base.py:Loss.from_logit_values": "raises an error, and nothing else",
    "optimizers/base.py:Optimizer.first_state": "every optimizer has its own",
}
"""Functions that no user waits for."""


DEFAULT_TOLERANCE = 0.005
BUDGET = 15.0
PAGE = """# What becomes of a function that takes a tenth longer

Made by `nox -s coverage_of_compare -- --markdown docs/coverage_of_compare.md`, in half an hour on two cores.

Each public function of `numpy_nn`, and each method and property of its classes, takes a tenth longer, with all that it
calls, one at a time, and is compared with itself by the processes, the timing and the decision rule of `compare`. The level
is that of the whole set, and the tolerance 0, but for the benchmarks that have one of their own (`fit`, files, estimators,
ensembles). Both sides have the same wrapper around the function, so that what it takes itself doesn't count; on one side it
waits for a tenth of each call's time, which counts as 50 ns at least: that is Python's own part of a call. A benchmark of which
the function takes the largest share is measured, then the next, for {budget:g} s at most each. A share is that of the time of a
block; of a family, the mean over its variants.

Methods whose names begin with `record_` run once a network and are left out; so are abstract ones, and those that do nothing.

**{summary}**, in {median:.0f} s in the median; {untried} not tried. Of those noticed, {beyond} make their benchmark slower by more
than the default tolerance of 0.5 %, by the estimate: the others are noticed with `--tolerance 0` alone.

| not noticed | why |
| --- | --- |
{rows}
"""


def shares(functions: Iterable[PublicFunction], folder: Path) -> dict[str, dict[str, tuple[float, float]]]:
    """By function, by benchmark, the share of its time, and the seconds of a call."""
    copy_noting(folder, functions)
    script = Path(__file__).with_name("shares_of_benchmarks.py")
    done = subprocess.run([sys.executable, str(script), str(folder)], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def effects(of_function: Mapping[str, tuple[float, float]]) -> list[tuple[float, str]]:
    """What the slower function adds to each benchmark beyond its tolerance, with its name; the largest first."""
    return sorted(((LONGER * share - LEAST_TOLERANCES[name], name) for name, (share, _) in of_function.items()), reverse=True)


class Comparisons:
    """Comparisons of a copy in which one function takes longer with one in which it doesn't."""

    def __init__(
        self, folder: Path, functions: Iterable[PublicFunction], benchmarks: Iterable[str], longer: float = LONGER
    ) -> None:
        self._chosen = folder / "chosen"
        self._chosen.write_text("")
        self._sides = Sides(folder / "packages", Revision("base", None), Revision("head", None))
        for side, share in (("base", 0.0), ("head", longer)):
            add_side(self._sides, side, copy_slowed(folder / side, self._chosen, share, functions))
        self._processes = ComparisonProcesses(self._sides)
        self._processes.check(list(benchmarks))

    def close(self) -> None:
        self._processes.close()

    def tried(self, place: str, call_seconds: float, benchmark: str, budget: float) -> dict:
        """What is known of the function after a comparison with one benchmark."""
        self._chosen.write_text(f"{place} {call_seconds}")
        rule = DecisionRule(len(LEAST_TOLERANCES), LEAST_TOLERANCES[benchmark])
        log_ratios: list[float] = []
        start = time.monotonic()
        verdict = Verdict.INCONCLUSIVE
        while verdict is Verdict.INCONCLUSIVE and time.monotonic() - start < budget:
            rounds = SHORT_ROUNDS if len(log_ratios) < FIRST_LAUNCHES else ROUNDS
            for launch in self._processes.measure(Plan([benchmark], rounds)):
                if benchmark in launch.errors:
                    return {"noticed": False, "reason": f"{benchmark} fails: {launch.errors[benchmark]}"}
                log_ratios.append(float(log_ratio(launch.blocks[benchmark])))
                verdict = rule.verdict(log_ratios)
                if verdict is not Verdict.INCONCLUSIVE:
                    break
        low, high = rule.interval(log_ratios)
        return {
            "noticed": verdict is Verdict.REGRESSED,
            "verdict": str(verdict),
            "benchmark": benchmark,
            "ratio": rule.estimate(log_ratios),
            "interval": [low, high],
            "launches": len(log_ratios),
            "seconds": round(time.monotonic() - start, 1),
        }


def outcome(function: PublicFunction, of_function: Mapping, comparisons: Comparisons, budget: float) -> dict:
    """The line of a function."""
    line = {"function": function.place, "noticed": False}
    if function.place in NOT_COUNTED:
        return {**line, "counted": False, "reason": NOT_COUNTED[function.place]}
    if not of_function:
        return {**line, "reason": "no benchmark calls it"}
    possible = [(effect, name) for effect, name in effects(of_function) if effect >= LEAST_EFFECT][:MOST_BENCHMARKS]
    name = effects(of_function)[0][1]
    if not possible:
        share, seconds = of_function[name]
        return {**line, "reason": f"takes {100 * share:.2g} % of {name}, a call {1e6 * seconds:.1f} µs"}
    for _, name in possible:
        share, seconds = of_function[name]
        line |= {"share": share, **comparisons.tried(function.place, seconds, name, budget)}
        if line["noticed"]:
            break
    else:
        line["reason"] = (
            line.get("reason") or f"{100 * line['share']:.2g} % of {line['benchmark']}: {line.get('verdict')} after {budget:g} s"
        )
    return line


def summary(lines: Iterable[Mapping]) -> str:
    counted = [line for line in lines if line.get("counted", True)]
    seen = sum(line["noticed"] for line in counted)
    return f"{seen} of {len(counted)} noticed ({seen / max(1, len(counted)):.0%})"


def page(lines: list[Mapping], functions: int) -> str:
    """The outcome as a page of the documents."""
    noticed = [line for line in lines if line["noticed"]]
    beyond = sum(line["ratio"] > 1 + DEFAULT_TOLERANCE for line in noticed)
    seconds = sorted(line["seconds"] for line in noticed)
    median = seconds[len(seconds) // 2] if seconds else 0.0
    rows = [f"| `{line['function']}` | {line['reason']} |" for line in lines if not line["noticed"]]
    return PAGE.format(
        summary=summary(lines), beyond=beyond, untried=functions - len(lines), median=median, rows="\n".join(rows), budget=BUDGET
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results/coverage_of_compare.jsonl"))
    parser.add_argument("--markdown", type=Path, help="a file for the table of those that are not noticed")
    parser.add_argument("--seconds", type=float, default=3600.0, help="after which no comparison is started")
    parser.add_argument("--budget", type=float, default=BUDGET, help="seconds of a comparison with one benchmark")
    parser.add_argument("--only", default="", help="functions whose place has this text, or one of several with commas between")
    parser.add_argument("--list", action="store_true", help="only say which share each takes of which benchmark")
    parser.add_argument("--longer", type=float, default=LONGER, help="0 for a control: nothing is to be noticed then")
    options = parser.parse_args()
    functions = [function for function in public_functions() if any(text in function.place for text in options.only.split(","))]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        found = shares(functions, folder / "noting")
        if options.list:
            for function in functions:
                named = [f"{name} {(effect + LEAST_TOLERANCES[name]) / LONGER:.1%}"
                         for effect, name in effects(found.get(function.place, {}))[:3]]  # fmt: skip
                print(function.place, ", ".join(named) or "no benchmark calls it")
            return
        lines = _all_tried(functions, found, folder, options)
    print(f"{summary(lines)}; {len(functions) - len(lines)} not tried")
    if options.markdown:
        options.markdown.write_text(page(lines, len(functions)))


def _all_tried(functions: list[PublicFunction], found: Mapping, folder: Path, options: argparse.Namespace) -> list[dict]:
    options.out.parent.mkdir(parents=True, exist_ok=True)
    benchmarks = {name for of_function in found.values() for _, name in effects(of_function)[:MOST_BENCHMARKS]}
    comparisons = Comparisons(folder, functions, benchmarks, options.longer)
    end = time.monotonic() + options.seconds
    try:
        for function in functions:
            if function.place in _written(options.out) or time.monotonic() > end:
                continue
            line = outcome(function, found.get(function.place, {}), comparisons, options.budget)
            print(json.dumps(line), flush=True)
            with options.out.open("a") as file:
                file.write(json.dumps(line) + "\n")
    finally:
        comparisons.close()
    done = _written(options.out)
    return [done[function.place] for function in functions if function.place in done]


def _written(path: Path) -> dict[str, dict]:
    """The lines so far, by function; another run may be at the same file."""
    lines = path.read_text().splitlines() if path.exists() else []
    return {line["function"]: line for line in map(json.loads, lines)}


if __name__ == "__main__":
    main()
