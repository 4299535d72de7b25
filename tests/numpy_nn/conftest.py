from collections.abc import Callable, Iterator
from dataclasses import replace
from types import ModuleType

import pytest

from numpy_nn._engine import tuning


@pytest.fixture
def keras64() -> Iterator[ModuleType]:
    """Keras with float64 as its precision, put back as it was afterwards."""
    import keras

    before = keras.config.floatx()
    keras.config.set_floatx("float64")
    yield keras
    keras.config.set_floatx(before)


@pytest.fixture
def tune(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`tune(field=value, ...)`: the engine computes with these constants until the test ends."""

    def change(**values: float) -> None:
        changed = replace(tuning.this_machine(), **values)
        monkeypatch.setattr(tuning, "this_machine", lambda: changed)

    return change
