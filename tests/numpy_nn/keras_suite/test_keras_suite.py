"""Keras' own tests of activations, callbacks, initializers, losses, metrics, optimisers, schedules and regularisers, asked of ours.

They come from the installed wheel. What isn't asked, and why, and what isn't there yet, stands in `keras_suite_tables`.
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras_suite_model as model
import keras_suite_parts as parts
import pytest
from keras_suite_loader import files_of_keras, load, names_in, run
from keras_suite_tables import ASKED, EXCEPTIONS, LEFT_OUT, NOT_YET

import numpy_nn

OF_CALLBACKS = {
    "callbacks": parts.Module("callbacks"),
    "initializers": model.INITIALIZERS,
    "layers": model.LAYERS,
    "metrics": model.METRICS,
    "models": model.MODELS,
    "saving": model.SAVING,
    "optimizers": parts.OPTIMIZERS,
    "Sequential": model.Model,
    "TerminateOnNaN": lambda **options: numpy_nn.TerminateOnNaN(**options),
}
SUBSTITUTES: dict[str, dict[str, Any]] = {
    "activations": {"activations": parts.Activations()},
    "initializers": {"initializers": parts.Initializers()},
    "losses": {"losses": parts.Losses()},
    "metrics": {"accuracy_metrics": parts.Metrics(), "metrics": parts.Metrics()},
    "optimizers": {"optimizers": parts.OPTIMIZERS, **vars(parts.OPTIMIZERS)},
    "regularizers": {"regularizers": parts.Module("regularizers")},
    "callbacks": OF_CALLBACKS,
}


def reason_in(table: dict[str, dict[str, str]], file: str, name: str) -> str | None:
    """The reason that the table has for a test: the file's patterns are tried in their order."""
    return next((reason for pattern, reason in table.get(file, {}).items() if fnmatchcase(name, pattern)), None)


def parameters() -> Iterator[Any]:
    for file in ASKED:
        for name in names_in(file):
            if reason_in(EXCEPTIONS, file, name):
                continue
            reason = reason_in(NOT_YET, file, name)
            marks = pytest.mark.xfail(reason=reason, strict=True) if reason else ()
            yield pytest.param(file, name, marks=marks, id=f"{file.removesuffix('_test.py')}-{name}")


@pytest.mark.filterwarnings("ignore:the training diverged:RuntimeWarning")
@pytest.mark.parametrize(("file", "name"), list(parameters()))
def test_keras_own(file: str, name: str, tmp_path: Path) -> None:
    # Keras' tests leave temporary directories to the garbage collector.
    directory = SimpleNamespace(TemporaryDirectory=lambda: SimpleNamespace(name=str(tmp_path)))
    possible = {**SUBSTITUTES[file.partition("/")[0]], "tempfile": directory}
    substitutes = {name: part for name, part in possible.items() if hasattr(load(file), name)}
    assert substitutes
    run(file, name, substitutes)


def test_every_file_of_keras_is_asked_or_left_out_with_a_reason() -> None:
    assert sorted([*ASKED, *LEFT_OUT]) == sorted(files_of_keras())


def test_the_tables_name_tests_that_there_are() -> None:
    stale = [
        (file, pattern)
        for table in (EXCEPTIONS, NOT_YET)
        for file, patterns in table.items()
        for pattern in patterns
        if not any(fnmatchcase(name, pattern) for name in names_in(file))
    ]
    assert not stale
