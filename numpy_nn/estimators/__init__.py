"""The network as scikit-learn estimators: they replace scikit-learn's own by a change of the import.

Parameters, defaults and attributes are those of `sklearn.neural_network`; `numpy_nn` does the training. The one part of `numpy_nn`
that imports scikit-learn.
"""

from numpy_nn.estimators.classifier import MLPClassifier
from numpy_nn.estimators.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
