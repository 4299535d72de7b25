import math

import numpy as np
import pytest
from cases import refused

from numpy_nn import Sequential, activations, losses, metrics
from numpy_nn.metrics import Accuracy, BinaryAccuracy, CategoricalAccuracy, MeanAbsoluteError, Report, RunningMeans
from numpy_nn.validation import Rows


def test_one_output_is_cut_strictly_above_a_half() -> None:
    outputs = np.array([0.5, np.nextafter(0.5, 1), 0.2, 0.9])
    assert Accuracy()([0.0, 1.0, 1.0, 1.0], outputs) == 0.75


@pytest.mark.parametrize(("threshold", "right"), [(0.125, 2 / 4), (0.25, 3 / 4), (0.5, 4 / 4), (0.75, 3 / 4)])
def test_an_output_is_cut_where_it_is_asked_to_be(threshold: float, right: float) -> None:
    assert BinaryAccuracy(threshold=threshold)([0, 0, 1, 1], [0.25, 0.5, 0.75, 0.875]) == right


def test_a_target_that_is_no_label_is_never_met_as_in_keras() -> None:
    assert Accuracy()([0.7, -1.0, 1.0], [0.9, 0.1, 0.9]) == pytest.approx(1 / 3)


def test_of_several_outputs_the_first_of_the_largest_counts() -> None:
    outputs = np.array([[0.4, 0.4, 0.2], [0.1, 0.2, 0.7]])
    assert Accuracy()([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], outputs) == 0.5
    assert Accuracy()([0, 2], outputs) == 1.0


def test_outputs_that_are_nan_have_no_class() -> None:
    assert math.isnan(Accuracy()([0, 1], [0.2, math.nan]))
    assert math.isnan(CategoricalAccuracy()([[1, 0]], [[math.nan, 0.5]]))
    rows = Rows(np.zeros((2, 1)), np.ones((2, 1)))
    report = Report(losses.get("binary_crossentropy"), activations.get("sigmoid"), metrics.named("metrics", ["accuracy"]))
    assert all(math.isnan(value) for value in report.means(rows, np.array([[math.nan, 5.0]])).values())
    assert report.means(rows, np.array([[-math.inf, 5.0]]))["accuracy"] == 0.5  # an infinite logit has a class


def test_weights_that_are_all_zero_give_zero_as_in_keras() -> None:
    assert MeanAbsoluteError()([1.0, 2.0], [0.0, 0.0], sample_weight=[0, 0]) == 0.0


@pytest.mark.parametrize(
    ("arguments", "fragments"),
    [
        (([1, 2, 3], [1, 2]), ("y_true had the shape (3,)", "(2, 1)")),
        ((np.ones((2, 2)), np.ones((2, 3))), ("y_true had the shape (2, 2)", "(2, 3)")),
        (([1, 2], [1, 2], [1]), ("sample_weight had the shape (1,)", "(2,)")),
    ],
)
def test_shapes_that_do_not_fit_are_refused(arguments: tuple[object, ...], fragments: tuple[str, ...]) -> None:
    with refused(*fragments):
        MeanAbsoluteError()(*arguments)


@pytest.mark.parametrize("weights", [None, np.array([3.0, 0.0, 1.0])])
def test_the_loss_is_the_mean_over_the_samples_each_times_its_weight(weights: np.ndarray | None) -> None:
    y, outputs = np.array([[0.0], [1.0], [2.0]]), np.array([[1.0, 3.0, 2.5]])
    report = Report(losses.get("mse"), activations.get("linear"), metrics.named("metrics", ["accuracy"]))
    logs = report.means(Rows(np.zeros((3, 1)), y, weights), outputs)
    counts = np.ones(3) if weights is None else weights
    assert logs["loss"] == pytest.approx((counts * [1.0, 4.0, 0.25]).sum() / 3)
    assert logs["accuracy"] == pytest.approx(1 / 3)


def test_metrics_count_each_sample_once_and_weighted_metrics_as_often_as_its_weight() -> None:
    y, outputs, weights = np.array([[0.0], [1.0]]), np.array([[1.0, 4.0]]), np.array([1.0, 3.0])
    plain = metrics.named("metrics", ["mae"])
    report = Report(losses.get("mse"), activations.get("linear"), plain, metrics.named("weighted_metrics", ["mae"], plain))
    logs = report.means(Rows(np.zeros((2, 1)), y, weights), outputs)
    assert logs == {"loss": (1 + 3 * 9) / 2, "mae": 2.0, "weighted_mae": (1 + 3 * 3) / 4}


def test_logits_are_judged_by_the_activation_that_follows_them() -> None:
    rows = Rows(np.zeros((2, 1)), np.array([[1.0], [1.0]]))
    report = Report(losses.get("binary_crossentropy"), activations.get("sigmoid"), metrics.named("metrics", ["accuracy"]))
    logs = report.means(rows, np.array([[0.25, -0.25]]))
    assert logs["accuracy"] == 0.5
    assert logs["loss"] == pytest.approx(np.log1p(np.exp([-0.25, 0.25])).mean())


def test_the_means_of_minibatches_of_any_size_run_to_that_of_all_rows() -> None:
    generator = np.random.default_rng(0)
    rows = Rows(np.zeros((10, 1)), generator.integers(0, 2, (10, 1)).astype(float), generator.uniform(size=10))
    outputs = generator.uniform(size=(1, 10))
    plain = metrics.named("metrics", ["acc"])
    report = Report(losses.get("mse"), activations.get("sigmoid"), plain, metrics.named("weighted_metrics", ["mse"], plain))
    running = RunningMeans(report)
    for part in (slice(0, 1), slice(1, 8), slice(8, 10)):
        logs = running.add(rows.take(part), outputs[:, part])
    assert logs == pytest.approx(report.means(rows, outputs))


def test_a_metric_is_found_by_every_name_of_keras_and_keeps_the_one_given() -> None:
    names = ["acc", "mse", "MAE", "MeanSquaredError", "binary_accuracy", "mse"]
    found = metrics.named("metrics", [*names, BinaryAccuracy(threshold=0.25)])
    assert list(found) == ["acc", "mse", "MAE", "MeanSquaredError", "binary_accuracy", "mse_1", "binary_accuracy_1"]
    assert found["MAE"] == MeanAbsoluteError()
    assert list(metrics.named("metrics", ["mae", "mae", MeanAbsoluteError("mae_1")])) == ["mae", "mae_1", "mae_1_1"]


@pytest.mark.parametrize(
    ("loss", "wrong", "right"),
    [
        (
            "sparse_categorical_crossentropy",
            ["mse", "mae", "categorical_accuracy", "binary_accuracy"],
            "sparse_categorical_accuracy",
        ),
        ("categorical_crossentropy", ["sparse_categorical_accuracy"], "categorical_accuracy"),
    ],
)
def test_a_metric_of_other_targets_than_those_of_the_loss_is_refused(loss: str, wrong: list[str], right: str) -> None:
    model = Sequential([{"input_dim": 2, "output_dim": 3, "activation": "softmax"}])
    model.compile("sgd", loss, ["accuracy", right])
    for name in wrong:
        for kind in ("metrics", "weighted_metrics"):
            with refused(f"metrics had {name!r}: {loss} takes of each sample", right):
                model.compile("sgd", loss, **{kind: [name]})


def test_a_metric_that_there_is_not_is_refused() -> None:
    with refused("metrics was 'f1'", "accuracy, binary_accuracy"):
        metrics.get("f1")
    with refused("weighted_metrics was 'mse'", "list"):
        metrics.named("weighted_metrics", "mse")
    with refused("threshold was nan"):
        BinaryAccuracy(threshold=math.nan)
