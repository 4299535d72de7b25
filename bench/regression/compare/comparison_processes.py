"""Starts the processes of `comparison_worker`, one after the other, and reads their answers.

Called by `comparison` through its `ComparisonRunner`.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from bench.child_processes import python_command, search_path
from bench.regression.compare.forks import HAS_FORK
from bench.regression.compare.position import SIDES
from bench.regression.compare.revisions import RevisionError, Sides
from bench.regression.compare.touched import changed_functions

WORKER = "bench.regression.compare.comparison_worker"
LAUNCHES_A_PROCESS = 8 if HAS_FORK else 1
"""Forks of one process that has loaded NumPy, so that its start is paid once; Windows has no fork."""
PAIRS = 24
"""Pairs of blocks in a build, at most."""
LIMITS_SECONDS = {"start": 60.0, "import": 15.0, "check": 10.0, "measure": 40.0}
"""For how long a launch may be at one place: an import, the check of a variant at one side, a block."""
PROCESS_SECONDS = 600.0
"""For a whole process, whose launches end themselves long before."""


WHAT_IS_ONE = "it must have functions test_*(benchmark), or BENCHMARKS, a list of bench.micro.benchmark.Benchmark"


class ComparisonProcessError(RuntimeError):
    """A comparison process that ended without an answer."""

    kind = "launch failed"
    """For programs, as `RevisionError.kind`."""


@dataclass(frozen=True)
class Launch:
    """What a launch found.

    Parameters
    ----------
    blocks
        Of each benchmark the seconds of its blocks (builds, 2, pairs); NaN where a build has fewer pairs.
    errors
        Of each benchmark that failed the message, by side.

    """

    blocks: Mapping[str, NDArray[Any]]
    errors: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass
class ComparisonProcesses:
    """Launches of two sides, in fresh processes."""

    sides: Sides
    limits_seconds: Mapping[str, float] = field(default_factory=lambda: LIMITS_SECONDS)
    _variants: dict[str, list[str]] = field(default_factory=dict, init=False)

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
            elif answer["end"]:
                self._refuse_import(answer)
        if not found:
            raise RevisionError("no benchmarks", f"{self.sides.benchmarks} has no benchmarks: {WHAT_IS_ONE}")
        return found

    def check(self, benchmarks: Sequence[str], seconds: float = float("inf")) -> dict[str, dict[str, Any]]:
        """Whether both sides compute the same, by benchmark: see `comparison_worker.check`.

        A benchmark that ends or stops its process has an error; those that were not reached within `seconds` are missing.

        Raises
        ------
        RevisionError
            If one of them can't be imported.

        """
        end = time.monotonic() + seconds
        found: dict[str, dict[str, Any]] = {}
        while left := [name for name in benchmarks if name not in found]:
            if found and time.monotonic() >= end:
                break
            failed = False
            for answer in self._answers("check", left, 1, end if found or seconds > LIMITS_SECONDS["import"] else None):
                if "item" in answer:
                    self._refuse_unimported(answer["item"])
                    if "benchmark" in answer["item"]:
                        found[answer["item"].pop("benchmark")] = answer["item"]
                elif answer["end"]:
                    failed = True
                    self._refuse_import(answer)
                    if answer["benchmark"]:
                        found[answer["benchmark"]] = {"errors": {answer["side"]: answer["end"]}}
            if not failed:
                break
        self._variants = {name: item["variants"] for name, item in found.items() if "variants" in item}
        return found

    def measure(self, benchmarks: Sequence[str], rounds: int) -> Iterator[Launch]:
        """Make launches; the last is one that dies or hangs, with an error of the benchmark that it was at."""
        for answer in self._answers("measure", benchmarks, LAUNCHES_A_PROCESS, None, rounds):
            if "item" in answer:
                self._refuse_unimported(answer["item"])
                builds = {name: _as_array(found) for name, found in answer["item"]["builds"].items()}
                yield Launch(builds, answer["item"]["errors"])
            elif answer["end"]:
                self._refuse_import(answer)
                if not answer["benchmark"]:
                    raise ComparisonProcessError(f"a launch {answer['end']}")
                yield Launch({}, {answer["benchmark"]: {answer["side"] or "head": answer["end"]}})
                return

    def _refuse_unimported(self, item: Mapping[str, Any]) -> None:
        if "not_imported" in item:
            side = item["not_imported"].upper()
            raise RevisionError("can't be loaded", f"{self.sides.package} at {side} {item['message']}")

    def _refuse_import(self, answer: Mapping[str, Any]) -> None:
        if answer["phase"] == "import":
            where = f"{self.sides.package} at {answer['side'].upper()}"
            raise RevisionError("can't be loaded", f"{where} fails to import: its import {_as_sentence(answer['end'])}")

    def _answers(
        self, task: str, benchmarks: Sequence[str], launches: int, end: float | None, rounds: int = 0
    ) -> Iterator[dict[str, Any]]:
        """What a process answers to a request; it ends with the block, or at `end`, whatever it has started."""
        sides = self.sides
        with tempfile.TemporaryDirectory(dir=sides.root, prefix="process-", ignore_cleanup_errors=True) as folder:
            request = {
                "id": os.urandom(8).hex(),
                "task": task,
                "benchmarks": list(benchmarks),
                "package": sides.package,
                "packages": {side: [str(sides.copy(side, name)) for name in sides.names] for side in SIDES},
                "suites": {side: [str(sides.suite(side, name)) for name in sides.names] for side in SIDES}
                if sides.benchmarks
                else None,
                "variants": {name: self._variants.get(name, [""]) for name in benchmarks},
                "position": str(Path(folder) / "position"),
                "limits_seconds": dict(self.limits_seconds),
                "changed": changed_functions(*(sides.copy(side, sides.names[0]) for side in SIDES)) if task == "check" else [],
                "rounds": rounds,
                "pairs": PAIRS,
                "launches": launches,
            }
            yield from _talk(request, Path(folder) / "stderr", end)


def _talk(request: Mapping[str, Any], stderr: Path, end: float | None) -> Iterator[dict[str, Any]]:
    environment = {**_environment(), **search_path(os.environ)}
    with stderr.open("wb") as errors:
        process = subprocess.Popen(
            python_command(WORKER),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment,
            start_new_session=True,
        )
    assert process.stdin is not None
    assert process.stdout is not None
    lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    reader = threading.Thread(target=_pass_on, args=(process.stdout, lines.put), daemon=True)
    reader.start()
    ends = 0
    try:
        try:
            process.stdin.write(json.dumps(request).encode())
            process.stdin.close()
        except BrokenPipeError:
            pass  # it has ended; its last words say why
        while ends < request["launches"]:
            left = PROCESS_SECONDS if end is None else min(PROCESS_SECONDS, end - time.monotonic())
            try:
                line = lines.get(timeout=max(left, 0.01))
            except queue.Empty:
                if end is not None:
                    return
                raise ComparisonProcessError(f"a process was not done after {PROCESS_SECONDS:g} s") from None
            if line is None:
                raise ComparisonProcessError(f"a process ended with code {process.wait()}: {_last_words(stderr)}")
            answer = _parsed(line, request["id"])
            if answer is not None:
                ends += "end" in answer
                yield answer
    finally:
        _kill_group(process)
        process.wait()
        process.stdout.close() if not reader.is_alive() else None


def _pass_on(stream: IO[bytes], put: Callable[[bytes | None], None]) -> None:
    """Put each line into a queue, and None at the end: waiting for a queue can have a time limit, for a pipe it can't."""
    try:
        for line in stream:
            put(line)
    except ValueError:  # closed
        pass
    put(None)


def _parsed(line: bytes, request_id: str) -> dict[str, Any] | None:
    """An answer to this request; None for anything else that reached the pipe."""
    try:
        answer = json.loads(line)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) and answer.get("id") == request_id else None


def _last_words(stderr: Path) -> str:
    with stderr.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 10_000))
        lines = file.read().decode(errors="replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "no message")


def _as_sentence(how: str) -> str:
    return f"is {how}" if how.startswith("not done") else how


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """End the process and whatever the revisions have started in its group."""
    if os.name == "nt":
        process.kill()
        return
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _as_array(builds: Sequence[Mapping[str, Sequence[float]]]) -> NDArray[Any]:
    """(builds, 2, pairs), with NaN where a build has fewer pairs than another."""
    pairs = max(len(build["base"]) for build in builds)
    blocks = np.full((len(builds), 2, pairs), np.nan)
    for number, build in enumerate(builds):
        blocks[number, 0, : len(build["base"])] = build["base"]
        blocks[number, 1, : len(build["head"])] = build["head"]
    return blocks


def _environment() -> dict[str, str]:
    """One BLAS thread, random string hashes, and a glibc that keeps freed memory.

    A block would otherwise pay for memory that the block before returned to the system.
    """
    memory = {"MALLOC_TRIM_THRESHOLD_": str(2**40)}
    threads = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "BLIS")}
    return {**os.environ, **memory, **threads, "PYTHONHASHSEED": "random"}
