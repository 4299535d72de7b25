"""The network as scikit-learn estimators: they replace scikit-learn's own by a change of the import.

Parameters, defaults and attributes are those of `sklearn.neural_network`; `numpy_nn` does the training. The one part of `numpy_nn`
that imports scikit-learn.
"""

try:
    import sklearn as _  # noqa: F401  # the one of the two that the user installs
except ModuleNotFoundError as error:
    if error.name != "sklearn":
        raise
    raise ImportError(
        "numpy_nn.estimators need scikit-learn, which is not installed: type python -m pip install scikit-learn"
    ) from error

from numpy_nn.estimators.classifier import MLPClassifier
from numpy_nn.estimators.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
