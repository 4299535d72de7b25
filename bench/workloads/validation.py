"""Whether a workload can be trained: its keys against one another, against the network and against its data.

Called by `bench.workloads.toml_files`, before anything is measured; the models have validated each key by itself. Losses,
optimizers, initializers and architectures are checked by `numpy_nn`, and the data are drawn once.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from bench.contestants.registry import CONTESTANTS
from bench.error_messages import may_be, one_line, short
from bench.records import REFERENCE
from bench.records.validation_errors import first_mistake
from bench.records.workload_records import AXES, LARGEST_DIMENSION, MOST_CELLS, GridValue
from bench.workloads import study
from bench.workloads.data_sets import File, check_precision, make_generator, make_split
from bench.workloads.grid import Point, points
from bench.workloads.models import Training, Workload

_UNSUPPORTED_LOSSES = ("sparse_categorical_crossentropy", "mean_absolute_error", "huber")
"""Classes are one-hot here, for every contestant alike; two losses have no score."""
_LAYER_KEYS = ("input_dim", "output_dim", "activation")
"""What every contestant's layers have."""

MOST_STUDY_TRAININGS = 1_000_000
"""Of a contestant: cells times seeds."""
MOST_LAYERS = 1_000
MOST_WEIGHTS = 250_000_000
"""A gigabyte of float32."""


def check(workload: Workload) -> None:
    """Check a workload.

    Raises
    ------
    ValueError
        If it can't be trained: one line with the key, what it was and what it may be.

    """
    make_generator(workload.data.name, workload.data.parameters)
    _check_training("training", workload.training)
    for name, training in workload.settings.items():
        _check_training(f"settings.{name}", training)
    _check_architecture(workload)
    _check_contestants(workload)
    _check_measurements(workload)
    _check_data(workload)
    if workload.is_study:
        _check_cells(workload)


def _check_training(key: str, training: Training) -> None:
    from numpy_nn import initializers, losses

    known = [name for name in losses.LOSSES if name not in _UNSUPPORTED_LOSSES]
    _check_name(f"{key}.loss", training.loss, known)
    _check_name(f"{key}.initializer", training.initializer, initializers.INITIALIZERS)
    _check_optimizer(f"{key}.optimizer", training.optimizer)


def _check_name(key: str, name: object, known: Iterable[str]) -> None:
    if not isinstance(name, str) or name not in list(known):
        raise ValueError(f"{key} is {short(name)}: {may_be(str(name), known)}")


def _check_optimizer(key: str, settings: Mapping[str, Any]) -> None:
    """Create the optimizer once, since its class checks its own parameters."""
    from numpy_nn import optimizers

    if "name" not in settings:
        raise ValueError(f"{key}.name is missing: {may_be('', optimizers.OPTIMIZERS)}")
    _check_name(f"{key}.name", settings["name"], optimizers.OPTIMIZERS)
    optimizer = optimizers.OPTIMIZERS[settings["name"]]
    parameters = {name: value for name, value in settings.items() if name != "name"}
    defaults = {name: parameter.default for name, parameter in inspect.signature(optimizer).parameters.items()}
    for name, value in parameters.items():
        if name not in defaults:
            raise ValueError(f"{key}.{name} is no parameter of {settings['name']}: {may_be(name, defaults)}")
        if isinstance(defaults[name], bool) and not isinstance(value, bool):
            raise ValueError(f"{key}.{name} is {short(value)}: it must be true or false")
    try:
        optimizer(**parameters)
    except ValueError as error:
        raise ValueError(f"{key}.{error}") from None
    except (TypeError, OverflowError) as error:
        raise ValueError(f"{key} is {short(dict(settings))}: {one_line(error)}") from None


def _check_architecture(workload: Workload) -> None:
    from numpy_nn import activations, losses
    from numpy_nn.architecture import parse_architecture

    _check_sizes(workload)
    for number, entry in enumerate(workload.architecture):
        if (activation := entry.get("activation")) not in (None, *activations.ACTIVATIONS):
            _check_name(f"architecture[{number}]['activation']", activation, activations.ACTIVATIONS)
    layers = parse_architecture(workload.architecture)
    for number, entry in enumerate(workload.architecture):
        for key in entry.keys() - set(_LAYER_KEYS):
            raise ValueError(
                f"architecture[{number}] has the key {key!r}: not every contestant has it, the keys are {', '.join(_LAYER_KEYS)}"
            )
    for number, layer in enumerate(layers[:-1]):
        if layer.activation == "softmax":
            raise ValueError(f"architecture[{number}]['activation'] was 'softmax': it may stand in the last layer only")
    last = layers[-1]
    if last.activation == "softmax" and last.output_dim == 1:
        raise ValueError("architecture's last layer is a softmax over 1 output, which is always 1: two classes are a sigmoid's")
    for key, training in {"training": workload.training, **_keyed_settings(workload)}.items():
        paired = losses.LOSSES[training.loss].pairs_with
        if paired is not None and last.activation != paired:
            raise ValueError(
                f"{key}.loss is {training.loss!r}, which needs {paired!r} in the last layer: there is {last.activation!r}"
            )


def _check_sizes(workload: Workload) -> None:
    """Check that no network and no scaling study is too large, before arrays of its size are made."""
    if len(workload.architecture) > MOST_LAYERS:
        raise ValueError(f"architecture has {len(workload.architecture):,} layers: it may have {MOST_LAYERS:,}")
    sizes = [(layer.get("input_dim"), layer.get("output_dim")) for layer in workload.architecture]
    weights = sum(inputs * outputs for inputs, outputs in sizes if isinstance(inputs, int) and isinstance(outputs, int))
    timed = {} if workload.is_study else workload.grid
    width, layers = (
        max((value for value in timed.get(axis, []) if isinstance(value, int)), default=0) for axis in ("width", "layers")
    )
    weights = max(weights, width * width * max(layers, len(sizes) - 1) if timed else 0)
    if weights > MOST_WEIGHTS:
        raise ValueError(f"architecture, or grid, has a network of {weights:,} weights: it may have {MOST_WEIGHTS:,}")
    if layers > MOST_LAYERS:
        raise ValueError(f"grid.layers has {layers:,}: it may have {MOST_LAYERS:,}")
    if math.prod(len(values) for values in workload.grid.values()) > MOST_CELLS:
        raise ValueError(f"grid has more than {MOST_CELLS:,} cells")


def _keyed_settings(workload: Workload) -> dict[str, Training]:
    return {f"settings.{name}": training for name, training in workload.settings.items()}


def _check_contestants(workload: Workload) -> None:
    named = workload.contestants
    if named == []:
        raise ValueError("contestants is []: name one at least, or leave it out for everyone")
    for number, name in enumerate(named or []):
        if name not in CONTESTANTS and ":" not in name:
            raise ValueError(f"contestants.{number} is {name!r}: {may_be(name, CONTESTANTS)}, or your own as FILE.py:CLASS")
        if name in (named or [])[:number]:
            raise ValueError(f"contestants.{number} is {name!r}: it is named twice")
    own = [name.rpartition(":")[2] for name in named or [] if ":" in name]
    for name in workload.settings:
        if name not in CONTESTANTS and name not in own:
            raise ValueError(f"settings.{name} is for no contestant: {may_be(name, [*CONTESTANTS, *own])}")
    if workload.parity and named is not None and REFERENCE not in named:
        raise ValueError(f"parity is true, and contestants lacks {REFERENCE!r}: parity is measured against it")


def _check_measurements(workload: Workload) -> None:
    for axis, values in workload.grid.items():
        if not values:
            raise ValueError(f"grid.{axis} is []: it must have a value at least")
        _check_axis(workload, axis, values)
    for key, numbers in (("targets", workload.targets), ("prediction_rows", workload.prediction_rows)):
        if len(set(numbers)) < len(numbers):
            raise ValueError(f"{key} is {short(numbers)}: a value stands there twice")
    if not workload.kinds_of(peer=False):
        raise ValueError("nothing is asked for: set rounds, scored_seeds, parity or prediction_rows")
    if workload.parts and not (workload.parity and workload.training.dtype == "float64"):
        raise ValueError('parts is true: it goes with parity = true and training.dtype = "float64"')
    if workload.parity and any(training.shuffle for training in (workload.training, *workload.settings.values())):
        raise ValueError("parity is true, and shuffle too: contestants that draw their own order can't agree")
    if workload.targets and not workload.scored_seeds:
        raise ValueError("targets are set, and scored_seeds is 0: it is the scored seeds' curves that reach them")


def _check_axis(workload: Workload, axis: str, values: Sequence[GridValue]) -> None:
    """Check an axis: its name, that its values are distinct and of one kind, and that sizes are sizes."""
    if not workload.is_study and axis not in AXES and axis in study.places(workload):
        raise ValueError(
            f"grid.{axis} is an axis of a study, which isn't timed: set scored_seeds and leave out rounds; "
            f"with rounds the axes are {', '.join(AXES)}"
        )
    _check_name("an axis of grid", axis, study.places(workload) if workload.is_study else AXES)
    if len(set(values)) < len(values):
        raise ValueError(f"grid.{axis} is {short(values)}: a value stands there twice")
    if not workload.is_study or axis in ("width", "depth"):
        for number, value in enumerate(values):
            most = MOST_LAYERS if axis == "depth" else LARGEST_DIMENSION
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
                raise ValueError(f"grid.{axis}.{number} is {short(value)}: it must be a whole number from 1 to {most:,}")
    kinds = {"word" if isinstance(value, str) else "true or false" if isinstance(value, bool) else "number" for value in values}
    if len(kinds) > 1 and axis != "batch_size":
        raise ValueError(f"grid.{axis} is {short(values)}: its values must be of one kind, there are {' and '.join(sorted(kinds))}")


def check_trainings(workload: Workload) -> None:
    """Check that a workload's cells and seeds are no more trainings than a run can have."""
    cells = math.prod(len(values) for values in workload.grid.values())
    if cells * workload.scored_seeds > MOST_STUDY_TRAININGS:
        raise ValueError(
            f"grid has {cells:,} cells, and scored_seeds is {workload.scored_seeds:,}: together there may be "
            f"{MOST_STUDY_TRAININGS:,} trainings of a contestant"
        )


def _check_cells(workload: Workload) -> None:
    """Check a study: what it can't have, and that every cell can be trained."""
    for key, there in (("settings", workload.settings), ("parity", workload.parity), ("prediction_rows", workload.prediction_rows)):
        if there:
            raise ValueError(f"{key} is set, and grid makes a study, whose contestants all train alike and untimed: leave it out")
    check_trainings(workload)
    drawn: set[str] = set()
    for point in points(workload):
        try:
            _check_cell(study.cell(workload, point), drawn)
        except ValidationError as error:
            raise ValueError(f"grid, at {_text(point)}: {first_mistake(error, Workload)}") from None
        except ValueError as error:
            raise ValueError(f"grid, at {_text(point)}: {one_line(error)}") from None


def _check_cell(cell: Workload, drawn: set[str]) -> None:
    """Check a cell; its data only if they aren't among those `drawn` before."""
    _check_training("training", cell.training)
    _check_architecture(cell)
    data = f"{cell.data.model_dump_json()} {cell.training.loss} {cell.training.dtype}"
    if data not in drawn:
        drawn.add(data)
        make_generator(cell.data.name, cell.data.parameters)
        _check_data(cell)


def _text(point: Point) -> str:
    return ", ".join(f"{axis} = {short(value)}" for axis, value in point.items())


def _check_data(workload: Workload) -> None:
    """Check the data of the first seed against the first and last layers, and against the losses."""
    from numpy_nn import losses
    from numpy_nn.architecture import parse_architecture

    data = workload.data
    for dtype in sorted({training.dtype for training in (workload.training, *workload.settings.values())}):
        check_precision(data, dtype)
    split = make_split(data, seed=0)
    generator = make_generator(data.name, data.parameters)
    target_hint = generator.target_hint() if isinstance(generator, File) else ""
    layers = parse_architecture(workload.architecture)
    features, outputs = split.x.shape[1], split.y.shape[1]
    for number, key, dimension, wanted, what in (
        (0, "input_dim", layers[0].input_dim, features, "features"),
        (len(layers) - 1, "output_dim", layers[-1].output_dim, outputs, "outputs"),
    ):
        if dimension != wanted:
            hint = target_hint if key == "output_dim" else ""
            raise ValueError(
                f"architecture[{number}]['{key}'] was {dimension}: it must be {wanted}, the {what} of {data.name!r}{hint}"
            )
    for key, training in {"training": workload.training, **_keyed_settings(workload)}.items():
        for labels in (split.y, split.y_test):
            try:
                targets = losses.get(training.loss).encode("a target", labels, outputs)
                if training.loss == "binary_crossentropy" and (soft := (targets != 0) & (targets != 1)).any():
                    raise ValueError(f"a target was {targets[soft][0].item()!r}: not every contestant trains others than 0 and 1")
            except ValueError as error:
                raise ValueError(f"{key}.loss is {training.loss!r}, and doesn't fit the data: {error}{target_hint}") from None
    if workload.is_study and not split.has_classes:
        raise ValueError(f"grid makes a study, which compares accuracies, and {data.name!r} has numbers for targets, not classes")
    if workload.targets and not split.has_classes:
        raise ValueError(f"targets are test accuracies, and {data.name!r} has numbers for targets, not classes: leave them out")
