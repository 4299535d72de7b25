"""What the plots need besides the analysis: the data set of the first seed, and the decision surfaces that trials left behind.

Called by `bench.report.write_report`; the only part of the report that reads anything but records. What can't be read is named.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bench.records import ARRAYS_FOLDER, RunData, Trial
from bench.report.plots.surfaces import Surface
from bench.workloads.data_sets import Data, DataError, Split, make_split

_FIRST_SEED = 0


@dataclass(frozen=True)
class Pictures:
    """By workload: the split of the first seed where it can be drawn, and each contestant's surface over it."""

    splits: dict[str, Split] = field(default_factory=dict)
    surfaces: dict[str, dict[str, Surface]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def read_pictures(data: RunData) -> Pictures:
    """All that can be drawn of the run's data sets and surfaces."""
    pictures = Pictures()
    for workload in data.run.workloads:
        try:
            split = _split(workload)
        except (DataError, OSError) as error:
            pictures.problems.append(f"the data set of `{workload['name']}` can't be drawn: {error}")
        else:
            if split.x.shape[1] == 2 and _has_classes(split):
                pictures.splits[workload["name"]] = split
    for trial in data.trials:
        if trial.arrays is not None and trial.status == "ok":
            try:
                surface = _surface(data, trial)
            except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
                reason = f"{type(error).__name__}: {error}"
                pictures.problems.append(f"{ARRAYS_FOLDER}/{trial.arrays} can't be read, and its surface isn't drawn: {reason}")
            else:
                pictures.surfaces.setdefault(trial.workload, {})[trial.contestant] = surface
    return pictures


def _split(workload: dict[str, Any]) -> Split:
    return make_split(Data(**workload["data"]), _FIRST_SEED)


def _has_classes(split: Split) -> bool:
    return bool(np.isin(split.y, (0.0, 1.0)).all())


def _surface(data: RunData, trial: Trial) -> Surface:
    with np.load(data.directory / ARRAYS_FOLDER / str(trial.arrays), allow_pickle=False) as arrays:
        return Surface(x=arrays["surface_x"], y=arrays["surface_y"], z=arrays["surface"])
