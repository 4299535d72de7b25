"""The identical network in Keras: the other side of every comparison, and the oracle of `numpy_nn`'s tests.

Called by the contestants that train with Keras, and by tests. Keras itself is imported when a function is called, so that its
cost is the caller's to place. Measuring anything is left to `bench`.
"""

from keras_ref.model import build_model, copy_weights
from keras_ref.training import fit

__all__ = ["build_model", "copy_weights", "fit"]
