from typing import Any

import pytest
from cases import refused

from numpy_nn import schedules
from numpy_nn.schedules import CosineDecay, ExponentialDecay, LearningRateSchedule, PiecewiseConstantDecay

SCHEDULES: list[LearningRateSchedule] = [
    ExponentialDecay(0.5, 8, 0.25, staircase=True),
    CosineDecay(0.0, 8, alpha=0.25, warmup_target=1.0, warmup_steps=4),
    PiecewiseConstantDecay([2, 4.5], [1, 0.5, 0.25]),
]


def test_worked_examples() -> None:
    exponential, cosine, piecewise = SCHEDULES
    assert [exponential(step) for step in (0, 7, 8, 16)] == [0.5, 0.5, 0.125, 0.03125]
    assert ExponentialDecay(0.5, 8, 0.25)(4) == pytest.approx(0.25)
    assert [cosine(step) for step in (0, 2, 4, 8, 12, 99)] == pytest.approx([0, 0.5, 1, 0.625, 0.25, 0.25])
    assert [piecewise(step) for step in (0, 2, 3, 4, 5)] == [1, 1, 0.5, 0.5, 0.25]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
def test_a_schedule_is_made_again_from_its_identifier(schedule: LearningRateSchedule) -> None:
    identifier = schedule.identifier()
    assert schedules.get(identifier) == schedule  # type: ignore[arg-type]  # none has only defaults
    assert schedules.get(schedule) is schedule
    assert repr(schedule).startswith(type(schedule).__name__)


@pytest.mark.parametrize(
    ("make", "options", "said"),
    [
        (ExponentialDecay, {"decay_steps": 0}, "decay_steps was 0"),
        (ExponentialDecay, {"initial_learning_rate": -1}, "initial_learning_rate was -1"),
        (ExponentialDecay, {"decay_rate": float("nan")}, "decay_rate was nan"),
        (CosineDecay, {"decay_steps": -3}, "decay_steps was -3"),
        (CosineDecay, {"warmup_target": "1"}, "warmup_target was '1'"),
        (PiecewiseConstantDecay, {"values": [1, 2]}, "values had 2 numbers: it must have 3"),
        (PiecewiseConstantDecay, {"boundaries": [4, 2]}, "boundaries was [4, 2]"),
    ],
)
def test_senseless_arguments_are_refused(make: Any, options: dict[str, Any], said: str) -> None:
    usual = {
        ExponentialDecay: {"initial_learning_rate": 0.5, "decay_steps": 8, "decay_rate": 0.5},
        CosineDecay: {"initial_learning_rate": 0.5, "decay_steps": 8},
        PiecewiseConstantDecay: {"boundaries": [2, 4], "values": [1, 0.5, 0.25]},
    }[make]
    with refused(said):
        make(**{**usual, **options})


def test_an_unknown_schedule_is_refused() -> None:
    with refused("schedule was 'PolynomialDecay'", "ExponentialDecay, CosineDecay, PiecewiseConstantDecay"):
        schedules.get({"class_name": "PolynomialDecay", "config": {}})
