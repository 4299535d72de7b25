"""What earlier calls of `certify` left in its folder: read and checked whole, before anything is measured; nothing is executed.

Called by `real_runs`, `certificate_figures` and the command `certify`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from bench.error_messages import may_be
from bench.files import read_regular
from bench.records.json_lines import LIMIT_BYTES, read_json_lines
from bench.records.models import Elapsed, Text
from bench.records.validation_errors import first_mistake
from bench.regression.certify.run_kinds import RUN_KINDS
from bench.regression.certify.slowdown import SlowdownCost
from bench.regression.compare.comparison import Blocks
from bench.regression.compare.verdicts import Verdict
from bench.regression.history.tracked_runs import Date
from bench.workloads.npz_files import read_npz

RUNS_FILE = "runs.jsonl"
BLOCKS_FOLDER = "blocks"
COST_FILE = "slowdown_cost.json"
MOST_LAUNCHES = 100_000
"""Of all benchmarks of a comparison, in a file of blocks."""
MOST_BUILDS, MOST_PAIRS = 100, 10_000


def _kind(name: str) -> str:
    names = [kind.name for kind in RUN_KINDS]
    if name not in names:
        raise ValueError(may_be(name, names))
    return name


def _timed(benchmarks: dict[str, _Benchmark]) -> dict[str, _Benchmark]:
    if "step" not in benchmarks:
        raise ValueError("must have step")
    return benchmarks


Ratio = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Benchmark(BaseModel):
    verdict: Verdict
    ratio: Ratio | None
    low: Ratio | None
    high: Ratio | None
    launches: Annotated[int, Field(ge=0)]


class RealRun(BaseModel):
    """A real comparison with a known answer: a line of `runs.jsonl`."""

    model_config = ConfigDict(frozen=True)

    cell: Annotated[str, AfterValidator(_kind)]
    date: Date
    commit: Text | None
    cores: list[int] | None
    nice: int | None
    added_bytes: int | None
    verdict: Verdict
    stop_reason: Text
    elapsed_seconds: Elapsed
    launches: Annotated[int, Field(ge=0)]
    load_1min: Elapsed | None
    benchmarks: Annotated[dict[Text, _Benchmark], AfterValidator(_timed)]


def read_folder(directory: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the runs in `directory`, and a message for each line that is set aside; all that a certificate is made of is checked.

    Raises
    ------
    ValueError
        If a file holds something else, or is damaged.
    OSError
        If one is no regular file, or too large.

    """
    read_cost(directory / COST_FILE)
    load_blocks(directory)
    return read_runs(directory / RUNS_FILE)


def read_runs(path: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the runs of the lines of `path`, and a message for each line that is set aside, as one that a kill has cut short is.

    Raises
    ------
    ValueError
        If there are lines and none is a run: the file is somebody else's.
    OSError
        If it is no regular file, or too large.

    """
    found, set_aside = read_json_lines(path, RealRun)
    if set_aside and not found and path.read_bytes().endswith(b"\n"):  # otherwise the one line that a kill has cut short
        raise ValueError(f"{path} is no list of a certificate's runs: {set_aside[0]}; name another folder with --out")
    return [run.model_dump() for run in found], set_aside


def read_cost(path: Path) -> SlowdownCost | None:
    """Return what slows `step` by how much on this machine; None where it isn't measured yet.

    Raises
    ------
    ValueError
        If the file holds something else.
    OSError
        If it is no regular file, or too large.

    """
    try:
        cost = _Cost.model_validate_json(read_regular(path, LIMIT_BYTES, follow_links=False))
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise ValueError(f"{path} can't be read: {first_mistake(error, _Cost)}; delete it to have it measured again") from None
    return SlowdownCost(cost.callback, cost.byte)


class _Cost(BaseModel):
    model_config = ConfigDict(extra="forbid")

    callback: Annotated[float, Field(allow_inf_nan=False)]
    byte: Ratio


def load_blocks(directory: Path) -> dict[str, list[list[Blocks]]]:
    """Return the recorded blocks of `directory` by benchmark: the launches of each comparison.

    Raises
    ------
    ValueError
        If a file holds something else, or is damaged.
    OSError
        If it is no regular file, or too large.

    """
    recorded: dict[str, list[list[Blocks]]] = {}
    for path in sorted((directory / BLOCKS_FOLDER).glob("*.npz")):
        comparison: dict[str, list[Blocks]] = {}
        for key, blocks in read_npz(path, most_arrays=MOST_LAUNCHES).items():
            _check_blocks(path, key, blocks)
            comparison.setdefault(key.partition("/")[0], []).append(blocks.astype(np.float64))
        for name, launches in comparison.items():
            recorded.setdefault(name, []).append(launches)
    return recorded


def _check_blocks(path: Path, key: str, blocks: Blocks) -> None:
    what = f"{path}: the array {key!r}"
    if blocks.dtype.kind != "f" or blocks.ndim != 3 or blocks.shape[1] != 2 or 0 in blocks.shape:
        raise ValueError(f"{what} has the shape {blocks.shape} of {blocks.dtype}: blocks are (builds, 2, pairs) of floats")
    if blocks.shape[0] > MOST_BUILDS or blocks.shape[2] > MOST_PAIRS:
        raise ValueError(
            f"{what} has {blocks.shape[0]:,} builds of {blocks.shape[2]:,} pairs: {MOST_BUILDS} of {MOST_PAIRS:,} at most"
        )
    known = np.isfinite(blocks)
    if not known[:, :, 0].all() or (known[:, 0] != known[:, 1]).any() or (np.diff(known, axis=2) & known[..., 1:]).any():
        raise ValueError(f"{what} has builds whose pairs aren't numbers up to some pair, of both sides")
    if not (blocks[known] > 0).all():
        raise ValueError(f"{what} has a block of {float(blocks[known].min()):g} s: it must be above 0")
