import subprocess
import sys

import pytest

import numpy_nn

LOADED = """
import sys
import numpy.random
before = set(sys.modules)
import {module}
new = {{name.partition(".")[0] for name in set(sys.modules) - before}}
print(*sorted(new - set(sys.stdlib_module_names) - {{"numpy", "numpy_nn"}}))
"""


def test_importing_the_network_loads_nothing_but_numpy_and_the_standard_library() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(module="numpy_nn")], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == []


def test_scikit_learn_is_loaded_by_the_estimators_alone() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(module="numpy_nn.estimators")], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = done.stdout.split()
    assert "sklearn" in loaded
    assert not {"keras", "tensorflow", "bench", "keras_ref"} & set(loaded)


def test_a_network_is_trained_saved_and_asked_without_loading_more(tmp_path: object) -> None:
    code = f"""
import sys
import numpy_nn, numpy
model = numpy_nn.Sequential([{{"input_dim": 2, "output_dim": 1, "activation": "sigmoid"}}], threads=2)
model.compile("adam", "binary_crossentropy", ["accuracy"])
model.fit(numpy.zeros((9, 2)), numpy.zeros(9), validation_split=0.2, verbose=0)
model.save({str(tmp_path)!r} + "/model.npz")
numpy_nn.Sequential.load({str(tmp_path)!r} + "/model.npz").predict(numpy.zeros((1, 2)))
loaded = {{name.partition(".")[0] for name in sys.modules}}
print(*sorted(loaded & {{"sklearn", "scipy", "pandas", "keras", "matplotlib", "bench"}}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == []


@pytest.mark.parametrize("name", numpy_nn.__all__)
def test_whatever_is_offered_is_there(name: str) -> None:
    assert getattr(numpy_nn, name) is not None


@pytest.mark.parametrize("module", ["losses", "activations", "optimizers", "initializers", "callbacks"])
def test_the_parts_are_found_under_the_package(module: str) -> None:
    assert getattr(numpy_nn, module).__name__ == f"numpy_nn.{module}"
