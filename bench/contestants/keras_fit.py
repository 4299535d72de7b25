"""Keras as a contestant: `keras.Model.fit` as it comes, and at its best on this machine, on whatever backend the process was given.

`KerasFit` sets what the task says (optimiser, loss, batch, epochs, order) and nothing else; the one callback tells where epochs
end. `KerasTuned` adds the two settings that Keras' own guides name for small models, `steps_per_execution` and `jit_compile`, in
the combination that `tune` measured to be fastest; on TensorFlow it hands the rows over as one data set that repeats, since the
iterator that Keras otherwise makes for each epoch takes longer than a small network's steps. Rows are shuffled without a seed:
seeded, Keras on TensorFlow would replay one order. On its JAX and PyTorch backends Keras takes means in float32 even where all else
is float64, which ends parity at 1e-7.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np

from bench.contestants.base import Array, Contestant, EpochEnd, Task
from bench.contestants.fastest_call import fastest_call

TUNE_ROUNDS = 4
TUNE_EPOCHS = 4
"""Of each candidate in each round, the first of which is left out."""
TUNE_HOPELESS = 2.0
"""Times the fastest, after any round: what is slower isn't tried again."""


class KerasFit(Contestant):
    """All defaults."""

    def __init__(self, task: Task) -> None:
        _set_threads(task.threads)
        import keras

        self._keras = keras
        self._task = task
        self._model = self._build(task)
        self._model.set_weights(list(task.weights))
        self._prediction_calls: dict[str, str] = {}

    def _build(self, task: Task) -> Any:
        from keras_ref import build_model

        return build_model(
            task.architecture,
            optimizer=task.optimizer,
            loss=task.loss,
            dtype=task.dtype,
            metrics=["accuracy"],
            **self._compile_options(task),
        )

    @staticmethod
    def _compile_options(task: Task) -> dict[str, Any]:  # noqa: ARG004
        return {}

    def warm_up(self) -> None:
        """Trace and compile for every shape of batch, by the shortest `fit` that meets them all."""
        task = self._task
        self._model.optimizer.build(self._model.trainable_variables)
        before = [np.array(variable) for variable in self._model.optimizer.variables]
        rest = len(task.x) % task.rows_a_step
        rows = len(task.x) if self._model.steps_per_execution > 1 else task.rows_a_step + rest
        self._fit(rows, epochs=1)
        self._model.set_weights(list(task.weights))
        for variable, value in zip(self._model.optimizer.variables, before, strict=True):
            variable.assign(value)

    def fit(self, on_epoch_end: EpochEnd) -> Mapping[str, Sequence[float]]:
        callback = self._keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, _logs: on_epoch_end(epoch))
        return self._fit(len(self._task.x), epochs=self._task.epochs, callbacks=[callback])

    def _fit(self, rows: int, *, epochs: int, callbacks: Sequence[Any] = ()) -> dict[str, list[float]]:
        from keras_ref import fit

        return fit(
            self._model,
            self._task.x[:rows],
            self._task.y[:rows],
            batch_size=self._task.rows_a_step,
            epochs=epochs,
            shuffle=self._task.shuffle,
            callbacks=callbacks,
            one_iterator=self._one_iterator,
        )

    @property
    def _one_iterator(self) -> bool:
        """Whether Keras makes one iterator for all epochs."""
        return False

    def predict(self, x: Array) -> Array:
        """By `predict_on_batch`, since `Model.predict` makes an iterator for each call."""
        outputs: Array = self._model.predict_on_batch(x)
        return outputs

    def predictor(self) -> Callable[[Array], Array]:
        """Whichever of Keras' own calls answers a row soonest."""
        ways = {
            "predict_on_batch": self._model.predict_on_batch,
            "model(x)": _CALLS[self._keras.backend.backend()](self._model),
        }
        if self._model.steps_per_execution == 1:  # else it would compile a loop over many batches for one row
            ways["predict"] = lambda x: self._model.predict(x, verbose=0)
        return self._fastest("prediction_call", ways)

    def compiled_predictor(self) -> Callable[[Array], Array] | None:
        """The same of what a user of the backend compiles from the model by hand; None where there is no such way."""
        ways = _COMPILED[self._keras.backend.backend()](self._model)
        return self._fastest("compiled_prediction_call", ways) if ways else None

    def _fastest(self, kind: str, ways: Mapping[str, Callable[[Array], Array]]) -> Callable[[Array], Array]:
        self._prediction_calls[kind] = fastest_call(ways, self._task.x[:1])
        return ways[self._prediction_calls[kind]]

    def get_weights(self) -> Sequence[Array]:
        weights: list[Array] = self._model.get_weights()
        return weights

    def details(self) -> dict[str, Any]:
        return {
            "backend": self._keras.backend.backend(),
            "steps_per_execution": self._model.steps_per_execution,
            "jit_compile": self._model.jit_compile,
            "one_iterator": self._one_iterator,
            **self._prediction_calls,
        }


class KerasTuned(KerasFit):
    """The fastest of one step or a whole epoch an execution, with and without `jit_compile`; untuned, a whole epoch.

    On TensorFlow with one iterator for all epochs.
    """

    @staticmethod
    def _compile_options(task: Task) -> dict[str, Any]:
        chosen = {key: task.options[key] for key in ("steps_per_execution", "jit_compile") if key in task.options}
        return {"steps_per_execution": task.steps_an_epoch, **chosen}

    @property
    def _one_iterator(self) -> bool:
        return bool(self._keras.backend.backend() == "tensorflow")

    @classmethod
    def tune(cls, task: Task) -> dict[str, Any]:
        """Train a few short epochs with each combination, taking turns, and choose the one with the quickest epoch.

        Returns
        -------
        dict
            "steps_per_execution" and "jit_compile" of the fastest, and "measured": every combination with its "epoch_seconds".

        """
        candidates = [
            _Candidate(cls, task, *settings) for settings in itertools.product(sorted({1, task.steps_an_epoch}), (False, True))
        ]
        trying = candidates
        for _ in range(TUNE_ROUNDS):
            for candidate in trying:
                candidate.train()
            limit = TUNE_HOPELESS * min(candidate.epoch_seconds for candidate in trying)
            trying = [candidate for candidate in trying if candidate.epoch_seconds <= limit]
        fastest = min(candidates, key=lambda candidate: candidate.epoch_seconds)  # as the table of what was measured says
        measured = [{**candidate.options, "epoch_seconds": candidate.epoch_seconds} for candidate in candidates]
        return {**fastest.options, "measured": measured}

    def details(self) -> dict[str, Any]:
        return super().details() | {"measured": self._task.options.get("measured", [])}


class _Candidate:
    """One combination of settings, and the epochs measured with it."""

    def __init__(self, cls: type[KerasTuned], task: Task, steps_per_execution: int, jit_compile: bool) -> None:
        self.options = {"steps_per_execution": steps_per_execution, "jit_compile": jit_compile}
        self._contestant = cls(replace(task, options=self.options, epochs=TUNE_EPOCHS))
        self._contestant.warm_up()
        self._seconds: list[float] = []

    @property
    def epoch_seconds(self) -> float:
        """The quickest, since whatever else the machine does makes epochs longer."""
        return min(self._seconds)

    def train(self) -> None:
        ends: list[float] = []
        self._contestant.fit(lambda _epoch: ends.append(perf_counter()))
        self._seconds.extend(end - start for start, end in itertools.pairwise(ends))


def _set_threads(threads: int) -> None:
    """Before a backend makes its pools, which is later than its import."""
    for variable in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "PJRT_NPROC"):
        os.environ[variable] = str(threads)
    if os.environ.get("KERAS_BACKEND") == "torch":
        import torch

        torch.set_num_threads(threads)
        torch.set_flush_denormal(True)  # as TensorFlow and XLA have it


def _call_tensorflow(model: Any) -> Callable[[Array], Array]:
    return lambda x: model(x, training=False).numpy()


def _call_jax(model: Any) -> Callable[[Array], Array]:
    return lambda x: np.asarray(model(x, training=False))


def _call_torch(model: Any) -> Callable[[Array], Array]:
    import torch

    def call(x: Array) -> Array:
        with torch.inference_mode():
            return model(torch.from_numpy(x), training=False).numpy()  # type: ignore[no-any-return]

    return call


def _compile_tensorflow(model: Any) -> dict[str, Callable[[Array], Array]]:
    import tensorflow as tf

    def traced(*, jit_compile: bool) -> Callable[[Array], Array]:
        function = tf.function(lambda x: model(x, training=False), jit_compile=jit_compile)
        call = function.get_concrete_function(tf.TensorSpec((None, *model.input_shape[1:]), model.dtype_policy.name))
        return lambda x: call(tf.constant(x)).numpy()

    return {"tf.function(model)": traced(jit_compile=False), "tf.function(model, jit_compile=True)": traced(jit_compile=True)}


def _compile_jax(model: Any) -> dict[str, Callable[[Array], Array]]:
    import jax

    weights = model.get_weights()  # copies: `predict_on_batch` donates the model's own arrays
    compiled = jax.jit(lambda x: model.stateless_call(weights, [], x, training=False)[0])
    return {"jax.jit(model.stateless_call)": lambda x: np.asarray(compiled(x))}


_CALLS: Mapping[str, Callable[[Any], Callable[[Array], Array]]] = {
    "tensorflow": _call_tensorflow,
    "jax": _call_jax,
    "torch": _call_torch,
}
_COMPILED: Mapping[str, Callable[[Any], dict[str, Callable[[Array], Array]]]] = {
    "tensorflow": _compile_tensorflow,
    "jax": _compile_jax,
    "torch": lambda _model: {},
}
