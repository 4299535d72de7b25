"""What training costs: a step, an epoch, and the two passes of a step by themselves."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench.micro.cases import BATCH_ROWS, Case
from numpy_nn import losses
from numpy_nn.architecture import parse_architecture
from numpy_nn.checks import dtype
from numpy_nn.parameters import Parameters
from numpy_nn.tape import Tape, play
from numpy_nn.workspace import TrainingWorkspace

Benchmark = Callable[..., object]


def passes(case: Case) -> tuple[Tape, Tape]:
    """The forward and the backward pass over a batch, on its own workspace."""
    parameters = Parameters(parse_architecture(case.architecture), dtype(case.dtype))
    parameters.set_weights(case.model().get_weights())
    workspace = TrainingWorkspace(parameters, BATCH_ROWS, loss=losses.get("binary_crossentropy"))
    x, y = case.rows(BATCH_ROWS)
    workspace.inputs[0, :-1], workspace.targets[0] = x.T, y.T
    workspace.rescale(1 / BATCH_ROWS)
    forward = workspace.forward(0, logits=workspace.logits)
    backward = workspace.step(0)[len(forward) :]
    play(forward)
    return forward, backward


@pytest.mark.benchmark(group="step")
def test_step(benchmark: Benchmark, case: Case) -> None:
    model = case.model()
    x, y = case.rows(BATCH_ROWS)
    benchmark(model.train_on_batch, x, y)


@pytest.mark.benchmark(group="epoch")
def test_epoch(benchmark: Benchmark, case: Case) -> None:
    model = case.model()
    x, y = case.rows()
    benchmark(model.fit, x, y, batch_size=BATCH_ROWS, epochs=1, shuffle=False, verbose=0)


@pytest.mark.benchmark(group="forward")
def test_forward(benchmark: Benchmark, case: Case) -> None:
    forward, _ = passes(case)
    benchmark(play, forward)


@pytest.mark.benchmark(group="backward")
def test_backward(benchmark: Benchmark, case: Case) -> None:
    _, backward = passes(case)
    benchmark(play, backward)
