"""Asks processes of `comparison_worker` for launches, and reads their answers.

Called by `comparison` through its `ComparisonRunner`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bench.regression.compare.forks import HAS_FORK
from bench.regression.compare.launch_process import ComparisonProcessError, LaunchProcess
from bench.regression.compare.position import SIDES
from bench.regression.compare.revisions import RevisionError, Sides
from bench.regression.compare.schedule import Plan
from bench.regression.compare.timing import SLOWEST_RATIO
from bench.regression.compare.touched import changed_functions

LAUNCHES = 4 if HAS_FORK else 1
"""Of a request: forks of one process that has loaded NumPy; Windows has no fork."""
LAUNCHES_A_PROCESS = 64 if HAS_FORK else 1
"""After which a process is replaced. Its start, with scikit-learn, takes as long as a launch."""
SHORT_CHECK_SECONDS = 2.0
"""After which the check makes way for measuring, where a benchmark is hopelessly slow at HEAD."""
PAIRS = 24
"""Pairs of blocks in a build, at most."""
LIMITS_SECONDS = {"start": 60.0, "import": 15.0, "check": 10.0, "measure": 40.0}
"""For how long a launch may be at one place: an import, the check of a variant at one side, a block."""
WHAT_IS_ONE = (
    "it must have functions test_*(benchmark), as for pytest-benchmark, or BENCHMARKS, a list of bench.micro.benchmark.Benchmark"
)

INSTALL_HINT = "; install the project and what it needs into this environment:  python -m pip install -e ."


@dataclass(frozen=True)
class Launch:
    """What a launch found.

    Parameters
    ----------
    blocks
        Of each benchmark the seconds of its blocks (builds, 2, pairs); NaN where a build has fewer pairs.
    errors
        Of each benchmark that failed the message, by side.
    cut
        The benchmarks of which a block was ended: one side takes at least so long.

    """

    blocks: Mapping[str, NDArray[Any]]
    errors: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    cut: frozenset[str] = frozenset()


@dataclass
class ComparisonProcesses:
    """Launches of two sides, in processes of their own; the last of them ends with `close`, or with the `with` block."""

    sides: Sides
    limits_seconds: Mapping[str, float] = field(default_factory=lambda: LIMITS_SECONDS)
    _unsupported: dict[str, str] = field(default_factory=dict, init=False)
    _variants: dict[str, list[str]] = field(default_factory=dict, init=False)
    _process: LaunchProcess | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @cached_property
    def _changed(self) -> list[str]:
        return changed_functions(*(self.sides.copy(side, self.sides.names[0]) for side in SIDES))

    def close(self) -> None:
        """End the process, if there is one."""
        if self._process is not None:
            self._process.close()
            self._process = None

    def names(self) -> list[str]:
        """The benchmarks of another package that exist at either side.

        Raises
        ------
        RevisionError
            If a side, or the benchmarks' file, can't be imported.

        """
        found: list[str] = []
        for answer in self._answers("names", [], 1, None):
            if "item" in answer:
                self._refuse_unimported(answer["item"])
                found = answer["item"]["names"]
                self._unsupported = answer["item"]["unsupported"]
                if failures := answer["item"]["failures"]:
                    said = "; ".join(f"{file}: {error}" for file, error in failures.items())
                    raise RevisionError("can't be loaded", f"{self.sides.benchmarks} can't be imported on either side: {said}")
            elif answer["end"]:
                self._refuse_import(answer)
        if not found:
            raise RevisionError("no benchmarks", f"{self.sides.benchmarks} has no benchmarks: {WHAT_IS_ONE}")
        return found

    def refuse_unsupported(self, benchmarks: Sequence[str]) -> None:
        """Raise a RevisionError if one of `benchmarks` can't be timed, with the reason."""
        for name in benchmarks:
            if name in self._unsupported:
                raise RevisionError("not supported", f"{name} {self._unsupported[name]}, or name the others by --benchmark")

    def check(self, benchmarks: Sequence[str], seconds: float = float("inf")) -> dict[str, dict[str, Any]]:
        """Whether both sides compute the same, by benchmark: see `comparison_worker.check`.

        A benchmark that ends or stops its process has an error; those that were not reached within `seconds` are missing, and
        so are those after one that is hopelessly slow at HEAD, if the check takes long.

        Raises
        ------
        RevisionError
            If a side can't be imported, or a benchmark asks for what can't be timed.

        """
        begin = time.monotonic()
        end = begin + seconds
        found: dict[str, dict[str, Any]] = {}
        while left := [name for name in benchmarks if name not in found]:
            if found and (time.monotonic() >= end or _is_enough(found, begin)):
                break
            failed = False
            is_limited = found or self._variants or seconds > self.limits_seconds["import"]  # the first one has time to import
            for answer in self._answers("check", left, 1, end if is_limited and math.isfinite(end) else None):
                if "item" in answer:
                    self._refuse_unimported(answer["item"])
                    if "unsupported" in answer["item"]:
                        self._unsupported[answer["item"]["benchmark"]] = answer["item"]["unsupported"]
                        self.refuse_unsupported(left)
                    if "benchmark" in answer["item"]:
                        found[answer["item"].pop("benchmark")] = self._in_own_name(answer["item"], ("errors", "dropped"))
                        if seconds > 0 and _is_enough(found, begin):  # with a budget of 0, nobody would come back
                            break
                elif answer["end"]:
                    failed = True
                    self._refuse_import(answer)
                    if answer["benchmark"]:
                        found[answer["benchmark"]] = {"errors": {answer["side"]: answer["end"]}}
            if not failed:
                break
        self._blame(found, end)
        self._variants |= {name: item["variants"] for name, item in found.items() if "variants" in item}
        return found

    def measure(self, plan: Plan) -> Iterator[Launch]:
        """Make launches; the last is one that dies or hangs, with an error of the benchmark that it was at, or lacks a side."""
        for answer in self._answers("measure", plan.benchmarks, min(plan.launches or LAUNCHES, LAUNCHES), None, plan):
            if "item" in answer and "not_imported" in answer["item"]:
                yield Launch({}, self._errors_of_import(answer["item"], plan.benchmarks))
                return
            if "item" in answer:
                builds = {name: _as_array(found) for name, found in answer["item"]["builds"].items()}
                errors = {name: dict(each) for name, each in answer["item"]["errors"].items()}
                own = {name: self._in_own_name(errors, (name,))[name] for name in errors}
                yield Launch(builds, own, frozenset(answer["item"]["cut"]))
            elif answer["end"]:
                if answer["phase"] == "import":
                    yield Launch({}, self._errors_of_import(_died_importing(answer), plan.benchmarks))
                    return
                if not answer["benchmark"]:
                    raise ComparisonProcessError(f"a launch {answer['end']}")
                yield Launch({}, {answer["benchmark"]: {answer["side"] or "head": answer["end"]}})
                return

    def _refuse_unimported(self, item: Mapping[str, Any]) -> None:
        """Raise an error if a side can't be imported; one that can be without the other has that one in its way."""
        if "not_imported" not in item:
            return
        side, message = item["not_imported"], self._own_name(item["message"])
        self.close()
        if side in SIDES and not item.get("hangs") and self._runs_alone(side, [], None) is not None:
            other = SIDES[1 - SIDES.index(side)].upper()
            message = f"can't be imported beside {other}, which is in its way: {message}"
        lacks_another = "NotFoundError" in message and f"'{self.sides.package}." not in message
        message += INSTALL_HINT if lacks_another and self.sides.benchmarks is not None else ""
        raise RevisionError("can't be loaded", f"{self.sides.package} at {side.upper()} {message}")

    def _errors_of_import(self, item: Mapping[str, Any], benchmarks: Sequence[str]) -> dict[str, dict[str, str]]:
        """The error, by side, of each benchmark of a launch in which a side couldn't be imported, though it could in the check."""
        side, message = item["not_imported"], self._own_name(item["message"])
        self.close()
        if side == "base" and self._runs_alone(side, [], None) is not None:
            side, message = "head", f"BASE can't be imported beside it, and can without it: {message}"
        return {name: {side: message} for name in benchmarks}

    def _blame(self, found: Mapping[str, dict[str, Any]], end: float) -> None:
        """Put an error on the other side where a benchmark that raises at one side runs without the other one.

        HEAD has what it does to BASE, or to both, put on it; what BASE does to HEAD alone is BASE's.
        """
        raising = {name: item["errors"] for name, item in found.items() if item["errors"] and "difference" in item}
        for side, other in (SIDES, SIDES[::-1]):
            names = [name for name, errors in raising.items() if side in errors]
            if not names or time.monotonic() >= end:
                continue
            self.close()
            for name in self._runs_alone(side, names, end) or ():
                errors = raising.pop(name)
                errors.setdefault(other, f"{side.upper()} fails beside it, and runs without it: {errors[side]}")
                del errors[side]

    def _runs_alone(self, side: str, benchmarks: Sequence[str], end: float | None) -> list[str] | None:
        """The benchmarks that don't fail where only one side is imported; None if it can't be imported."""
        running = []
        try:
            for answer in self._answers("alone", benchmarks, 1, end, side=side):
                item = answer.get("item", {})
                if "not_imported" in item or (answer.get("end") and answer["phase"] == "import"):
                    return None
                if item and not item["fails"]:
                    running.append(item["benchmark"])
        except ComparisonProcessError:
            return None
        return running

    def _own_name(self, text: str) -> str:
        """`text` with the package's own name, and the paths in its project, in place of those of its copies."""
        for name in self.sides.names:
            for side in SIDES if str(self.sides.root) in text else ():
                text = text.replace(f"{self.sides.folder(side, name)}/", "").replace(f"{self.sides.root}/tests/{side}/", "")
            text = text.replace(name, self.sides.package)
        return text

    def _in_own_name(self, item: dict[str, Any], keys: Sequence[str]) -> dict[str, Any]:
        """`item` with the package's own name in the texts below `keys`."""
        texts = {key: {name: self._own_name(text) for name, text in item.get(key, {}).items()} for key in keys}
        return {**item, **texts}

    def _refuse_import(self, answer: Mapping[str, Any]) -> None:
        """Raise an error if a process died, or was ended, in an import."""
        if answer["phase"] == "import":
            self._refuse_unimported(_died_importing(answer))

    def _answers(
        self, task: str, benchmarks: Sequence[str], launches: int, end: float | None, plan: Plan | None = None, side: str = ""
    ) -> Iterator[dict[str, Any]]:
        """What a process answers to a request; the next request has the same process if this one went well."""
        if self._process is None:
            self._process = LaunchProcess(self.sides.root)
        went_well = False
        try:
            went_well = yield from self._process.ask({**self._request(task, benchmarks, launches, end, plan), "side": side}, end)
        finally:
            if not went_well or self._process.launches >= LAUNCHES_A_PROCESS:
                self.close()

    def _request(self, task: str, benchmarks: Sequence[str], launches: int, end: float | None, plan: Plan | None) -> dict[str, Any]:
        sides = self.sides
        suites = {side: {"root": str(root), "path": str(path)} for side, (root, path) in sides.suites.items()}
        return {
            "task": task,
            "benchmarks": list(benchmarks),
            "package": sides.package,
            "packages": {side: [str(sides.copy(side, name)) for name in sides.names] for side in SIDES},
            "suites": suites if sides.benchmarks else None,
            "own": sides.own,
            "folders": {side: str(folder) for side, folder in sides.folders.items()},
            "variants": {name: self._variants.get(name, [""]) for name in benchmarks},
            "limits_seconds": dict(self.limits_seconds),
            "changed": self._changed if task == "check" else [],
            "rounds": plan.rounds if plan else 0,
            "cut_seconds": plan.cut_seconds if plan else None,
            "pairs": PAIRS,
            "launches": launches,
            "most_patience_seconds": round(self.limits_seconds["check"] if end is None else max(0, end - time.monotonic()) / 2),
        }


def _died_importing(answer: Mapping[str, Any]) -> dict[str, Any]:
    """What a process would have answered if the import in which it ended had failed."""
    hangs = answer["end"].startswith("not done")
    message = f"fails to import: its import {'is ' if hangs else ''}{answer['end']}"
    return {"not_imported": answer["side"] or "head", "message": message, "hangs": hangs}


def _is_enough(found: Mapping[str, Mapping[str, Any]], begin: float) -> bool:
    """Whether a benchmark is hopelessly slow at HEAD, and the check has taken long already."""
    seconds = [item["seconds"] for item in found.values() if "seconds" in item and item["same"] and not item["errors"]]
    is_hopeless = any(each["head"] > SLOWEST_RATIO * each["base"] > 0 for each in seconds)
    return is_hopeless and time.monotonic() - begin > SHORT_CHECK_SECONDS


def _as_array(builds: Sequence[Mapping[str, Sequence[float]]]) -> NDArray[Any]:
    """(builds, 2, pairs), with NaN where a build has fewer pairs than another."""
    pairs = max(len(build["base"]) for build in builds)
    blocks = np.full((len(builds), 2, pairs), np.nan)
    for number, build in enumerate(builds):
        blocks[number, 0, : len(build["base"])] = build["base"]
        blocks[number, 1, : len(build["head"])] = build["head"]
    return blocks
