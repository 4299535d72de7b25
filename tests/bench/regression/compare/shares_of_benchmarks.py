"""Which share of each benchmark each public function takes: `python shares_of_benchmarks.py FOLDER`, which has a `copy_noting`.

Started by `coverage_of_compare`. Prints a line of JSON: by function, by benchmark, the share of its time, and the seconds of a
call; the share of a family is the mean over its variants, which is what a slower function adds to it.
"""

import importlib
import json
import sys
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
BLOCKS_SECONDS = 0.05
LEAST_BLOCKS = 3
LEAST_CALL_SECONDS = 5e-8
"""A call takes no less: Python's own part of it."""


def main(folder: str) -> None:
    sys.path[:0] = [folder, str(ROOT)]
    from bench.micro.suite import BENCHMARKS, PRELOADED

    for module in dict.fromkeys(each for names in PRELOADED.values() for each in names):
        with suppress(ImportError):
            importlib.import_module(module)
    package, wrappers = importlib.import_module("numpy_nn"), importlib.import_module("numpy_nn._wrappers")
    assert Path(package.__file__).parent.parent == Path(folder)
    found: dict[str, dict[str, tuple[float, float]]] = {}
    for name, benchmark in BENCHMARKS.items():
        for variant in benchmark.variants:
            for place, (share, call_seconds) in _shares(benchmark.prepare(package, 0, variant), wrappers).items():
                before, _ = found.setdefault(place, {}).get(name, (0.0, 0.0))
                found[place][name] = before + share / len(benchmark.variants), call_seconds
    print(json.dumps(found))


def _shares(work: object, wrappers: object) -> dict[str, tuple[float, float]]:
    """Of each function that `work` calls the share of the time of a block, and the seconds of a call."""
    for _ in range(2):
        work.before_block()
        work()
    for times in wrappers.TIMES.values():
        times[:] = [0, 0.0]
    seconds, blocks, calls = 0.0, 0, 0
    while seconds < BLOCKS_SECONDS or blocks < LEAST_BLOCKS:
        work.before_block()
        before, start = wrappers.CALLS[0], time.perf_counter()
        work()
        seconds += time.perf_counter() - start
        calls += wrappers.CALLS[0] - before
        blocks += 1
    seconds -= calls * wrappers.OUTER_SECONDS
    times = {place: (count, max(spent, count * LEAST_CALL_SECONDS)) for place, (count, spent) in wrappers.TIMES.items() if count}
    found = {place: (spent / seconds, spent / count) for place, (count, spent) in times.items()}
    work.close()
    return found


if __name__ == "__main__":
    main(sys.argv[1])
