import numpy as np
import pytest
from synthetic import change_trials, update

from bench.analysis.learning import nothing_learned
from bench.analysis.summary import analyse
from bench.execution.answer_checks import majority_accuracy
from bench.report.badges import badges, nothing_learned_warnings
from bench.report.verdict import answer, same_accuracy


@pytest.mark.parametrize(
    ("targets", "majority"),
    [
        ([[0], [1], [1], [1]], 0.75),
        ([[0], [0], [0], [1]], 0.75),
        ([[1, 0], [1, 0], [0, 1]], 2 / 3),
        ([[0.5], [1.0]], None),
        ([[1, 1], [0, 1]], None),
    ],
)
def test_the_most_frequent_class_is_counted_where_targets_are_classes(targets, majority):
    assert majority_accuracy(np.array(targets, float)) == (None if majority is None else pytest.approx(majority))


def test_a_network_that_answers_the_most_frequent_class_learned_nothing_and_is_called_that(data):
    lazy = change_trials(data, update(test_accuracy=0.53, majority_accuracy=0.53), workload="moons", contestant="numpy_nn")
    better = change_trials(lazy, update(majority_accuracy=0.53), workload="moons", contestant="keras")
    (row,) = nothing_learned(better)
    assert (row.workload, row.contestant, row.nothing == row.trials) == ("moons", "numpy_nn", True)
    assert "learned nothing" in nothing_learned_warnings([row])[0]
    analysis = analyse(better)
    assert "but `numpy_nn` learned nothing" in answer(analysis)
    assert same_accuracy(analysis)[0].startswith("`numpy_nn` learned nothing")
    assert "`numpy_nn` learned nothing" in [badge.text for badge in badges(analysis)]


def test_runs_of_older_versions_are_not_judged(data):
    assert nothing_learned(data) == []
