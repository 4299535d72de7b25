"""Callbacks: what is done at the moments of a training, an evaluation or a prediction, with Keras' names and meanings.

Override the methods of `Callback` that you need. `fit` returns a `History`.
"""

from numpy_nn.callbacks.base import Callback, CallbackList, History, LambdaCallback
from numpy_nn.callbacks.files import CSVLogger, ModelCheckpoint
from numpy_nn.callbacks.learning_rates import LearningRateScheduler, ReduceLROnPlateau
from numpy_nn.callbacks.stopping import EarlyStopping, TerminateOnNaN
from numpy_nn.keras_names import finder

__all__ = [
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ReduceLROnPlateau",
    "TerminateOnNaN",
]

__getattr__ = finder("numpy_nn.callbacks", __all__)
