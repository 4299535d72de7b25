"""A `parts` trial: what it covers, and what it calls the same."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

import numpy_nn
from bench.contestants.numpy_network import NumpyNetwork
from bench.execution.part_cases import BATCH, QUICK, ROWS, part_cases
from bench.execution.parts_parity import compare_parts
from bench.records import PartParity


def covered(cases, attribute):
    values = {"activation": lambda case: case.activations, "loss": lambda case: [case.loss]}
    return {name for case in cases for name in values.get(attribute, lambda case: [case.optimizer["name"]])(case)}


@pytest.mark.parametrize("task", ["two classes", "three classes", "regression"])
def test_every_activation_and_optimiser_is_trained_on_every_task(task):
    cases = [case for case in part_cases(quick=False) if case.task == task]
    assert covered(cases, "activation") == set(numpy_nn.activations.ACTIVATIONS)
    assert covered(cases, "optimizer") == set(numpy_nn.optimizers.OPTIMIZERS)


def test_every_loss_is_trained_and_the_last_batch_is_smaller():
    assert covered(part_cases(quick=False), "loss") == set(numpy_nn.losses.LOSSES)
    assert 0 < ROWS % BATCH < BATCH


def test_a_quick_run_still_has_each_activation_and_optimiser():
    cases = part_cases(quick=True)
    assert [case.number for case in cases] == list(QUICK)
    assert covered(cases, "activation") == set(numpy_nn.activations.ACTIVATIONS)
    assert covered(cases, "optimizer") == set(numpy_nn.optimizers.OPTIMIZERS)


def trial(contestant, path, reference):
    request = SimpleNamespace(
        quick=True, reference=reference, task=SimpleNamespace(threads=1), paths=SimpleNamespace(trajectory=str(path))
    )
    return compare_parts(contestant, request)


def rows(contestant, tmp_path, reference=NumpyNetwork):
    assert "parts" not in trial(reference, tmp_path / "parts.npz", None)
    return [PartParity.model_validate(row) for row in trial(contestant, tmp_path / "parts.npz", "keras")["parts"]]


class Faster(NumpyNetwork):
    """Trains with a learning rate that is a millionth too large."""

    def _compile(self):
        super()._compile()
        self._model.optimizer.learning_rate *= 1 + 1e-6


class Explodes(NumpyNetwork):
    def get_weights(self):
        return [np.full_like(array, np.nan) for array in super().get_weights()]


def test_the_same_network_differs_by_nothing(tmp_path):
    found = rows(NumpyNetwork, tmp_path)
    assert [row.case for row in found] == list(QUICK)
    assert {(row.weights_difference, row.loss_difference, row.diverged) for row in found} == {(0.0, 0.0, False)}


def test_a_learning_rate_a_millionth_too_large_is_no_rounding(tmp_path):
    found = rows(Faster, tmp_path)
    assert all(row.weights_difference > 100 * row.tolerance for row in found if row.tolerance < 1e-10)


@pytest.mark.parametrize("reference", [NumpyNetwork, Explodes])
def test_what_diverged_is_never_equal_not_even_where_both_did(tmp_path, reference):
    found = rows(Explodes, tmp_path, reference)
    assert all(row.diverged and math.isinf(row.weights_difference) for row in found)


def test_without_the_references_file_nothing_is_compared(tmp_path):
    assert trial(NumpyNetwork, tmp_path / "none.npz", "keras")["details"]["parity"] == "not compared: keras left no trajectory"
