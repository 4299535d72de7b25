from collections.abc import Iterator
from types import ModuleType

import pytest


@pytest.fixture
def keras64() -> Iterator[ModuleType]:
    """Keras with float64 as its precision, put back as it was afterwards."""
    import keras

    before = keras.config.floatx()
    keras.config.set_floatx("float64")
    yield keras
    keras.config.set_floatx(before)
