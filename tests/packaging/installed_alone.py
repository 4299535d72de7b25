"""For `nox -s package`, in an environment where `pip install .` was all that was done: what came with it, and whether it works."""

import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

import numpy as np

import numpy_nn
from numpy_nn import SGD, Sequential

LIMIT_BYTES = 60e6
TOOLS = {"pip", "setuptools", "wheel"}

packages = {distribution.name.lower() for distribution in metadata.distributions()}
assert packages - TOOLS == {"moons-bench", "numpy"}, packages
assert metadata.version("moons-bench") == numpy_nn.__version__

site = Path(numpy_nn.__file__).parents[1]
assert site.name == "site-packages", site
folders = [site / name for name in ("numpy", "numpy.libs", "numpy_nn", "keras_ref", "bench")]
size = sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if "__pycache__" not in path.parts)
assert size <= LIMIT_BYTES, f"{size / 1e6:.1f} MB"

generator = np.random.default_rng(0)
x = generator.normal(size=(500, 2))
y = (x.sum(axis=1) > 0).astype(float)
model = Sequential(
    [{"input_dim": 2, "output_dim": 8, "activation": "relu"}, {"input_dim": 8, "output_dim": 1, "activation": "sigmoid"}], seed=1
)
model.compile(optimizer=SGD(learning_rate=0.1), loss="binary_crossentropy", metrics=["accuracy"])
accuracy = model.fit(x, y, epochs=50, verbose=0).history["accuracy"][-1]
assert accuracy > 0.95, accuracy
with tempfile.TemporaryDirectory() as folder:
    model.save(Path(folder, "model.npz"))
    assert np.array_equal(Sequential.load(Path(folder, "model.npz")).predict(x), model.predict(x))

harness = subprocess.run([sys.executable, "-P", "-m", "bench", "run"], capture_output=True, text=True, check=False)
assert harness.returncode == 2, harness
assert harness.stderr.count("\n") == 1, harness.stderr
assert 'pip install -e ".[bench]"' in harness.stderr, harness.stderr
print(f"NumPy {np.__version__} and this package, {size / 1e6:.1f} MB: trained to {accuracy:.1%}, saved, loaded")
