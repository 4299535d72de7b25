"""Which public functions of `numpy_nn` may become a tenth slower without `compare` noticing: `nox -s coverage_of_compare`.

Each is slowed in turn, in a repository of its own, and compared. A function that no benchmark calls is counted as not noticed
without a comparison. What slows a function takes two microseconds of its own, which is more than a tenth of the shortest ones. The
results, a line of JSON each, stay in the file that `--out` names, and a further call goes on after them.
"""

import argparse
import importlib
import inspect
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent)]

import seeded_changes  # noqa: E402
from seeded_changes import LONGER, SeededChange, appended  # noqa: E402

import numpy_nn  # noqa: E402
from bench.micro.suite import BENCHMARKS  # noqa: E402
from bench.regression.compare.touched import called_functions  # noqa: E402

SHARE = 0.1
MODULES = ("activations", "callbacks", "estimators", "initializers", "losses", "metrics", "optimizers", "regularizers", "schedules")
SPECIAL = ("__init__", "__call__")
RECORDING = "record_"
"""Methods that the engine calls once a network, to record what it then repeats without them."""
PACKAGE = Path(numpy_nn.__file__).parent


@dataclass(frozen=True)
class PublicFunction:
    """A function or a method, at the place where it is defined."""

    file: str
    name: str
    kind: str = ""
    """"classmethod", "staticmethod", or nothing."""

    @property
    def place(self) -> str:
        return f"{self.file}:{self.name}"

    def slowed(self) -> SeededChange:
        """It takes a tenth longer."""
        function = self.name
        if self.kind:
            owner, _, method = self.name.rpartition(".")
            function = f"{owner}.__dict__[{method!r}].__func__"
        longer = f"_longer({function}, {SHARE})"
        return SeededChange(appended(f"{LONGER}{self.name} = {self.kind}({longer})", self.file), "regressed")


def public_functions() -> list[PublicFunction]:
    """What users call: functions of the public modules, and the methods of the classes in them and of their bases."""
    found: dict[str, PublicFunction] = {}
    for module in [numpy_nn, *(importlib.import_module(f"numpy_nn.{name}") for name in MODULES)]:
        for name, value in vars(module).items():
            if name.startswith("_") or not getattr(value, "__module__", "").startswith("numpy_nn"):
                continue
            if inspect.isfunction(value):
                _add(found, PublicFunction(_file(value), value.__qualname__))
            elif inspect.isclass(value):
                for owner in [each for each in value.__mro__ if each.__module__.startswith("numpy_nn")]:
                    _add_methods(found, owner)
    return sorted(found.values(), key=lambda function: function.place)


def _add_methods(found: dict[str, PublicFunction], owner: type) -> None:
    for name, value in vars(owner).items():
        if (name.startswith("_") and name not in SPECIAL) or name.startswith(RECORDING):
            continue
        kind = type(value).__name__ if isinstance(value, (classmethod, staticmethod)) else ""
        function = value.__func__ if kind else value
        is_here = inspect.isfunction(function) and function.__qualname__ == f"{owner.__qualname__}.{name}"
        if is_here and not _is_generated(function):
            _add(found, PublicFunction(_file(function), f"{owner.__qualname__}.{name}", kind))


def _is_generated(function: object) -> bool:
    """Whether nobody wrote it, or it does nothing, or it is abstract."""
    if function.__code__.co_code == _nothing.__code__.co_code and not function.__code__.co_names:
        return True
    return function.__code__.co_filename.startswith("<") or getattr(function, "__isabstractmethod__", False)


def _nothing() -> None: ...


def _file(function: object) -> str:
    return Path(inspect.getfile(function)).relative_to(PACKAGE).as_posix()


def _add(found: dict[str, PublicFunction], function: PublicFunction) -> None:
    found.setdefault(function.place, function)


def callers() -> dict[str, set[str]]:
    """By benchmark the functions that it calls, while it is prepared or timed."""
    found = {}
    for name, benchmark in BENCHMARKS.items():

        def run(benchmark=benchmark) -> None:
            for variant in benchmark.variants:
                work = benchmark.prepare(numpy_nn, 0, variant)
                work()
                work.close()

        found[name] = called_functions(run, PACKAGE)
    return found


def tried(function: PublicFunction, benchmarks: list[str], budget: float) -> dict:
    """What `compare` says of the slowed function, with those benchmarks."""
    if not benchmarks:
        return {"function": function.place, "noticed": False, "reason": "no benchmark calls it"}
    seeded_changes.CHANGES["tenth"] = function.slowed()
    options = [option for name in benchmarks for option in ("--benchmark", name)]
    with tempfile.TemporaryDirectory() as folder:
        document = seeded_changes.outcome("tenth", Path(folder), "--budget", str(budget), *options)
    noticed = document["verdict"] == "regressed"
    reason = document["headline"] if document["verdict"] else document["error"]["message"]
    return {"function": function.place, "noticed": noticed, "reason": reason, "seconds": document["wall_seconds"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results/coverage_of_compare.jsonl"))
    parser.add_argument("--seconds", type=float, default=3600.0, help="after which no comparison is started")
    parser.add_argument("--budget", type=float, default=60.0, help="seconds of a comparison")
    parser.add_argument("--only", default="", help="functions whose place has this text")
    options = parser.parse_args()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    lines = options.out.read_text().splitlines() if options.out.exists() else []
    done = {line["function"]: line for line in map(json.loads, lines)}
    by_benchmark = callers()
    end = time.monotonic() + options.seconds
    functions = [function for function in public_functions() if options.only in function.place]
    for function in functions:
        if function.place in done or time.monotonic() > end:
            continue
        benchmarks = [name for name, called in by_benchmark.items() if function.place in called]
        done[function.place] = tried(function, benchmarks, options.budget)
        print(json.dumps(done[function.place]), flush=True)
        with options.out.open("a") as file:
            file.write(json.dumps(done[function.place]) + "\n")
    known = [done[function.place] for function in functions if function.place in done]
    print(f"{sum(line['noticed'] for line in known)} of {len(known)} noticed; {len(functions) - len(known)} not tried")


if __name__ == "__main__":
    main()
