"""What `keras.Sequential` has and `numpy_nn.Sequential` has not: the names, each with the nearest thing that there is.

A name of these raises an AttributeError that says so. (`__getattr__` would do the same, but slow down every other attribute.)
"""

from __future__ import annotations

INSTEAD = {
    "build": "the list of layer dicts, whose 'input_dim' says what the network takes",
    "built": "the list of layer dicts: a network is built when it is made",
    "compute_loss": "evaluate(x, y)",
    "export": "save(path)",
    "from_config": "Sequential(architecture)",
    "get_compile_config": "optimizer.get_config(), loss and metrics",
    "get_config": "architecture, the list of layer dicts",
    "get_layer": "layers, and get_weights()",
    "get_metrics_result": "evaluate(x, y, return_dict=True)",
    "input_shape": "layers[0].input_dim",
    "inputs": "layers[0].input_dim",
    "output_shape": "layers[-1].output_dim",
    "outputs": "layers[-1].output_dim",
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
