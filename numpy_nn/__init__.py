"""A dense neural network in plain NumPy, from a list of layer dicts, with Keras' names and meanings.

`numpy_nn.textbook` has the algorithm in plain lines, and `numpy_nn.Sequential` the fast network. Nothing but NumPy and the standard
library is imported here; import `numpy_nn.estimators`, which needs scikit-learn, by its name.
"""

from typing import TYPE_CHECKING, Any

from numpy_nn import activations, callbacks, initializers, keras_names, losses, metrics, optimizers, regularizers, schedules
from numpy_nn.callbacks import Callback, EarlyStopping, History, TerminateOnNaN
from numpy_nn.optimizers import SGD, Adagrad, Adam, AdamW, RMSprop
from numpy_nn.sequential import Sequential

if TYPE_CHECKING:
    from numpy_nn.ensemble import Ensemble

__all__ = [
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "Callback",
    "EarlyStopping",
    "Ensemble",
    "History",
    "RMSprop",
    "Sequential",
    "TerminateOnNaN",
    "activations",
    "callbacks",
    "initializers",
    "losses",
    "metrics",
    "optimizers",
    "regularizers",
    "schedules",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import `Ensemble`, which most don't need, when it is asked for; name the nearest thing to what Keras alone has."""
    if name != "Ensemble":
        keras_names.raise_missing("numpy_nn", name, keras_names.OF_PACKAGE)
    from numpy_nn.ensemble import Ensemble

    return Ensemble
