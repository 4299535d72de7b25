"""What a `.keras` file says of layers, optimizer and loss, in the terms of `numpy_nn`; and back.

Keras writes an object as a dict of its class name and its arguments. Only those dicts are read whose class is in the tables here
and whose arguments `numpy_nn` has too; an argument that it hasn't must have the value that changes nothing.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from numpy_nn import losses, metrics, optimizers
from numpy_nn.architecture import LayerSpec, parse_architecture
from numpy_nn.metrics import Metric
from numpy_nn.name_lookup import find
from numpy_nn.sequential import Sequential

MUST_BE_NONE = (
    "bias_regularizer",
    "activity_regularizer",
    "kernel_constraint",
    "bias_constraint",
    "quantization_config",
    "lora_rank",
    "noise_shape",
    "max_value",
)
WITHOUT_EFFECT = {"reduction": "sum_over_batch_size", "axis": -1, "ema_momentum": 0.99}
"""Arguments of losses and optimizers that `numpy_nn` hasn't, and the value that they may have."""


class Description(NamedTuple):
    """What a file describes."""

    architecture: list[dict[str, Any]]
    layers: tuple[LayerSpec, ...]
    keys: list[str]
    """Of each dense layer in the file of weights."""
    dtype: str
    compile_arguments: dict[str, Any] | None


# --- reading --------------------------------------------------------------------------------------------------------------------


def read(config: Any, *, compiled: bool) -> Description:
    """What the JSON of a file describes.

    Raises
    ------
    ValueError
        If it has anything that `numpy_nn` hasn't.

    """
    if config["class_name"] not in ("Sequential", "Functional", "Model"):
        raise ValueError(f"its model is a {config['class_name']!r}: it must be a Sequential, or a Model with layers in a chain")
    model = config["config"]
    chain = model["layers"] if config["class_name"] == "Sequential" else _chain(model)
    keys = dict(zip(map(id, model["layers"]), layer_keys([layer["class_name"] for layer in model["layers"]]), strict=True))
    entries, dense = _architecture(chain, model.get("build_input_shape"))
    layers = parse_architecture(entries)
    dtypes = {_dtype(layer["config"].get("dtype", "float32")) for layer in dense}
    if len(dtypes) > 1:
        raise ValueError(f"its layers are of {' and '.join(sorted(dtypes))}: they must be of one precision")
    arguments = None
    if compiled:
        try:
            _check_trainable(dense)
            arguments = _compile_arguments(config["compile_config"]) if config.get("compile_config") else None
        except ValueError as error:
            raise ValueError(f"{error}; load_keras(path, compile=False) leaves out optimizer and loss") from None
    return Description(entries, layers, [keys[id(layer)] for layer in dense], dtypes.pop(), arguments)


def layer_keys(class_names: Sequence[str]) -> list[str]:
    """Keras' keys of layers in a file of weights: the kind, and from the second of a kind on a number."""
    counts: dict[str, int] = {}
    keys = []
    for name in class_names:
        kind = "".join(
            f"_{letter.lower()}" if letter.isupper() and number else letter.lower() for number, letter in enumerate(name)
        )
        counts[kind] = counts.get(kind, -1) + 1
        keys.append(f"{kind}_{counts[kind]}" if counts[kind] else kind)
    return keys


def _chain(model: Mapping[str, Any]) -> list[Any]:
    """The layers of a functional model from input to output, each of which must have one input and one use."""
    after: dict[str | None, Any] = {}
    for layer in model["layers"]:
        before = None
        if layer["class_name"] != "InputLayer":
            try:
                (node,) = layer["inbound_nodes"]
                (tensor,) = node["args"]
                before = tensor["config"]["keras_history"][0]
            except (TypeError, ValueError):
                raise ValueError(f"its layer {layer['name']!r} has several inputs or uses: the layers must form a chain") from None
        if before in after:
            raise ValueError(f"its layer {layer['name']!r} is a branch: the layers must form a chain")
        after[before] = layer
    chain: list[Any] = []
    name = None
    while name in after:
        chain.append(after.pop(name))
        name = chain[-1]["name"]
    if after or model["output_layers"] not in ([name, 0, 0], [[name, 0, 0]]):
        raise ValueError("its layers don't form a chain from one input to one output")
    return chain


def _architecture(chain: Sequence[Any], input_shape: Any) -> tuple[list[dict[str, Any]], list[Any]]:
    """The entries of an architecture, and the dense layers among those of Keras."""
    entries: list[dict[str, Any]] = []
    dense: list[Any] = []
    width = input_shape[-1] if input_shape else None
    for layer in chain:
        kind, config = layer["class_name"], layer["config"]
        place = f"layer {config.get('name', kind)!r}"
        _check_registered(place, layer)
        for name in MUST_BE_NONE:
            if config.get(name) is not None:
                raise ValueError(f"{place} has {name} = {config[name]!r}: numpy_nn has none")
        if kind == "InputLayer":
            shape = config.get("batch_shape") or config.get("batch_input_shape")
            if len(shape) != 2:
                raise ValueError(f"{place} has the shape {shape}: it must be rows of features")
            width = shape[1]
        elif kind == "Dense":
            entries.append(_dense(config, width))
            dense.append(layer)
            width = config["units"]
        elif kind == "Dropout":
            entries += [{"dropout": config["rate"]}] if config["rate"] else []
        elif not entries or entries[-1].get("activation") != "linear":
            raise ValueError(f"{place} is a {kind}: it may be Dense, Dropout, or an activation right after a linear Dense")
        else:
            entries[-1]["activation"] = _activation(place, config["activation"] if kind == "Activation" else layer)
    return entries, dense


def _dense(config: Mapping[str, Any], width: Any) -> dict[str, Any]:
    place = f"layer {config.get('name', 'Dense')!r}"
    entry: dict[str, Any] = {"input_dim": width, "output_dim": config["units"]}
    entry["activation"] = _activation(place, config.get("activation"))
    if not config.get("use_bias", True):
        entry["use_bias"] = False
    if (regularizer := config.get("kernel_regularizer")) is not None:
        entry["kernel_regularizer"] = _bare(place, regularizer)
    return entry


def _activation(place: str, value: Any) -> Any:
    """An activation by its name, or a layer of Keras that is one."""
    if value is None or isinstance(value, str):
        return value or "linear"
    _check_registered(place, value)
    kind, config = value["class_name"], value["config"]
    if kind == "Activation":
        return _activation(place, config["activation"])
    if kind == "LeakyReLU":
        return _leaky_relu(config["negative_slope"])
    if kind == "ReLU" and not config.get("threshold") and config.get("max_value") is None:
        return _leaky_relu(config["negative_slope"]) if config.get("negative_slope") else "relu"
    if kind == "ELU" and config.get("alpha", 1) == 1:
        return "elu"
    if kind == "Softmax" and config.get("axis", -1) in (-1, 1):
        return "softmax"
    raise ValueError(f"{place} has the activation {kind!r} with {config!r}: numpy_nn has none of that kind")


def _leaky_relu(slope: float) -> Any:
    return "leaky_relu" if slope == 0.2 else {"class_name": "leaky_relu", "config": {"negative_slope": slope}}


def _check_registered(place: str, value: Any) -> None:
    """Raise a ValueError if this is not one of Keras' own classes."""
    if not isinstance(value, Mapping) or str(value.get("module")).split(".")[0] != "keras":
        name = value.get("class_name") if isinstance(value, Mapping) else value
        raise ValueError(f"{place} has {name!r}, which is not Keras' own: no code of a file is run")


def _bare(place: str, value: Any) -> dict[str, Any]:
    """Class name and arguments alone; arguments that are such objects, too."""
    _check_registered(place, value)
    config = {
        key: _bare(place, part) if isinstance(part, Mapping) and "class_name" in part else part
        for key, part in value["config"].items()
        if key not in ("name", "dtype") and part is not None
    }
    return {"class_name": value["class_name"], "config": config}


def _dtype(value: Any) -> str:
    name = value["config"]["name"] if isinstance(value, Mapping) else value
    if name not in ("float32", "float64"):
        raise ValueError(f"its layers are of {name!r}: they may be of float32 or float64")
    return str(name)


def _check_trainable(dense: Sequence[Any]) -> None:
    """Raise a ValueError if a layer is not to be trained."""
    for layer in dense:
        if layer["config"].get("trainable", True) is not True:
            raise ValueError(f"layer {layer['config'].get('name', 'Dense')!r} has trainable = False: numpy_nn trains all layers")


def _compile_arguments(config: Mapping[str, Any]) -> dict[str, Any]:
    """What `Sequential.compile` is to be given."""
    if (factors := config.get("loss_weights")) not in (None, 1, [1]):
        raise ValueError(f"it has loss_weights = {factors!r}: numpy_nn has none")
    loss = config["loss"]
    arguments = {
        "optimizer": _made("optimizer", config["optimizer"], optimizers.OPTIMIZERS),
        "loss": loss if isinstance(loss, str) else _made("loss", loss, losses.LOSSES),
    }
    for name in ("metrics", "weighted_metrics"):
        if config.get(name):
            arguments[name] = [metric if isinstance(metric, str) else _metric(name, metric) for metric in config[name]]
    return arguments


def _metric(place: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """Class name and arguments; its name is what it is called in the logs."""
    bare = _bare(place, value)
    if bare["class_name"] == "Accuracy":
        raise ValueError(f"{place} has Keras' class Accuracy, which counts equal numbers: numpy_nn has none")
    return {**bare, "config": {"name": value["config"].get("name"), **bare["config"]}}


def _made(kind: str, value: Any, table: Mapping[str, Any]) -> Any:
    """The optimizer or the loss with the arguments of the file."""
    _check_registered(kind, value)
    plain = {name.replace("_", ""): cls for name, cls in table.items()}
    cls = find(kind, value["class_name"].lower(), plain)
    allowed = inspect.signature(cls).parameters
    config = _bare(kind, value)["config"]
    for name in [name for name in config if name not in allowed]:
        given = config.pop(name)
        if given is not False and WITHOUT_EFFECT.get(name) != given:
            raise ValueError(f"{kind} {value['class_name']!r} has {name} = {given!r}: numpy_nn has none")
    return cls(**config)


# --- writing --------------------------------------------------------------------------------------------------------------------


def write(model: Sequential) -> tuple[dict[str, Any], list[tuple[str, int | None]]]:
    """The JSON for a file, and `keys_of(model)`.

    Raises
    ------
    ValueError
        If Keras has no such part.

    """
    policy = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": model.dtype.name}, "registered_name": None}
    keys = keys_of(model)
    width = model.layers[0].input_dim
    layers = [_object("layers", "InputLayer", {"batch_shape": [None, width], "dtype": model.dtype.name, "name": "input_layer"})]
    for entry, (key, _) in zip(model.architecture, keys, strict=True):
        common = {"name": key, "trainable": True, "dtype": policy}
        if "dropout" in entry:
            layers.append(_object("layers", "Dropout", {**common, "rate": entry["dropout"]}))
            continue
        config = {**common, "units": entry["output_dim"], "activation": _keras_activation(entry["activation"])}
        config["use_bias"] = entry.get("use_bias", True)
        if "kernel_regularizer" in entry:
            config["kernel_regularizer"] = _keras_regularizer(entry["kernel_regularizer"])
        layers.append({**_object("layers", "Dense", config), "build_config": {"input_shape": [None, entry["input_dim"]]}})
    whole = {"name": "sequential", "trainable": True, "dtype": policy, "layers": layers, "build_input_shape": [None, width]}
    config = {"module": "keras", "class_name": "Sequential", "config": whole, "registered_name": None}
    return {**config, "build_config": {"input_shape": [None, width]}, **_compile_config(model)}, keys


def keys_of(model: Sequential) -> list[tuple[str, int | None]]:
    """The key of each entry of the architecture in a file of weights, and the number of the layer if it is one."""
    kinds = ["Dropout" if "dropout" in entry else "Dense" for entry in model.architecture]
    numbers = iter(range(len(model.layers)))
    return [(key, next(numbers) if kind == "Dense" else None) for key, kind in zip(layer_keys(kinds), kinds, strict=True)]


def _object(module: str, class_name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    return {"module": f"keras.{module}", "class_name": class_name, "config": dict(config), "registered_name": None}


def _keras_activation(identifier: Any) -> Any:
    if isinstance(identifier, str):
        return identifier
    if identifier["class_name"] == "leaky_relu":
        return _object("layers", "LeakyReLU", identifier["config"])
    raise ValueError(f"activation was {identifier!r}: Keras' files can't hold it with these arguments")


def _keras_regularizer(identifier: Any) -> dict[str, Any]:
    name, config = (identifier, {}) if isinstance(identifier, str) else (identifier["class_name"], identifier["config"])
    return _object("regularizers", {"l1": "L1", "l2": "L2", "l1l2": "L1L2"}[name], config)


def _compile_config(model: Sequential) -> dict[str, Any]:
    if model._compiled is None or model.optimizer is None or model.loss is None:
        return {}
    for kind, part, table in (("optimizer", model.optimizer, optimizers.OPTIMIZERS), ("loss", model.loss, losses.LOSSES)):
        if type(part) not in table.values():
            raise ValueError(f"{kind} was {part!r}: Keras has none of that class, a file can't hold it")
    settings = model.optimizer.get_config()
    if isinstance(settings["learning_rate"], Mapping):
        schedule = settings["learning_rate"]
        settings["learning_rate"] = _object("optimizers.schedules", schedule["class_name"], schedule["config"])
    compiled = {
        "optimizer": _object("optimizers", type(model.optimizer).__name__, settings),
        "loss": _object("losses", type(model.loss).__name__, model.loss.get_config()),
        **{argument: [_keras_metric(part) for part in parts] or None for argument, parts in model._compiled.given.items()},
    }
    return {"compile_config": compiled}


def _keras_metric(given: str | Mapping[str, Any] | Metric) -> Any:
    """A metric of an argument of `compile`: the name that it was given by, or an object."""
    metric = metrics.get(given)
    if isinstance(given, str) or isinstance(metric.identifier(), str):
        return given if isinstance(given, str) else metric.name
    if isinstance(metric, metrics.Accuracy) or type(metric) not in metrics.METRICS.values():
        raise ValueError(f"metrics had {metric!r}: Keras has none of that class with a name, a file can't hold it")
    return _object("metrics", type(metric).__name__, {"name": metric.name, **metric.get_config()})
