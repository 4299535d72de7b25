"""`ModelCheckpoint` with Keras' own files: the files that Keras writes, at the moments at which it does, and Keras reads them."""

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numpy_nn import Sequential
from numpy_nn.callbacks import ModelCheckpoint

pytest.importorskip("h5py")

ROWS = 30
X = np.random.default_rng(1).normal(size=(ROWS, 3)).astype("float32")
Y = (X[:, :1] > 0).astype("float32")
BEST = {"monitor": "val_loss", "save_best_only": True}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "each epoch": ("{epoch:02d}", {}),
    "each batch": ("{epoch:02d}-{batch:02d}", {"save_freq": 1}),
    "every 15 batches": ("{epoch:02d}-{batch:02d}", {"save_freq": 15}),
    "the best loss": ("{epoch:02d}", BEST),
    "the best accuracy": ("{epoch:02d}", {**BEST, "monitor": "val_accuracy"}),
    "the largest loss": ("{epoch:02d}", {**BEST, "mode": "max"}),
    "a loss below what none reaches": ("{epoch:02d}", {**BEST, "initial_value_threshold": 0.0}),
    "a loss below what each reaches": ("{epoch:02d}", {**BEST, "initial_value_threshold": 1e9}),
}


def both() -> tuple[Sequential, Any]:
    import keras

    theirs = keras.Sequential([keras.Input((3,)), keras.layers.Dense(5, "relu"), keras.layers.Dense(1, "sigmoid")])
    layers = [{"input_dim": 3, "output_dim": 5, "activation": "relu"}, {"input_dim": 5, "output_dim": 1, "activation": "sigmoid"}]
    ours = Sequential(layers)
    ours.set_weights(theirs.get_weights())
    for model in (ours, theirs):
        model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    return ours, theirs


@pytest.mark.parametrize("suffix", [".keras", ".weights.h5"])
@pytest.mark.parametrize("case", CASES)
def test_the_files_are_those_that_keras_writes_and_so_is_what_is_said(
    case: str, suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import keras

    name, options = CASES[case]
    options = {**options, "save_weights_only": suffix == ".weights.h5", "verbose": 1}
    found = []
    for model, callback in zip(both(), (ModelCheckpoint, keras.callbacks.ModelCheckpoint), strict=True):
        folder = tmp_path / type(model).__module__.partition(".")[0] / "made"
        checkpoint = callback(str(folder / (name + suffix)), **options)
        model.fit(X, Y, batch_size=6, epochs=6, shuffle=False, validation_data=(X, Y), callbacks=[checkpoint], verbose=0)
        said = re.sub(r"\d+\.\d{5}", "a number", capsys.readouterr().out).replace(str(folder), "")
        found.append([said, *(sorted(path.name for path in folder.glob("*")) if folder.exists() else [])])
    assert found[0] == found[1]


def test_keras_reads_what_a_checkpoint_wrote_and_the_other_way_round(tmp_path: Path) -> None:
    import keras

    ours, theirs = both()
    ours.fit(X, Y, epochs=2, callbacks=[ModelCheckpoint(tmp_path / "ours.keras")], verbose=0)
    np.testing.assert_allclose(keras.saving.load_model(tmp_path / "ours.keras").predict(X, verbose=0), ours.predict(X), atol=1e-6)
    theirs.fit(X, Y, epochs=2, callbacks=[keras.callbacks.ModelCheckpoint(str(tmp_path / "theirs.keras"))], verbose=0)
    np.testing.assert_allclose(Sequential.load(tmp_path / "theirs.keras").predict(X), theirs.predict(X, verbose=0), atol=1e-6)


@pytest.mark.parametrize("name", ["model.keras", "model.weights.h5"])
def test_without_h5py_a_checkpoint_says_what_to_install_before_anything_is_trained(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ImportError, match="python -m pip install h5py"):
        ModelCheckpoint(name, save_weights_only=name.endswith("h5"))
    ModelCheckpoint("model.npz")
