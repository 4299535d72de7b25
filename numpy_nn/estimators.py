"""The network as scikit-learn estimators, for pipelines, grid searches and cross-validation.

The one module here that imports scikit-learn. `Sequential` does the training; the parameters have its names, some of which differ
from those of scikit-learn's own `MLPClassifier`.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from numpy_nn import optimizers, validation
from numpy_nn._engine.arrays import Array
from numpy_nn.callbacks import EarlyStopping
from numpy_nn.optimizers import Optimizer
from numpy_nn.sequential import Sequential

PATIENCE_EPOCHS = 10


class _MLP(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """What both estimators share: the parameters, the network from them, and its training."""

    def __init__(
        self,
        hidden_layer_sizes: int | Iterable[int] = (100,),
        activation: str = "relu",
        *,
        optimizer: str | Optimizer = "adam",
        learning_rate: float | None = None,
        batch_size: int | None = 32,
        epochs: int = 200,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.epochs = epochs
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.random_state = random_state

    def _train(self, x: Array, y: Array, *, outputs: int, last: str, loss: str) -> None:
        """Make the network, and train it on `x` (samples, features) and `y`."""
        stream = check_random_state(self.random_state)
        sizes = self.hidden_layer_sizes if isinstance(self.hidden_layer_sizes, Iterable) else [self.hidden_layer_sizes]
        dims = [x.shape[1], *(validation.positive_integer("hidden_layer_sizes", size) for size in sizes), outputs]
        names = [*[self.activation] * (len(dims) - 2), last]
        architecture = [
            {"input_dim": inputs, "output_dim": units, "activation": name}
            for inputs, units, name in zip(dims[:-1], dims[1:], names, strict=True)
        ]
        model = Sequential(architecture, seed=stream.randint(2**31 - 1), dtype=x.dtype)
        model.compile(self._optimizer(), loss)
        options: dict[str, Any] = {}
        if self.early_stopping:
            x, x_held, y, y_held = self._hold_out(x, y, stream)
            options["validation_data"] = x_held, y_held
            options["callbacks"] = [EarlyStopping(patience=PATIENCE_EPOCHS, restore_best_weights=True)]
        history = model.fit(x, y, self.batch_size, self.epochs, verbose=0, **options)
        self.model_ = model
        self.n_iter_ = len(history.epoch)
        self.loss_curve_ = history.history["loss"]
        if self.early_stopping:
            self.validation_loss_curve_ = history.history["val_loss"]

    def _optimizer(self) -> Optimizer:
        """A copy of the optimizer: the one given is a parameter, and doesn't change."""
        optimizer = deepcopy(optimizers.get(self.optimizer))
        if self.learning_rate is None:
            return optimizer
        return type(optimizer)(**{**optimizer.get_config(), "learning_rate": self.learning_rate})

    def _hold_out(self, x: Array, y: Array, stream: np.random.RandomState) -> list[Array]:
        """The rows to train on and those held out, of `x` and of `y`."""
        fraction = self.validation_fraction
        if isinstance(fraction, bool) or not isinstance(fraction, (float, np.floating)) or not 0 < fraction < 1:
            raise ValueError(f"validation_fraction was {fraction!r}: it must be above 0 and below 1")
        split: list[Array] = train_test_split(x, y, test_size=fraction, random_state=stream)
        return split

    def _outputs(self, x: Any) -> Array:
        check_is_fitted(self)
        x = validate_data(self, x, reset=False, dtype=self.model_.dtype)
        return self.model_.predict(x)


class MLPClassifier(ClassifierMixin, _MLP):  # type: ignore[misc]
    """A classifier: one sigmoid output for two classes, softmax for more.

    Parameters
    ----------
    hidden_layer_sizes
        The units of each hidden layer; empty: logistic regression.
    activation
        Of the hidden layers, a name of `numpy_nn.activations`.
    optimizer
        A name of `numpy_nn.optimizers`, or one of its objects.
    learning_rate
        None: the optimizer's own.
    batch_size
        Rows a step; None is the full batch.
    epochs
        Passes over the rows, at most.
    early_stopping
        Whether to hold rows out, to stop when their loss hasn't fallen for ten epochs, and to keep the best epoch's weights.
    validation_fraction
        The fraction of rows held out then.
    random_state
        Of the first weights, the order of the rows and the choice of those held out.

    Attributes
    ----------
    classes_, n_features_in_, feature_names_in_
        As everywhere in scikit-learn.
    model_
        The `Sequential`, of the precision of the data.
    n_iter_
        Epochs trained.
    loss_curve_, validation_loss_curve_
        The loss of each epoch; the second with `early_stopping` only.

    """

    def fit(self, X: Any, y: Any) -> Self:
        """Train on `X` (samples, features) and labels `y` (samples,).

        Raises
        ------
        ValueError
            If a parameter or the data is not allowed, or there are fewer than two classes.

        """
        X, y = validate_data(self, X, y, dtype=[np.float64, np.float32])
        check_classification_targets(y)
        self.classes_, numbers = np.unique(y, return_inverse=True)
        count = len(self.classes_)
        if count < 2:
            raise ValueError(f"y had one class, {self.classes_.tolist()[0]!r}: there must be at least two")
        if count == 2:
            self._train(X, numbers, outputs=1, last="sigmoid", loss="binary_crossentropy")
        else:
            self._train(X, numbers, outputs=count, last="softmax", loss="sparse_categorical_crossentropy")
        return self

    def predict_proba(self, X: Any) -> Array:
        """The probability of each of `classes_`, (samples, classes)."""
        outputs = self._outputs(X)
        return np.hstack([1 - outputs, outputs]) if outputs.shape[1] == 1 else outputs

    def predict(self, X: Any) -> Array:
        """The most probable class of each sample, (samples,)."""
        probabilities = self.predict_proba(X)
        labels: Array = self.classes_[probabilities.argmax(axis=1)]
        return labels


class MLPRegressor(RegressorMixin, _MLP):  # type: ignore[misc]
    """A regressor by least squares, of one target or several; parameters and attributes as of `MLPClassifier`."""

    def fit(self, X: Any, y: Any) -> Self:
        """Train on `X` (samples, features) and targets `y`, (samples,) or (samples, targets).

        Raises
        ------
        ValueError
            If a parameter or the data is not allowed.

        """
        X, y = validate_data(self, X, y, dtype=[np.float64, np.float32], multi_output=True, y_numeric=True)
        self._flat = y.ndim == 1
        targets = y.reshape(len(y), -1)
        self._train(X, targets, outputs=targets.shape[1], last="linear", loss="mean_squared_error")
        return self

    def predict(self, X: Any) -> Array:
        """The targets of each sample, of the shape that `y` had."""
        outputs = self._outputs(X)
        return outputs[:, 0] if self._flat else outputs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
