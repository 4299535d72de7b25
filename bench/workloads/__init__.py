"""What is trained: workload models, the built-in workloads, TOML files, validation, grids, data sets and data files."""

from bench.workloads.builtin import ARTICLE_ARCHITECTURE, WORKLOADS, quick_version
from bench.workloads.data_sets import Data, DataError, Split, make_split
from bench.workloads.models import Training, Workload
from bench.workloads.toml_files import WorkloadError, find_workload, load_workload

__all__ = [
    "ARTICLE_ARCHITECTURE",
    "WORKLOADS",
    "Data",
    "DataError",
    "Split",
    "Training",
    "Workload",
    "WorkloadError",
    "find_workload",
    "load_workload",
    "make_split",
    "quick_version",
]
