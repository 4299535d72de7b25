"""Measure the constants of `numpy_nn._engine.tuning` on this machine.

Usage: `python docs/measure_tuning.py [--seconds N] [FIELD ...]`, all fields if none is named.

For each constant, the workload that it was measured with runs with a quarter, half, twice and four times the value (and 0, where
that turns something off), in random order, each time with a network built anew. The table has the quickest time of each against the
time with the value that this machine uses now: below 1 is faster. Differences below 3 % are noise on most machines.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from time import perf_counter

import numpy as np

from numpy_nn import Sequential
from numpy_nn._engine import tuning

TURN_SECONDS = 0.01
TURNS = 3


@dataclass(frozen=True)
class Workload:
    """Training steps, or predictions, of a network with hidden layers of `units`."""

    units: tuple[int, ...]
    rows: int
    threads: int = 1
    optimizer: str = "sgd"
    predicts: bool = False

    def __str__(self) -> str:
        action = "predict" if self.predicts else self.optimizer
        return f"{action}, {'-'.join(map(str, self.units))} units, {self.rows} rows, {self.threads} thread(s)"

    def prepare(self) -> Callable[[], object]:
        """One call of the workload, with a network of its own."""
        sizes = [2, *self.units, 1]
        names = [*["relu"] * len(self.units), "sigmoid"]
        layers = zip(sizes, sizes[1:], names, strict=False)
        model = Sequential(
            [{"input_dim": i, "output_dim": o, "activation": name} for i, o, name in layers], threads=self.threads, seed=0
        )
        model.compile(self.optimizer, "binary_crossentropy")
        generator = np.random.default_rng(0)
        x = generator.normal(size=(self.rows, 2)).astype("float32")
        y = generator.integers(0, 2, self.rows).astype("float32")
        return (lambda: model.predict(x)) if self.predicts else (lambda: model.train_on_batch(x, y))


ARTICLE = (25, 50, 50, 25)
WORKLOADS = {
    "small_product": Workload((512, 512, 512), 8),
    "small_nt_result": Workload(ARTICLE, 4096),
    "largest_dot_result_bytes": Workload((128, 128, 128), 512),
    "tile_columns": Workload((128, 128, 128), 512),
    "narrow_tile_columns": Workload((1024, 1024), 32),
    "fewest_tile_rows": Workload((1024, 1024), 32),
    "fewest_nt_tile_rows": Workload((128, 128, 128), 1024),
    "most_tile_rows": Workload((128, 128, 128), 512),
    "tile_row_multiple": Workload((512, 512, 512), 32),
    "largest_tiled_right": Workload((512, 512, 512), 256),
    "short_sum": Workload((64, 64, 64), 4096),
    "largest_transposed_left": Workload((1024, 1024), 32),
    "largest_nt_operand_bytes": Workload((128, 128, 128), 4096),
    "fewest_nt_sum": Workload((50, 50, 50), 256),
    "fewest_transposed_rows": Workload(ARTICLE, 4),
    "most_transposed_rows": Workload((512, 512, 512), 32),
    "transposed_inputs_share": Workload((16, 128, 16, 128), 64),
    "largest_stored_gradient_bytes": Workload((512, 512, 512), 8, optimizer="adam"),
    "gradient_tile_bytes": Workload((1024, 1024), 8, optimizer="adam"),
    "threaded_gradient_tile_bytes": Workload((1024, 1024), 8, threads=2, optimizer="adam"),
    "most_tiled_gradient_rows": Workload((1024, 1024), 64, optimizer="adam"),
    "largest_stored_derivatives_bytes": Workload((1024, 1024), 128),
    "derivative_tile_bytes": Workload((512, 512, 512), 1024),
    "fewest_thread_rows": Workload((1024, 1024), 256, threads=2),
    "training_thread_flops": Workload(ARTICLE, 8192, threads=2),
    "kernel_thread_products": Workload((512, 512, 512), 32, threads=2),
    "weight_load_rows": Workload((1024, 1024), 8, threads=2),
    "vector_rows": Workload(ARTICLE, 4096),
    "hidden_chunk_bytes": Workload(ARTICLE, 4096),
    "smallest_chunk_rows": Workload((1024, 1024), 512),
    "largest_parallel_chunk_rows": Workload(ARTICLE, 8192, threads=2),
    "many_weights": Workload((256, 256), 4096, threads=2),
    "prediction_chunk_bytes": Workload(ARTICLE, 100_000, predicts=True),
    "smallest_prediction_chunk_rows": Workload((1024, 1024), 4096, predicts=True),
    "largest_prediction_chunk_rows": Workload((8,), 100_000, predicts=True),
    "prediction_thread_flops": Workload(ARTICLE, 4096, threads=2, predicts=True),
    "largest_relu_zeros": Workload((256, 256), 4096, predicts=True),
    "largest_sign": Workload((8,), 32),
    "flush_tile": Workload((512, 512, 512), 32, optimizer="adam"),
}
"""`most_loaded_minibatches`, `loaded_bytes` and `most_prediction_programs` bound memory, and are not measured.

`stacked_bytes` is of `Ensemble`, which `measure_ensemble.py` measures.
"""


def measure(field: str, seconds: float) -> dict[float, float]:
    """The time of the field's workload with several values, as shares of that with the value in use."""
    in_use = getattr(tuning.this_machine(), field)
    values = {type(in_use)(in_use * factor) for factor in (0.25, 0.5, 1, 2, 4)} | ({0} if field == "small_product" else set())
    builds: dict[float, list[float]] = {value: [] for value in sorted(values)}
    end = perf_counter() + seconds
    while perf_counter() < end or not all(builds.values()):
        for value in random.sample(sorted(values), len(values)):
            with tuned(**{field: value}):
                call = WORKLOADS[field].prepare()
                call()
                builds[value].append(min(seconds_a_call(call) for _ in range(TURNS)))
    return {value: min(times) / min(builds[in_use]) for value, times in builds.items()}


@contextmanager
def tuned(**changes: float) -> Iterator[None]:
    """The engine computes with these constants inside the block."""
    machine = tuning.this_machine
    changed = replace(machine(), **changes)
    tuning.this_machine = lambda: changed
    try:
        yield
    finally:
        tuning.this_machine = machine


def seconds_a_call(call: Callable[[], object]) -> float:
    """The mean time of as many calls as fit in a turn."""
    start, count = perf_counter(), 0
    while (now := perf_counter()) < start + TURN_SECONDS or not count:
        call()
        count += 1
    return (now - start) / count


def main() -> None:
    """Print a line for each value of each field."""
    parser = argparse.ArgumentParser(description="Measure the constants of numpy_nn on this machine.")
    parser.add_argument("fields", nargs="*", metavar="FIELD", choices=[[], *WORKLOADS], default=[])
    parser.add_argument("--seconds", type=float, default=3.0, help="for each field")
    arguments = parser.parse_args()
    print(f"{'constant':<34}{'value':>14}{'time':>8}   workload")
    for field in arguments.fields or [field.name for field in fields(tuning.Tuning) if field.name in WORKLOADS]:
        for value, time in measure(field, arguments.seconds).items():
            mark = "*" if value == getattr(tuning.this_machine(), field) else " "
            print(f"{field:<34}{value:>13g}{mark}{time:>8.2f}   {WORKLOADS[field]}", flush=True)


if __name__ == "__main__":
    main()
