"""Serialization: one `.npz` file with the weights, and the rest as JSON inside it. Without pickle, so that loading runs no code."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from numpy_nn import losses, optimizers
from numpy_nn.name_lookup import find

if TYPE_CHECKING:
    from numpy_nn.sequential import Sequential

FORMAT_VERSION = 1


def save(model: Sequential, path: str | Path) -> None:
    """Write `model` to `path`, which is named as given."""
    config: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "architecture": model.architecture,
        "dtype": model.dtype.name,
        "seed": model.seed,
        "compiled": None,
    }
    if model.optimizer is not None and model.loss is not None:
        config["compiled"] = {
            "optimizer": {"name": model.optimizer.name, **model.optimizer.get_config()},
            "loss": {"name": model.loss.name, "from_logits": model.loss.from_logits},
            "metrics": model.metrics,
        }
    arrays = {f"weight_{number}": weight for number, weight in enumerate(model.get_weights())}
    with Path(path).open("wb") as file:
        np.savez(file, config=np.array(json.dumps(config)), **arrays)  # type: ignore[arg-type]  # savez' own types have **kwds wrong


def load(cls: type[Sequential], path: str | Path) -> Sequential:
    """The model in the file at `path`; the optimizer starts with no state.

    Raises
    ------
    ValueError
        If the file isn't one that `save` wrote.
    FileNotFoundError
        If there is no such file.

    """
    try:
        with Path(path).open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            config = json.loads(str(file["config"]))
            version = config["format_version"]
            if version != FORMAT_VERSION:
                raise ValueError(f"it is of format version {version}, this is version {FORMAT_VERSION}")
            model = cls(config["architecture"], initializer="zeros", seed=config["seed"], dtype=config["dtype"])
            model.set_weights([file[f"weight_{number}"] for number in range(len(file.files) - 1)])
        if (compiled := config["compiled"]) is not None:
            settings = dict(compiled["optimizer"])
            optimizer = find("optimizer", settings.pop("name"), optimizers.OPTIMIZERS)(**settings)
            loss = find("loss", compiled["loss"]["name"], losses.LOSSES)(from_logits=compiled["loss"]["from_logits"])
            model.compile(optimizer, loss, compiled["metrics"])
    except FileNotFoundError:
        raise
    except (ValueError, KeyError, TypeError, RuntimeError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"path was {str(path)!r}: it is not a model that was saved here ({error})") from error
    return model
