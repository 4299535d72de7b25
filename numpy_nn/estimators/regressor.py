"""The regressor: one target or several."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import validate_data

from numpy_nn._engine.arrays import Array
from numpy_nn.estimators import tasks
from numpy_nn.estimators.multilayer_perceptron import MultilayerPerceptron, is_stochastic
from numpy_nn.estimators.tasks import Task
from numpy_nn.optimizers import Optimizer


class MLPRegressor(RegressorMixin, MultilayerPerceptron):  # type: ignore[misc]
    """A regressor of one target or several, with the parameters of scikit-learn's `MLPRegressor`.

    Parameters
    ----------
    loss
        "squared_error", or "poisson" for counts: half the deviance, after an exponential output.
    hidden_layer_sizes, activation, solver, alpha, batch_size, learning_rate, learning_rate_init, power_t, max_iter, shuffle, \
    random_state, tol, verbose, warm_start, momentum, nesterovs_momentum, early_stopping, validation_fraction, beta_1, beta_2, \
    epsilon, n_iter_no_change, max_fun
        As of `MLPClassifier`; the score of rows held out is R².

    Attributes
    ----------
    coefs_, intercepts_, model_, n_iter_, t_, loss_, loss_curve_, best_loss_, validation_scores_, best_validation_score_, \
    n_features_in_, feature_names_in_, n_outputs_, n_layers_, out_activation_
        As of `MLPClassifier`.

    """

    loss: str
    n_outputs_: int

    def __init__(
        self,
        loss: str = "squared_error",
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
    ) -> None:
        self._set_parameters(locals())

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on `X` (samples, features), dense or sparse, and targets `y`, (samples,) or (samples, targets).

        Parameters
        ----------
        X, y
            (samples, features), dense or sparse; (samples,) or (samples, targets).
        sample_weight
            (samples,), the weight of each row in the loss.

        Raises
        ------
        ValueError
            If a parameter or the data is not allowed, or the weights are no longer finite.

        """
        return self._fit(X, y, sample_weight)

    @available_if(is_stochastic)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train for one epoch.

        Raises
        ------
        ValueError
            If a parameter or the data is not allowed, or `early_stopping` is set.

        """
        return self._fit(X, y, sample_weight, incremental=True)

    def predict(self, X: Any) -> Array:
        """The targets of each row, (samples,) or (samples, targets)."""
        outputs = self._outputs(X)
        return outputs[:, 0] if outputs.shape[1] == 1 else outputs

    # --- what the base class asks for ------------------------------------------------------------------------------------------

    def _check_data(self, X: Any, y: Any, *, incremental: bool, first: bool) -> tuple[Any, Array]:
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse=["csr", "csc"],
            multi_output=True,
            y_numeric=True,
            dtype=[np.float64, np.float32],
            reset=first,
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if self.loss == "poisson" and y.min() < 0:
            raise ValueError(f"y had {y.min()}: with loss='poisson' no target may be negative")
        targets = y.reshape(len(y), -1)
        if not first and targets.shape[1] != self.n_outputs_:
            raise ValueError(f"y had {targets.shape[1]} targets: in the calls before there were {self.n_outputs_}")
        self.n_outputs_ = targets.shape[1]
        return X, targets

    def _task(self) -> Task:
        return tasks.poisson() if self.loss == "poisson" else tasks.squared_error(self.n_outputs_)

    def _stratify(self, y: Array) -> Array | None:
        return None

    def _score_outputs(self, y: Array, outputs: Array, sample_weight: Array | None) -> float:
        """R², or NaN where an output is not finite."""
        if not np.isfinite(outputs).all():
            return float("nan")
        return float(r2_score(y, outputs, sample_weight=sample_weight))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
