"""ONNX Runtime as a contestant for prediction only: the network as an ONNX graph, from the architecture and the task's weights.

A `Gemm` and an activation a layer, all graph optimisations on, one session. For the latency of a row, input and output are bound
once to NumPy arrays, which takes less time a call than `session.run` (`docs/contestants.md`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from bench.contestants.base import Array, Contestant, EpochEnd, Task
from bench.contestants.capabilities import activation_of

OPERATORS = {"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "softmax": "Softmax"}
OPSET, IR_VERSION = 17, 8
"""Of 2022: all that a dense network needs, and readable by every ONNX Runtime since 1.14."""


class OnnxPredict(Contestant):
    """Predicts from the task's weights."""

    def __init__(self, task: Task) -> None:
        import onnxruntime

        self._task = task
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = task.threads
        options.inter_op_num_threads = 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        graph = _build_graph(task)
        self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def warm_up(self) -> None:
        self.predict(self._task.x[:1])

    def fit(self, on_epoch_end: EpochEnd) -> Mapping[str, Sequence[float]]:
        """Refuse.

        Raises
        ------
        RuntimeError
            Always.

        """
        raise RuntimeError("onnxruntime predicts only: it has no training")

    def predict(self, x: Array) -> Array:
        outputs: Array = self._session.run(["outputs"], {"x": x})[0]
        return outputs

    def predictor(self) -> Callable[[Array], Array]:
        """A call on bound buffers; the array that it returns is written over by the next call."""
        return _BoundCall(self._session, self._task)

    def get_weights(self) -> Sequence[Array]:
        return self._task.weights


class _BoundCall:
    """Predicts into one array as long as the number of rows stays the same."""

    def __init__(self, session: Any, task: Task) -> None:
        self._session = session
        self._outputs_a_row = task.architecture[-1]["output_dim"]
        self._x = np.empty((0, task.x.shape[1]), task.dtype)

    def _bind(self, shape: tuple[int, ...]) -> None:
        self._x = np.empty(shape, self._x.dtype)
        self._outputs = np.empty((shape[0], self._outputs_a_row), self._x.dtype)
        self._binding = self._session.io_binding()
        self._binding.bind_input("x", "cpu", 0, self._x.dtype, self._x.shape, self._x.ctypes.data)
        self._binding.bind_output("outputs", "cpu", 0, self._x.dtype, self._outputs.shape, self._outputs.ctypes.data)

    def __call__(self, x: Array) -> Array:
        if x.shape != self._x.shape:
            self._bind(x.shape)
        np.copyto(self._x, x)
        self._session.run_with_iobinding(self._binding)
        return self._outputs


def _build_graph(task: Task) -> bytes:
    """The network as a serialised ONNX model, from "x" (rows, features) to "outputs" (rows, outputs).

    Raises
    ------
    ValueError
        If an activation has no operator.

    """
    from onnx import checker, helper, numpy_helper

    nodes, initializers, flowing = [], [], "x"
    for number, layer in enumerate(task.architecture):
        kernel, bias = task.weights[2 * number : 2 * number + 2]
        initializers += [numpy_helper.from_array(kernel, f"kernel_{number}"), numpy_helper.from_array(bias, f"bias_{number}")]
        nodes.append(helper.make_node("Gemm", [flowing, f"kernel_{number}", f"bias_{number}"], [f"logits_{number}"]))
        nodes.append(helper.make_node(_operator(activation_of(layer)), [f"logits_{number}"], [f"activations_{number}"]))
        flowing = f"activations_{number}"
    nodes[-1].output[0] = "outputs"
    element = helper.np_dtype_to_tensor_dtype(np.dtype(task.dtype))
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x", element, [None, task.architecture[0]["input_dim"]])],
        [helper.make_tensor_value_info("outputs", element, [None, task.architecture[-1]["output_dim"]])],
        initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    checker.check_model(model)
    serialised: bytes = model.SerializeToString()
    return serialised


def _operator(activation: str) -> str:
    operators = OPERATORS | {"linear": "Identity"}
    if activation not in operators:
        raise ValueError(f"onnxruntime can't predict with the activation {activation!r}: it may be one of {', '.join(operators)}")
    return operators[activation]
