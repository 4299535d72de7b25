"""All benchmarks of `numpy_nn`, by name."""

from __future__ import annotations

from bench.micro import callbacks, methods, models, optimizers, parts, textbook, training
from bench.micro.benchmark import Benchmark, ProcessBenchmark

BENCHMARKS: dict[str, Benchmark] = {
    benchmark.name: benchmark
    for module in (training, models, methods, parts, optimizers, callbacks, textbook)
    for benchmark in module.BENCHMARKS
}

IMPORT_TIME = "import-time"
PROCESS_BENCHMARKS: dict[str, ProcessBenchmark] = {
    benchmark.name: benchmark
    for benchmark in (
        ProcessBenchmark(IMPORT_TIME, "importing the package in a new process", 0.1, "s"),
        ProcessBenchmark("import-memory", "resident memory of a process that has imported the package", 0.02, "B"),
        ProcessBenchmark("training-memory", "peak memory of a process that has trained", 0.02, "B"),
    )
}
"""Measured in processes of their own, BASE and HEAD in turns."""

_SCIKIT_LEARN = ("sklearn.base", "sklearn.model_selection", "sklearn.utils.multiclass", "sklearn.neural_network")
PRELOADED = {
    **{name: _SCIKIT_LEARN for name in BENCHMARKS if name.startswith(("classifier", "regressor", "estimator"))},
    "keras-files": ("h5py",),
    "keras-weights-files": ("h5py",),
}
"""What other packages a benchmark needs: imported once before the launches, where they are installed."""

LEAST_TOLERANCES: dict[str, float] = {
    **{benchmark.name: benchmark.tolerance for benchmark in BENCHMARKS.values()},
    **{benchmark.name: benchmark.tolerance for benchmark in PROCESS_BENCHMARKS.values()},
}

NOT_COVERED = "not covered: GPUs, networks wider than 50 units, more than two threads, output on the screen"
"""What a verdict says nothing about."""
