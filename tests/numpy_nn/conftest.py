from collections.abc import Callable, Iterator
from dataclasses import replace
from types import ModuleType

import pytest

from numpy_nn._engine import tuning


@pytest.fixture
def keras64() -> Iterator[ModuleType]:
    """Keras with float64 as its precision, put back as it was afterwards; the policy is remembered from its first layer on."""
    import keras

    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield keras
    keras.config.set_floatx(before[0])
    keras.config.set_dtype_policy(before[1])


@pytest.fixture
def tune(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`tune(field=value, ...)`: the engine computes with these constants until the test ends."""

    def change(**values: float) -> None:
        changed = replace(tuning.this_machine(), **values)
        monkeypatch.setattr(tuning, "this_machine", lambda: changed)

    return change
