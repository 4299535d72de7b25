"""What both estimators share: the network from the parameters, its training by either kind of solver, and the attributes.

Random numbers are drawn as scikit-learn draws them: first weights, rows held out, order of the rows, from one stream. So a training
from one seed is scikit-learn's own to the rounding of sums.
"""

from __future__ import annotations

import math
import warnings
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from typing import Any, Self

import numpy as np
import scipy.optimize
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state, gen_batches, shuffle
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from numpy_nn._engine.arrays import Array
from numpy_nn.estimators import parameters
from numpy_nn.estimators.tasks import ACTIVATIONS, Task
from numpy_nn.estimators.training import EpochTrainer, Objective, Samples
from numpy_nn.optimizers import SGD, Adam, Optimizer
from numpy_nn.sequential import Sequential

SMALLEST_ADAPTIVE_LEARNING_RATE = 1e-6
ADAPTIVE_DIVISOR = 5.0
MOST_AUTOMATIC_BATCH_ROWS = 200
SPARSE_CHUNK_ROWS = 4096
"""Rows of a sparse matrix that are made dense at once for a prediction."""


class MultilayerPerceptron(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Base of `MLPClassifier` and `MLPRegressor`."""

    hidden_layer_sizes: int | Iterable[int]
    activation: str
    solver: str | Optimizer
    alpha: float
    batch_size: int | str
    learning_rate: str
    learning_rate_init: float
    power_t: float
    max_iter: int
    shuffle: bool
    random_state: int | np.random.RandomState | None
    tol: float
    verbose: bool | int
    warm_start: bool
    momentum: float
    nesterovs_momentum: bool
    early_stopping: bool
    validation_fraction: float
    beta_1: float
    beta_2: float
    epsilon: float
    n_iter_no_change: float
    max_fun: int

    def _set_parameters(self, given: Mapping[str, Any]) -> None:
        """Keep the arguments of `__init__` as they are, as scikit-learn asks."""
        for name, value in given.items():
            if name != "self":
                setattr(self, name, value)

    # --- what a classifier and a regressor do differently ----------------------------------------------------------------------

    @abstractmethod
    def _check_data(self, X: Any, y: Any, *, incremental: bool, first: bool) -> tuple[Any, Array]:
        """`X` checked, and `y` as the loss takes it."""

    @abstractmethod
    def _task(self) -> Task:
        """The output layer and its loss."""

    @abstractmethod
    def _stratify(self, y: Array) -> Array | None:
        """What the rows held out are stratified by."""

    @abstractmethod
    def _score_outputs(self, y: Array, outputs: Array, sample_weight: Array | None) -> float:
        """The score of the network's outputs for rows that were held out."""

    # --- attributes ------------------------------------------------------------------------------------------------------------

    @property
    def coefs_(self) -> list[Array]:
        """The kernel (in, out) of each layer: views of the weights of `model_`."""
        return [matrix[:-1] for matrix in self._fitted_model("coefs_")._parameters.matrices]

    @coefs_.setter
    def coefs_(self, kernels: Sequence[Any]) -> None:
        for view, kernel in zip(self.coefs_, kernels, strict=True):
            view[...] = kernel

    @property
    def intercepts_(self) -> list[Array]:
        """The bias (out,) of each layer: views of the weights of `model_`."""
        return [matrix[-1] for matrix in self._fitted_model("intercepts_")._parameters.matrices]

    @intercepts_.setter
    def intercepts_(self, biases: Sequence[Any]) -> None:
        for view, bias in zip(self.intercepts_, biases, strict=True):
            view[...] = bias

    def _fitted_model(self, attribute: str) -> Sequential:
        model: Sequential | None = vars(self).get("model_")
        if model is None:
            raise AttributeError(f"{type(self).__name__} has no {attribute} before fit")
        return model

    # --- training --------------------------------------------------------------------------------------------------------------

    def _fit(self, X: Any, y: Any, sample_weight: Any, *, incremental: bool = False) -> Self:
        """Train on all epochs, or if `incremental` on one."""
        own = {name: getattr(self, name) for name in parameters.NAMES if hasattr(self, name)}  # a subclass may have others
        parameters.check(own)
        parameters.refuse_masks(X=X, y=y, sample_weight=sample_weight)
        if incremental and self.early_stopping:
            raise ValueError("early_stopping was True: partial_fit does not support early_stopping=True")
        first = not hasattr(self, "model_") or not (self.warm_start or incremental)
        X, y = self._check_data(X, y, incremental=incremental, first=first)
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, X)
        stream = check_random_state(self.random_state)
        if first:
            self._initialize(X, stream)
        samples = Samples(X, y, weights)
        if isinstance(self.solver, str) and self.solver == "lbfgs":
            self._minimize(samples)
        else:
            if not incremental or not hasattr(self, "_optimizer"):
                self._optimizer = self._make_optimizer()
                self.model_.compile(self._optimizer, self._task().loss)
            if first or not hasattr(self, "loss_curve_") or (self.validation_scores_ is None) == self.early_stopping:
                self._begin_curves()
            self._train(samples, stream, incremental=incremental)
        if not np.isfinite(self.model_._parameters.vector).all():
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may contain large values and need to be preprocessed."
            )
        return self

    def _initialize(self, X: Any, stream: np.random.RandomState) -> None:
        """Make the network, with scikit-learn's first weights: uniform, biases too (Glorot and Bengio, 2010)."""
        task = self._task()
        sizes = [X.shape[1], *parameters.hidden_layer_sizes(self.hidden_layer_sizes), self.n_outputs_]
        hidden = parameters.hidden_activation(self.activation)
        last = ACTIVATIONS.get(task.out_activation, task.out_activation)
        layers = list(zip(sizes[:-1], sizes[1:], [*[hidden] * (len(sizes) - 2), last], strict=True))
        architecture = [{"input_dim": fan_in, "output_dim": fan_out, "activation": name} for fan_in, fan_out, name in layers]
        # scipy's L-BFGS computes in float64, as does scikit-learn with it.
        dtype = np.float64 if self.solver == "lbfgs" else X.dtype
        self.model_ = Sequential(architecture, initializer="zeros", dtype=dtype)
        weights = []
        for fan_in, fan_out, _ in layers:
            bound = np.sqrt((2 if hidden == "sigmoid" else 6) / (fan_in + fan_out))
            weights += [stream.uniform(-bound, bound, (fan_in, fan_out)), stream.uniform(-bound, bound, fan_out)]
        self.model_.set_weights(weights)
        self.n_layers_, self.out_activation_ = len(sizes), task.out_activation
        self.n_iter_ = self.t_ = 0

    def _begin_curves(self) -> None:
        """Make the attributes that tell what each epoch brought."""
        self.loss_curve_: list[float] = []
        self._no_improvement_count = 0
        self.best_loss_: Any = None if self.early_stopping else math.inf
        self.validation_scores_: list[float] | None = [] if self.early_stopping else None
        self.best_validation_score_: Any = -math.inf if self.early_stopping else None

    def _make_optimizer(self) -> Optimizer:
        if isinstance(self.solver, Optimizer):
            return deepcopy(self.solver)  # the one given is a parameter, and doesn't change
        if self.solver == "sgd":
            return SGD(self.learning_rate_init, momentum=self.momentum, nesterov=bool(self.nesterovs_momentum))
        return Adam(self.learning_rate_init, beta_1=self.beta_1, beta_2=self.beta_2, epsilon=self.epsilon)

    def _minimize(self, samples: Samples) -> None:
        """Train by L-BFGS."""
        task, model = self._task(), self.model_
        model.compile("sgd", task.loss)
        iterations = 0

        def report(intermediate_result: Any) -> None:
            nonlocal iterations
            iterations += 1
            print(f"Iteration {iterations}, loss = {intermediate_result.fun:.8f}")

        found = scipy.optimize.minimize(
            Objective(model, task, samples, alpha=self.alpha),
            model._parameters.vector.copy(),
            method="L-BFGS-B",
            jac=True,
            callback=report if self.verbose else None,
            options={"maxfun": self.max_fun, "maxiter": self.max_iter, "gtol": self.tol},
        )
        model._parameters.vector[:] = found.x
        self.loss_, self.n_iter_ = float(found.fun), min(found.nit, self.max_iter)
        if found.status != 0:
            warnings.warn(
                f"lbfgs failed to converge after {found.nit} iterations: {found.message}. "
                "Increase max_iter or max_fun, or scale the data.",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _train(self, samples: Samples, stream: np.random.RandomState, *, incremental: bool) -> None:
        """Train by minibatches, until the loss or the score of the rows held out no longer improves."""
        samples, held_out = self._hold_out(samples, stream) if self.early_stopping else (samples, None)
        rows = samples.x.shape[0]
        trainer = EpochTrainer(self.model_, self._task(), samples, batch_size=self._batch_rows(rows), alpha=self.alpha)
        best = self.model_.get_weights()
        order = np.arange(rows)
        self.n_iter_ = 0
        diverged = False
        try:
            with trainer.threads():
                while self.n_iter_ < (1 if incremental else self.max_iter):
                    if self.shuffle:
                        order = shuffle(order, random_state=stream)
                    self.loss_ = trainer.epoch(order if self.shuffle else None)
                    self.n_iter_ += 1
                    self.t_ += rows
                    self.loss_curve_.append(self.loss_)
                    if self.verbose:
                        print(f"Iteration {self.n_iter_}, loss = {self.loss_:.8f}")
                    diverged = diverged or not math.isfinite(self.loss_)
                    if self._improved(held_out):
                        best = self.model_.get_weights()
                    if self._ends():
                        break
                else:
                    if not incremental:
                        _warn(
                            f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the optimization hasn't "
                            "converged yet."
                        )
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=4)
        if diverged:
            _warn("The loss is no longer finite: the training diverged. Lower learning_rate_init, or scale the data.")
        if held_out is not None:
            self.model_.set_weights(best)

    def _hold_out(self, samples: Samples, stream: np.random.RandomState) -> tuple[Samples, Samples]:
        """The samples to train on, and those whose score decides when to stop."""
        given = [part for part in samples if part is not None]
        options = {"random_state": stream, "test_size": self.validation_fraction, "stratify": self._stratify(samples.y)}
        split = train_test_split(*given, **options)
        if split[1].shape[0] < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or the size of your dataset: "
                f"validation_fraction was {self.validation_fraction}, of {samples.x.shape[0]} rows"
            )
        return Samples(*split[::2]), Samples(*split[1::2])

    def _batch_rows(self, rows: int) -> int:
        if isinstance(self.batch_size, str):
            return min(MOST_AUTOMATIC_BATCH_ROWS, rows)
        if self.batch_size > rows:
            warnings.warn(
                f"batch_size was {self.batch_size}: Got `batch_size` less than 1 or larger than sample size. "
                "It is going to be clipped",
                stacklevel=5,
            )
        return min(int(self.batch_size), rows)

    def _improved(self, held_out: Samples | None) -> bool:
        """Count the epochs without improvement; whether this epoch's score of the rows held out is the best so far."""
        if held_out is None:
            worse = self.loss_ > self.best_loss_ - self.tol
            self.best_loss_ = self.loss_ if self.loss_ < self.best_loss_ else self.best_loss_
            self._no_improvement_count = self._no_improvement_count + 1 if worse else 0
            return False
        assert self.validation_scores_ is not None
        score = self._score_outputs(held_out.y, self._outputs_of(held_out.x), held_out.weights)
        self.validation_scores_.append(score)
        if self.verbose:
            print(f"Validation score: {score:f}")
        self._no_improvement_count = self._no_improvement_count + 1 if score < self.best_validation_score_ + self.tol else 0
        best: bool = score > self.best_validation_score_
        if best:
            self.best_validation_score_ = score
        return best

    def _ends(self) -> bool:
        """Whether the training ends after this epoch, once the learning rate has been adapted."""
        schedule = self.learning_rate if isinstance(self.solver, str) and self.solver == "sgd" else "constant"
        if schedule == "invscaling":
            self._optimizer.learning_rate = self.learning_rate_init / (self.t_ + 1) ** self.power_t
        if self._no_improvement_count <= self.n_iter_no_change:
            return False
        what = "Validation score did not improve" if self.early_stopping else "Training loss did not improve"
        message = f"{what} more than tol={self.tol:f} for {self.n_iter_no_change} consecutive epochs."
        ends = schedule != "adaptive" or self._optimizer.learning_rate <= SMALLEST_ADAPTIVE_LEARNING_RATE
        if not ends:
            self._optimizer.learning_rate /= ADAPTIVE_DIVISOR
            self._no_improvement_count = 0
            message += f" Setting learning rate to {self._optimizer.learning_rate:f}"
        elif schedule == "adaptive":
            message += " Learning rate too small. Stopping."
        else:
            message += " Stopping."
        if self.verbose:
            print(message)
        return ends

    # --- outputs ---------------------------------------------------------------------------------------------------------------

    def _outputs(self, X: Any) -> Array:
        """The network's outputs (samples, outputs)."""
        check_is_fitted(self)
        parameters.refuse_masks(X=X)
        return self._outputs_of(validate_data(self, X, accept_sparse=["csr", "csc"], reset=False))

    def _outputs_of(self, x: Any) -> Array:
        """The same for checked rows, dense or sparse."""
        if not sparse.issparse(x):
            return self.model_.predict(x)
        rows = x.tocsr()
        return np.vstack([self.model_.predict(rows[chunk].toarray()) for chunk in gen_batches(x.shape[0], SPARSE_CHUNK_ROWS)])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _warn(message: str) -> None:
    warnings.warn(message, ConvergenceWarning, stacklevel=5)


def is_stochastic(estimator: MultilayerPerceptron) -> bool:
    """Whether the estimator has `partial_fit`: not with L-BFGS."""
    if isinstance(estimator.solver, str) and estimator.solver == "lbfgs":
        raise AttributeError("partial_fit is only available for stochastic optimizers. lbfgs is not stochastic.")
    return True
