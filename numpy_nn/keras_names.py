"""What Keras has and `numpy_nn` has not: names and arguments, each with the nearest thing that there is.

A name of these raises an AttributeError that says so, an argument a TypeError. (`__getattr__` of `Sequential` would do the same,
but slow down every other attribute.) Arguments that only say how Keras computes are taken, and change nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

INSTEAD = {
    "build": "the list of layer dicts, whose 'input_dim' says what the network takes",
    "built": "the list of layer dicts: a network is built when it is made",
    "compute_loss": "evaluate(x, y)",
    "export": "save(path)",
    "from_config": "Sequential(architecture)",
    "get_compile_config": "optimizer.get_config(), loss and metrics",
    "get_config": "architecture, the list of layer dicts",
    "get_layer": "layers, and get_weights()",
    "evaluate_generator": "evaluate(x, y)",
    "fit_generator": "fit(x, y), and train_on_batch(x, y) for batches as they come",
    "get_metrics_result": "evaluate(x, y, return_dict=True)",
    "input_shape": "layers[0].input_dim",
    "input": "layers[0].input_dim",
    "inputs": "layers[0].input_dim",
    "name": "repr(model)",
    "output": "predict(x)",
    "output_shape": "layers[-1].output_dim",
    "outputs": "layers[-1].output_dim",
    "predict_classes": "predict(x) > 0.5, or predict(x).argmax(axis=1)",
    "predict_generator": "predict(x)",
    "predict_proba": "predict(x)",
    "pop": "Sequential(architecture[:-1])",
    "quantize": "Sequential(architecture, dtype='float32')",
    "reset_metrics": "evaluate(x, y), which begins anew",
    "reset_states": "evaluate(x, y), which begins anew",
    "save_spec": "architecture, the list of layer dicts",
    "test_step": "test_on_batch(x, y)",
    "to_json": "architecture, the list of layer dicts, which json.dumps takes",
    "to_yaml": "architecture, the list of layer dicts",
    "train_step": "train_on_batch(x, y)",
    "trainable": "fit, which trains all layers",
    "trainable_variables": "get_weights()",
    "trainable_weights": "get_weights()",
    "non_trainable_weights": "get_weights(): all of them are trained",
    "variables": "get_weights()",
    "weights": "get_weights()",
}

OF_LAYER = {
    "bias": "model.get_weights(), kernel and bias layer by layer",
    "get_config": "model.architecture, the list of layer dicts",
    "get_weights": "model.get_weights(), kernel and bias layer by layer",
    "input_shape": "input_dim",
    "kernel": "model.get_weights(), kernel and bias layer by layer",
    "name": "the layer's place in model.layers",
    "output": "Sequential(model.architecture[:n]), with the first weights of model.get_weights()",
    "output_shape": "output_dim",
    "set_weights": "model.set_weights(weights), of all layers",
    "trainable": "fit, which trains all layers",
    "trainable_weights": "model.get_weights(), kernel and bias layer by layer",
    "units": "output_dim",
    "weights": "model.get_weights(), kernel and bias layer by layer",
}
"""The same of a layer of `Sequential.layers`."""
OF_PACKAGE = {
    "Dense": "a dict of the list that Sequential takes: {'input_dim': 2, 'output_dim': 8, 'activation': 'relu'}",
    "Dropout": "an entry of the list that Sequential takes: {'dropout': 0.5}",
    "Input": "'input_dim' in the first dict of the list that Sequential takes",
    "Model": "Sequential: a network is one stack of dense layers",
    "Functional": "Sequential: a network is one stack of dense layers",
    "layers": "the list of layer dicts that Sequential takes",
    "load_model": "Sequential.load(path)",
    "models": "Sequential",
    "saving": "Sequential.save(path) and Sequential.load(path)",
    "utils": "Sequential(..., seed=...) for seeds, and losses that take the numbers of classes",
}
"""The same of the package."""

HARMLESS = {
    "compile": ("run_eagerly", "jit_compile", "steps_per_execution", "auto_scale_loss"),
    "fit": ("workers", "max_queue_size"),
    "evaluate": ("workers", "max_queue_size"),
    "predict": (),
    "summary": ("line_length", "positions", "expand_nested", "show_trainable"),
    "save": (),
    "load": ("safe_mode",),
    "a layer": ("name",),
    "an optimizer": ("name", "ema_momentum"),
    "a loss": ("name", "dtype"),
    "a schedule": ("name",),
    "an initializer": (),
}
"""Arguments of Keras' methods and parts that change no result."""
_ONE_PENALTY = "kernel_regularizer"
_NO_CONSTRAINT = "a callback that calls model.set_weights"
_OWN_PROCESSES = "threads of Sequential, how many cores may be used"
REFUSED = {
    "compile": {
        "loss_weights": "sample_weight and class_weight of fit: a network has one output",
        "sample_weight_mode": "sample_weight of fit",
    },
    "fit": {
        "steps_per_epoch": "batch_size, which divides the rows of an epoch, and train_on_batch for steps of your own",
        "validation_steps": "validation_data, all of whose rows are evaluated, and validation_batch_size",
        "use_multiprocessing": _OWN_PROCESSES,
    },
    "evaluate": {"steps": "batch_size, which divides the rows", "use_multiprocessing": _OWN_PROCESSES},
    "predict": {"steps": "batch_size, which divides the rows"},
    "summary": {"layer_range": "Sequential(architecture[m:n]).summary()"},
    "save": {
        "save_format": "the end of the path, .npz or .keras",
        "zipped": "save, which writes one file",
        "include_optimizer": "save_weights, which leaves the optimizer out",
    },
    "load": {"custom_objects": "numpy_nn.keras_files, which runs no code of a file"},
    "a layer": {
        "activity_regularizer": _ONE_PENALTY,
        "bias_constraint": _NO_CONSTRAINT,
        "bias_regularizer": _ONE_PENALTY,
        "dtype": "dtype of Sequential, which is that of all layers",
        "input_shape": "input_dim",
        "kernel_constraint": _NO_CONSTRAINT,
        "lora_alpha": "output_dim",
        "lora_rank": "output_dim",
        "quantization_config": "dtype of Sequential",
        "trainable": "fit, which trains all layers",
        "units": "output_dim",
    },
    "an optimizer": {
        "decay": "a schedule of numpy_nn.schedules as learning_rate",
        "ema_overwrite_frequency": "a callback that keeps a mean of model.get_weights()",
        "gradient_accumulation_steps": "batch_size of fit",
        "loss_scale_factor": "dtype of Sequential, float32 or float64",
        "lr": "learning_rate",
        "use_ema": "a callback that keeps a mean of model.get_weights()",
    },
    "a loss": {
        "axis": "the last axis, of the outputs",
        "ignore_class": "sample_weight of fit, 0 for rows that don't count",
        "reduction": "sum_over_batch_size, the mean over the samples",
    },
    "a schedule": {},
    "an initializer": {
        "dtype": "dtype of Sequential",
        "input_axes": "the first axis of a kernel, of the inputs",
        "output_axes": "the last axis of a kernel, of the outputs",
    },
}
"""Arguments of Keras' that would change one: None and False are taken, and `NEUTRAL`, which is as if they weren't given."""
NEUTRAL = {
    "axis": -1,
    "include_optimizer": True,
    "reduction": "sum_over_batch_size",
    "trainable": True,
}


def is_harmless(owner: str, name: str, value: object) -> bool:
    """Whether an argument that `owner` hasn't, with that value, would change nothing in Keras either."""
    if name in HARMLESS[owner]:
        return True
    neutral = NEUTRAL.get(name)
    given_none = value is None or (value is False and neutral is not True)
    return name in REFUSED[owner] and (given_none or (neutral is not None and type(value) is type(neutral) and value == neutral))


def check_arguments(method: str, given: Mapping[str, Any]) -> None:
    """Raise a TypeError for an argument that a method of `Sequential`, or a part, hasn't, with the nearest thing that there is."""
    for name, value in given.items():
        if is_harmless(method, name, value):
            continue
        if name in REFUSED[method]:
            raise TypeError(f"{method} has no {name!r}, which was {value!r:.80}: there is {REFUSED[method][name]}")
        raise TypeError(f"{method} has no {name!r}: its arguments are those of its docstring")


def finder(module: str, names: Sequence[str]) -> Callable[[str], NoReturn]:
    """The `__getattr__` of a module of parts, whose error lists the parts that there are."""

    def find(name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(f"{module} has no attribute {name!r}")
        raise AttributeError(f"{module} has no {name!r}: it has {', '.join(names)}")

    return find


def raise_missing(owner: str, name: str, instead: Mapping[str, str]) -> NoReturn:
    """Raise the AttributeError of a name that is not there."""
    if name in instead:
        raise AttributeError(f"{owner} has no {name!r}: there is {instead[name]}")
    raise AttributeError(f"{owner} has no attribute {name!r}")


class Instead:
    """An attribute that is not there, and whose error names what is."""

    def __init__(self, nearest: str) -> None:
        self._nearest = nearest

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type) -> object:
        raise AttributeError(f"{owner.__name__} has no {self._name!r}: there is {self._nearest}")


def name_the_nearest(cls: type) -> type:
    """Give `cls` an `Instead` for each of the names."""
    for name, nearest in INSTEAD.items():
        missing = Instead(nearest)
        missing.__set_name__(cls, name)
        setattr(cls, name, missing)
    return cls
