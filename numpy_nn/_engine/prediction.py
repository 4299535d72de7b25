"""The network's outputs for any number of rows, through buffers of bounded size; `one_row` has the fast way for one.

Called by `Sequential.predict` and `evaluate`, from any number of threads: each call takes a workspace that no other has. The
programs of the chunk sizes last used are kept.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import numpy as np

from numpy_nn._engine import tuning
from numpy_nn._engine.arrays import Array
from numpy_nn._engine.blas import blas_threads
from numpy_nn._engine.buffers import ForwardBuffers, Parameters
from numpy_nn._engine.forward import Forward
from numpy_nn._engine.program import Program, run
from numpy_nn._engine.threads import ThreadTeam


class Prediction:
    """The forward pass over chunks of rows, each chunk in its buffers."""

    def __init__(self, parameters: Parameters, threads: int) -> None:
        t = tuning.this_machine()
        self._parameters = parameters
        self._threads = threads
        layers = parameters.layers
        row_bytes = parameters.vector.itemsize * (layers[0].input_dim + sum(layer.output_dim + 1 for layer in layers))
        fitting = t.prediction_chunk_bytes // row_bytes
        cached = min(max(fitting, t.smallest_prediction_chunk_rows), t.largest_prediction_chunk_rows)
        self.chunk_rows = max(cached // t.vector_rows, 1) * t.vector_rows
        self._idle: list[_Workspace] = []
        """The workspaces that no call uses now; a list, since its `append` and `pop` are safe in any number of threads."""

    def __call__(self, x: Array, *, chunk_rows: int | None = None, logits: bool = False) -> Array:
        """The outputs (samples, outputs), or their logits, for checked rows `x` (samples, features)."""
        rows = min(chunk_rows or self.chunk_rows, len(x))
        out = np.empty((len(x), self._parameters.layers[-1].output_dim), x.dtype)
        threads = self._threads_for(len(x), rows)
        edges = [len(x) * number // threads for number in range(threads + 1)]
        try:
            workspace = self._idle.pop()
        except IndexError:
            workspace = _Workspace(self._parameters, self._threads)
        programs: list[Program] = [
            [partial(workspace.predict, x[start:stop], out[start:stop], rows, thread, logits)]
            for thread, (start, stop) in enumerate(pairwise(edges))
        ]
        with blas_threads(1), np.errstate(all="ignore"), ThreadTeam(threads) as team:
            team.run(programs)
        if len(self._idle) < self._threads:
            self._idle.append(workspace)
        return out

    def _threads_for(self, rows: int, chunk_rows: int) -> int:
        """How many threads are worth waking."""
        worth = int(2 * len(self._parameters.vector) * rows // tuning.this_machine().prediction_thread_flops)
        return max(1, min(self._threads, rows // chunk_rows, worth))


class _Workspace:
    """The buffers and programs of one call at a time; within it, each thread of the engine has its own."""

    def __init__(self, parameters: Parameters, threads: int) -> None:
        self._parameters, self._threads = parameters, threads
        self._programs: dict[tuple[int, int, bool], tuple[ForwardBuffers, Program]] = {}

    def predict(self, x: Array, out: Array, chunk_rows: int, thread: int, logits: bool) -> None:
        """Write the outputs for `x` into `out`, chunk by chunk."""
        for start in range(0, len(x), chunk_rows):
            rows = x[start : start + chunk_rows]
            buffers, program = self._program(len(rows), thread, logits)
            buffers.inputs[0, :-1] = rows.T
            run(program)
            out[start : start + chunk_rows] = buffers.outputs[0].T

    def _program(self, rows: int, thread: int, logits: bool) -> tuple[ForwardBuffers, Program]:
        """The buffers for `rows` rows that belong to a thread, and the forward pass over them."""
        key = (rows, thread, logits)
        found = self._programs.pop(key, None)
        if found is None:
            buffers = ForwardBuffers(self._parameters, rows)
            found = buffers, Forward(buffers).record(0, logits=logits)
            while len(self._programs) >= tuning.this_machine().most_prediction_programs * self._threads:
                self._programs.pop(next(iter(self._programs)), None)
        self._programs[key] = found
        return found
