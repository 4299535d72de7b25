"""For `nox -s package`: a script of a user's, whose types mypy must see in the installed package."""

from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

from numpy_nn import SGD, History, Sequential

model = Sequential([{"input_dim": 2, "output_dim": 1, "activation": "sigmoid"}], seed=1)
model.compile(optimizer=SGD(learning_rate=0.1), loss="binary_crossentropy")
history = model.fit(np.zeros((8, 2)), np.zeros(8), epochs=2, verbose=0)
assert_type(history, History)
assert_type(history.history, dict[str, list[float]])
assert_type(model.predict(np.zeros((1, 2))), NDArray[Any])
assert_type(Sequential.load("model.npz"), Sequential)
