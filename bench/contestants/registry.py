"""The table of contestants: where each class is, what it needs and how it is described; and contestants of your own, found by name.

Called by the command line (`find_all`), the launcher (`Spec`) and the worker (`load`). The table imports no contestant. Whether a
class of your own is one is left to `bench.contestants.check`, which imports it in a process of its own.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.contestants.base import Contestant
from bench.error_messages import may_be, named_twice

LONGEST_NAME = 100


@dataclass(frozen=True)
class Spec:
    """A contestant by name: what is known of it before its process starts.

    `Contestant` explains the fields that a class of your own sets by its attributes, `SUMMARY` to `ENVIRONMENT`, and has their
    defaults.
    """

    name: str
    target: str
    """`module:Class`, or `path/to/file.py:Class`."""
    summary: str
    batch_order: str = Contestant.BATCH_ORDER
    clock_includes: str = Contestant.CLOCK_INCLUDES
    packages: tuple[str, ...] = ()
    """What must be importable."""
    install: str = ""
    """The command that installs what is missing, typed in a checkout."""
    environment: Mapping[str, str] = field(default_factory=dict)
    trains: bool = Contestant.TRAINS
    learns: bool = Contestant.LEARNS
    parity: bool = Contestant.PARITY
    peer: bool = Contestant.PEER
    workloads: tuple[str, ...] = ()
    """Runs in these built-in workloads only; empty means any."""

    @property
    def missing(self) -> list[str]:
        """Packages that aren't installed here."""
        return [name for name in self.packages if importlib.util.find_spec(name) is None]


_KERAS = ("keras", "tensorflow")
_INSTALL_TENSORFLOW = "python -m pip install tensorflow"


def _install_extra(extra: str) -> str:
    """The command that adds an extra of `pyproject.toml`; the package is on no index, so it is installed from its checkout."""
    return f'python -m pip install -e ".[{extra}]"'


CONTESTANTS: dict[str, Spec] = {
    spec.name: spec
    for spec in (
        Spec("numpy_nn", "bench.contestants.numpy_network:NumpyNetwork", "this project's network, in plain NumPy"),
        Spec(
            "article",
            "bench.contestants.article:Article",
            "a textbook NumPy network, as the article has it, deliberately unoptimised",
            workloads=("article",),
        ),
        Spec(
            "keras",
            "bench.contestants.keras_fit:KerasFit",
            "`keras.Model.fit` on TensorFlow, all defaults",
            packages=_KERAS,
            install=_INSTALL_TENSORFLOW,
            environment={"KERAS_BACKEND": "tensorflow"},
        ),
        Spec(
            "keras-tuned",
            "bench.contestants.keras_fit:KerasTuned",
            "`keras.Model.fit` on TensorFlow, one iterator for all epochs, the fastest of `steps_per_execution` and `jit_compile`",
            packages=_KERAS,
            install=_INSTALL_TENSORFLOW,
            environment={"KERAS_BACKEND": "tensorflow"},
            peer=True,
        ),
        Spec(
            "keras-jax",
            "bench.contestants.keras_fit:KerasTuned",
            "`keras.Model.fit` on JAX, the fastest of its settings; its means are float32 in any precision, so parity ends at 1e-7",
            packages=("keras", "jax"),
            install=_install_extra("jax"),
            environment={"KERAS_BACKEND": "jax"},
            parity=False,
            peer=True,
        ),
        Spec(
            "keras-torch",
            "bench.contestants.keras_fit:KerasFit",
            "`keras.Model.fit` on PyTorch, all defaults; its means are float32 in any precision, so parity ends at 1e-7",
            packages=("keras", "torch"),
            install=_install_extra("torch"),
            environment={"KERAS_BACKEND": "torch"},
            parity=False,
            peer=True,
        ),
        Spec(
            "tensorflow",
            "bench.contestants.tensorflow_epoch:TensorflowEpoch",
            "TensorFlow by hand: the epoch as one compiled `tf.function`",
            packages=("tensorflow",),
            install=_INSTALL_TENSORFLOW,
            peer=True,
        ),
        Spec(
            "jax",
            "bench.contestants.jax_scan:JaxScan",
            "JAX: the epoch as one compiled `lax.scan`",
            packages=("jax",),
            install=_install_extra("jax"),
            peer=True,
        ),
        Spec(
            "torch",
            "bench.contestants.torch_eager:TorchEager",
            "PyTorch, eager",
            packages=("torch",),
            install=_install_extra("torch"),
            peer=True,
        ),
        Spec(
            "torch-compile",
            "bench.contestants.torch_eager:TorchCompiled",
            "PyTorch, the training step compiled by `torch.compile`",
            packages=("torch",),
            install=_install_extra("torch"),
            peer=True,
        ),
        Spec(
            "sklearn",
            "bench.contestants.sklearn_mlp:SklearnMLP",
            "scikit-learn's `MLPClassifier`; computes no accuracy while it trains, so its parity is of loss and weights only",
            clock_includes="every update, and each epoch's loss",
            packages=("sklearn",),
            install="python -m pip install scikit-learn",
            peer=True,
        ),
        Spec(
            "onnxruntime",
            "bench.contestants.onnx_predict:OnnxPredict",
            "ONNX Runtime, prediction only",
            packages=("onnx", "onnxruntime"),
            install=_install_extra("onnx"),
            trains=False,
            peer=True,
        ),
        Spec(
            "floor",
            "bench.contestants.floor.contestant:Floor",
            "no network: only a step's matrix products, called through NumPy's BLAS",
            batch_order="none: the products of a step, again and again",
            clock_includes="the matrix products alone",
            learns=False,
            parity=False,
            peer=True,
        ),
    )
}


def find(text: str) -> Spec:
    """The contestant that the command line names: one of the table, or `FILE.py:CLASS` or `MODULE:CLASS`.

    Your own is imported and checked in a short process of its own, which may take as long as its frameworks' imports do.

    Raises
    ------
    ValueError
        If there is no such contestant, or the class is none; the message is one line.

    """
    if text in CONTESTANTS:
        return CONTESTANTS[text]
    place, colon, class_name = text.rpartition(":")
    if text.endswith(".py"):
        raise ValueError(f"contestant {text!r} lacks its class: your own is FILE.py:CLASS")
    if not colon:
        known = may_be(text, CONTESTANTS)
        raise ValueError(f"contestant {text!r} is unknown: {known}, or your own as FILE.py:CLASS or MODULE:CLASS")
    if not class_name.isidentifier():
        raise ValueError(f"contestant {text!r}: {class_name!r} can't be a class's name; your own is FILE.py:CLASS or MODULE:CLASS")
    if not re.fullmatch(rf"\w{{1,{LONGEST_NAME}}}", class_name):  # as records are read, in which it names the contestant
        raise ValueError(f"contestant {text!r}: a class's name may have {LONGEST_NAME} letters, digits and underscores")
    if class_name in CONTESTANTS:
        raise ValueError(f"contestant {text!r}: {class_name!r} is a built-in contestant's name, so the class needs another")
    target = f"{_place(text, place)}:{class_name}"

    from bench.contestants.check import inspect_target

    own = Spec(name=class_name, target=target, summary=f"your own, {class_name} from {Path(place).name}")
    return replace(own, **inspect_target(text, target))


def find_all(texts: Sequence[str]) -> list[Spec]:
    """Each contestant that the command line names, in its order.

    Raises
    ------
    ValueError
        As `find` does, or if two of them have one name, so that their trials couldn't be told apart.

    """
    specs: dict[str, Spec] = {}
    for text in texts:
        spec = find(text)
        if clash := named_twice(spec.name, specs):
            raise ValueError(f"contestant {text!r}: {clash}")
        specs[spec.name] = spec
    return list(specs.values())


def load(target: str) -> type[Any]:
    """The class at `target`, checked to be a contestant. Imports it: for workers.

    Raises
    ------
    ValueError
        If the file or module can't be imported, or the class is missing or no contestant.

    """
    from bench.contestants.check import load_class

    return load_class(target)


def _place(text: str, place: str) -> str:
    """The file, made absolute, or the module that `place` names; nothing is imported."""
    if not place.endswith(".py"):
        if not all(part.isidentifier() for part in place.split(".")):
            raise ValueError(f"contestant {text!r}: {place!r} is neither a file that ends in .py nor a module's name")
        return place
    try:
        path = Path(place).expanduser()
    except RuntimeError:
        raise ValueError(f"contestant {text!r}: this machine has no home for {place.partition('/')[0]!r}") from None
    if path.is_file():
        return str(path.resolve())
    if path.exists():
        raise ValueError(f"contestant {text!r}: {place} is no file")
    others = sorted(other.name for other in path.parent.glob("*.py")) if path.parent.is_dir() else []
    near = f": {may_be(path.name, others)}" if 0 < len(others) <= 20 else ""
    raise ValueError(f"contestant {text!r}: there is no file {place}{near}")
