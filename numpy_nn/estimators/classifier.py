"""The classifier: labels of any kind to what the network computes with, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Self

import numpy as np
from scipy import sparse
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import column_or_1d, compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels
from sklearn.utils.validation import _check_sample_weight, validate_data

from numpy_nn._engine.arrays import Array
from numpy_nn.estimators import tasks
from numpy_nn.estimators.multilayer_perceptron import MultilayerPerceptron, is_stochastic
from numpy_nn.estimators.tasks import Task
from numpy_nn.optimizers import Optimizer


class MLPClassifier(ClassifierMixin, MultilayerPerceptron):  # type: ignore[misc]
    """A classifier of two or more classes, or of several labels at once, with the parameters of scikit-learn's `MLPClassifier`.

    Parameters
    ----------
    hidden_layer_sizes
        The units of each hidden layer; empty: logistic regression.
    activation
        Of the hidden layers: "identity", "logistic", "tanh", "relu", or another name of `numpy_nn.activations`.
    solver
        "lbfgs", "sgd", "adam", or an optimizer of `numpy_nn.optimizers`, whose own settings then stand in place of
        `learning_rate_init`, `learning_rate`, `power_t`, `momentum`, `nesterovs_momentum`, `beta_1`, `beta_2` and `epsilon`.
    alpha
        alpha / 2 times the sum of all squared kernels, divided by the minibatch's rows, is part of its loss.
    batch_size
        Rows of a minibatch; "auto" is 200 or all.
    learning_rate, learning_rate_init, power_t
        "constant", "invscaling" (`learning_rate_init / (rows seen + 1) ** power_t` after each epoch) or "adaptive" (a fifth each
        time that the training would end); the last two of "sgd" only.
    max_iter, max_fun
        Epochs, or iterations of "lbfgs", at most; and how often that computes the loss at most.
    shuffle, random_state
        Whether each epoch takes the rows in a new order; the source of that, of the first weights and of the rows held out.
    tol, n_iter_no_change
        The training ends when the loss, or the score with `early_stopping`, has not improved by `tol` for more epochs than that.
    verbose
        Whether to print a line an epoch.
    warm_start
        Whether `fit` goes on with the weights of the last `fit`.
    momentum, nesterovs_momentum, beta_1, beta_2, epsilon
        Of "sgd" (the first two) and of "adam".
    early_stopping, validation_fraction
        Whether to hold out that fraction of the rows, by class where there are two, to stop by their score, and to keep the best
        epoch's weights.
    class_weight
        A dict of class to weight, "balanced", or None; scikit-learn's own has none.

    Attributes
    ----------
    classes_, n_features_in_, feature_names_in_, n_outputs_, n_layers_, out_activation_
        As in scikit-learn.
    coefs_, intercepts_
        The kernel (in, out) and the bias (out,) of each layer.
    model_
        The `numpy_nn.Sequential`, of the precision of the data ("lbfgs": float64).
    n_iter_, t_
        Epochs of the last `fit`; rows trained on so far.
    loss_, loss_curve_, best_loss_
        The loss of the last epoch, of each and of the best; the last two not with "lbfgs".
    validation_scores_, best_validation_score_
        The accuracy of the rows held out after each epoch, and the best of them; None without `early_stopping`.

    """

    classes_: Array
    n_outputs_: int

    def __init__(
        self,
        hidden_layer_sizes: int | Iterable[int] = (100,),
        activation: str = "relu",
        *,
        solver: str | Optimizer = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        class_weight: Mapping[Any, float] | str | None = None,
    ) -> None:
        self._set_parameters(locals())

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on `X` (samples, features), dense or sparse.

        Parameters
        ----------
        X
            (samples, features), dense or sparse.
        y
            Labels (samples,), or 0 and 1 for each of several labels, (samples, labels).
        sample_weight
            (samples,), the weight of each row in the loss.

        Raises
        ------
        ValueError
            If a parameter or the data is not allowed, or the weights are no longer finite.

        """
        return self._fit(X, y, self._weigh(X, y, sample_weight))

    @available_if(is_stochastic)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Train for one epoch; `classes`, all that there will be, is needed in the first call.

        Raises
        ------
        ValueError
            If a parameter or the data is not allowed, `classes` is missing or others than before, or `early_stopping` is set.

        """
        first = not hasattr(self, "classes_")
        if first and classes is None:
            raise ValueError("classes was None: it must be all classes in the first call of partial_fit")
        if classes is not None:
            labels = unique_labels(classes)
            if not first and not np.array_equal(self.classes_, labels):
                raise ValueError(f"classes was {classes!r}: in the calls before it was {self.classes_!r}")
            if first:
                self.classes_ = labels
                self._set_kind(y)
        if self.class_weight == "balanced":
            raise ValueError("class_weight was 'balanced': partial_fit doesn't see all rows; it may be a dict or None")
        return self._fit(X, y, self._weigh(X, y, sample_weight), incremental=True)

    def predict(self, X: Any) -> Array:
        """The most probable class of each row, (samples,), or the labels (samples, labels)."""
        labels: Array = self._labels(self._outputs(X))
        return labels

    def predict_proba(self, X: Any) -> Array:
        """The probability of each of `classes_`, (samples, classes)."""
        outputs = self._outputs(X)
        if self._kind == "binary":
            outputs = np.hstack([1 - outputs, outputs]) if len(self.classes_) == 2 else np.ones_like(outputs)
        return outputs

    def predict_log_proba(self, X: Any) -> Array:
        """The logarithm of `predict_proba`."""
        with np.errstate(divide="ignore"):
            logarithms: Array = np.log(self.predict_proba(X))
        return logarithms

    # --- what the base class asks for ------------------------------------------------------------------------------------------

    def _weigh(self, X: Any, y: Any, sample_weight: Any) -> Any:
        """The sample weights times those of the classes."""
        if self.class_weight is None:
            return sample_weight
        by_class = compute_sample_weight(self.class_weight, y)
        return by_class if sample_weight is None else by_class * _check_sample_weight(sample_weight, X)

    def _set_kind(self, y: Any) -> None:
        """Whether y is "binary", "multiclass" or "multilabel"; of a sparse y, so are the answers."""
        self._sparse_labels = sparse.issparse(y)
        if type_of_target(y).startswith("multilabel"):
            self._kind = "multilabel"
        else:
            self._kind = "binary" if len(self.classes_) <= 2 else "multiclass"
        self.n_outputs_ = 1 if self._kind == "binary" else len(self.classes_)

    def _check_data(self, X: Any, y: Any, *, incremental: bool, first: bool) -> tuple[Any, Array]:
        X, y = validate_data(
            self, X, y, accept_sparse=["csr", "csc"], multi_output=True, dtype=[np.float64, np.float32], reset=first
        )
        if y.ndim == 2 and y.shape[1] == 1 and not sparse.issparse(y):
            y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        if type_of_target(y) == "multiclass-multioutput":
            raise ValueError(f"y had the shape {y.shape} and other values than 0 and 1: Multioutput target data is not supported")
        classes = unique_labels(y)
        if first and not incremental:
            self.classes_ = classes
            self._set_kind(y)
        elif self.warm_start and not np.array_equal(classes, self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous call to fit. "
                f"Previously got {self.classes_}, `y` has {classes}"
            )
        elif len(np.setdiff1d(classes, self.classes_)):
            raise ValueError(f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. 'y' has {classes}.")
        return X, self._encode(y)

    def _encode(self, y: Any) -> Array:
        """`y` as the loss takes it: true and false, or the numbers of the classes."""
        if self._kind == "multilabel":
            return np.asarray(y.toarray() if sparse.issparse(y) else y, bool)
        numbers: Array = np.searchsorted(self.classes_, y)
        return numbers.astype(bool) if self._kind == "binary" else numbers

    def _decisions(self, outputs: Array) -> Array:
        """The network's outputs as what `_encode` gives."""
        if self._kind == "multiclass":
            numbers: Array = outputs.argmax(axis=1)
            return numbers
        return outputs > 0.5 if self._kind == "multilabel" else outputs[:, 0] > 0.5

    def _labels(self, outputs: Array) -> Any:
        decisions = self._decisions(outputs)
        if self._kind == "multilabel":
            return sparse.csr_matrix(decisions.astype(int)) if self._sparse_labels else decisions.astype(int)
        return self.classes_[np.minimum(decisions.astype(int), len(self.classes_) - 1)]

    def _task(self) -> Task:
        if self._kind == "multilabel":
            return tasks.multilabel(self.n_outputs_)
        return tasks.binary() if self._kind == "binary" else tasks.multiclass()

    def _stratify(self, y: Array) -> Array | None:
        return y.reshape(-1, 1) if self._kind == "binary" else None  # of two dimensions, as scikit-learn splits it

    def _score_outputs(self, y: Array, outputs: Array, sample_weight: Array | None) -> float:
        return float(accuracy_score(y, self._decisions(outputs), sample_weight=sample_weight))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
