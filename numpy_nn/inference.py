"""The network's outputs for rows in any number, a million through buffers of bounded size; `one_row` has the fast way for one.

Called by `Sequential.predict` and `evaluate`. The workspaces of the sizes last used are kept.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import numpy as np

from numpy_nn.blas import blas_threads
from numpy_nn.parameters import Parameters
from numpy_nn.tape import Array, Tape, play
from numpy_nn.threads import VECTOR_ROWS, Crew
from numpy_nn.workspace import Workspace

BLOCK_BYTES = 1 << 19
"""The activations of a block of rows: about half of a core's second-level cache."""
SMALLEST_BLOCK_ROWS, LARGEST_BLOCK_ROWS = 256, 4096
MOST_KEPT = 4
SMALLEST_SHARE_FLOPS = 2e7
"""Products (2 a row and parameter) of what a thread is given, at the least; the hand-over is to cost little beside them."""


class Forward:
    """The forward pass over blocks of rows, each block in its workspace."""

    def __init__(self, parameters: Parameters, threads: int) -> None:
        self._parameters = parameters
        self._threads = threads
        layers = parameters.layers
        row_bytes = parameters.vector.itemsize * (layers[0].input_dim + sum(layer.output_dim + 1 for layer in layers))
        cached = min(max(BLOCK_BYTES // row_bytes, SMALLEST_BLOCK_ROWS), LARGEST_BLOCK_ROWS)
        self.block_rows = max(cached // VECTOR_ROWS, 1) * VECTOR_ROWS
        self._kept: dict[tuple[int, int, bool], tuple[Workspace, Tape]] = {}

    def __call__(self, x: Array, *, block_rows: int | None = None, logits: bool = False) -> Array:
        """The outputs (samples, outputs), or their logits, for checked rows `x` (samples, features)."""
        block = min(block_rows or self.block_rows, len(x))
        out = np.empty((len(x), self._parameters.layers[-1].output_dim), x.dtype)
        shares = self._shares(len(x), block)
        edges = [len(x) * number // shares for number in range(shares + 1)]
        tapes: list[Tape] = [
            [partial(self._run, x[start:stop], out[start:stop], block, number, logits)]
            for number, (start, stop) in enumerate(pairwise(edges))
        ]
        with blas_threads(1), np.errstate(all="ignore"), Crew(shares) as crew:
            crew.play(tapes)
        return out

    def _shares(self, rows: int, block: int) -> int:
        worth = int(2 * len(self._parameters.vector) * rows // SMALLEST_SHARE_FLOPS)
        return max(1, min(self._threads, rows // block, worth))

    def _run(self, x: Array, out: Array, block: int, share: int, logits: bool) -> None:
        for start in range(0, len(x), block):
            rows = x[start : start + block]
            workspace, tape = self._workspace(len(rows), share, logits)
            workspace.inputs[0, :-1] = rows.T
            play(tape)
            out[start : start + block] = workspace.outputs[0].T

    def _workspace(self, rows: int, share: int, logits: bool) -> tuple[Workspace, Tape]:
        """The workspace for `rows` rows that belongs to a share, kept for the next time."""
        key = (rows, share, logits)
        found = self._kept.pop(key, None)
        if found is None:
            workspace = Workspace(self._parameters, rows)
            found = workspace, workspace.forward(0, logits=logits)
            while len(self._kept) >= MOST_KEPT * self._threads:
                self._kept.pop(next(iter(self._kept)), None)
        self._kept[key] = found
        return found
