"""Contestants that cheat, each in one way, on the project's own network."""

import json
import os
import pathlib
import signal
import struct
import threading
import time

import numpy as np

from bench.contestants.numpy_network import NumpyNetwork
from bench.execution import measurement, metrics


def nothing(epoch):
    pass


class Honest(NumpyNetwork):
    pass


class CleansUp(NumpyNetwork):  # honest: it closes things for longer than it trains, and its arrays are another library's
    def fit(self, on_epoch_end):
        history = super().fit(on_epoch_end)
        time.sleep(0.03)
        return history

    def get_weights(self):
        return [Tensor(array) for array in super().get_weights()]

    def predict(self, x):
        return Tensor(super().predict(x))


class Tensor:
    """Has nothing but what NumPy needs to make an array of it."""

    def __init__(self, values):
        self._values = values

    def __array__(self, dtype=None, copy=None):
        return np.array(self._values, dtype)


class TellsEpochsEarly(NumpyNetwork):
    def fit(self, on_epoch_end):
        for epoch in range(self._task.epochs):
            on_epoch_end(epoch)
        return super().fit(nothing)


class TellsEpochsLate(NumpyNetwork):
    def fit(self, on_epoch_end):
        history = super().fit(nothing)
        for epoch in range(self._task.epochs):
            on_epoch_end(epoch)
        return history


class TellsTooFewEpochs(NumpyNetwork):
    def fit(self, on_epoch_end):
        return super().fit(lambda epoch: on_epoch_end(epoch) if epoch else None)


class TellsTooManyEpochs(NumpyNetwork):
    def fit(self, on_epoch_end):
        history = super().fit(on_epoch_end)
        on_epoch_end(self._task.epochs)
        return history


class TrainsInWarmUp(NumpyNetwork):
    def warm_up(self):
        self.kept = super().fit(nothing)

    def fit(self, on_epoch_end):
        for epoch in range(self._task.epochs):
            on_epoch_end(epoch)
        return self.kept


class TrainsInInit(TrainsInWarmUp):
    def __init__(self, task):
        super().__init__(task)
        self.kept = NumpyNetwork.fit(self, nothing)

    def warm_up(self):
        pass


class HidesWhatItTrained(TrainsInWarmUp):
    """Shows the first weights until `fit` is called."""

    def get_weights(self):
        return super().get_weights() if hasattr(self, "fitted") else self._task.weights

    def fit(self, on_epoch_end):
        self.fitted = True
        return super().fit(on_epoch_end)


class TrainsWhenScored(NumpyNetwork):
    def fit(self, on_epoch_end):
        if "scored" in on_epoch_end.__qualname__:
            return super().fit(on_epoch_end)
        epochs = range(self._task.epochs)
        for epoch in epochs:
            on_epoch_end(epoch)
        return {"loss": [0.7 / (1 + epoch) for epoch in epochs], "accuracy": [0.9 for _ in epochs]}


class TrainsOneBatchWhenTimed(TrainsWhenScored):
    def fit(self, on_epoch_end):
        if "scored" not in on_epoch_end.__qualname__:
            self._model.train_on_batch(self._task.x[:8], self._task.y[:8])
        return super().fit(on_epoch_end)


class TrainsNever(NumpyNetwork):
    def fit(self, on_epoch_end):
        for epoch in range(self._task.epochs):
            on_epoch_end(epoch)
        return {"loss": [0.1] * self._task.epochs, "accuracy": [1.0] * self._task.epochs}


class TrainsInAChild(NumpyNetwork):
    def fit(self, on_epoch_end):
        os.fork()
        return super().fit(on_epoch_end)


class TrainsInAThread(NumpyNetwork):
    """Returns at once; whoever then asks for the weights or for predictions waits for the training, but the clock doesn't."""

    returned = False

    def fit(self, on_epoch_end):
        self.thread = threading.Thread(target=self.train, daemon=True)
        self.thread.start()
        epochs = range(self._task.epochs)
        for epoch in epochs:
            on_epoch_end(epoch)
        self.returned = True
        return {"loss": [0.7 / (1 + epoch) for epoch in epochs], "accuracy": [0.9 for _ in epochs]}

    def train(self):
        for _ in range(60):  # longer than any moment for which an honest thread may be off the processor
            super().fit(nothing)

    def get_weights(self):
        if self.returned:
            self.thread.join()
        return super().get_weights()

    def predict(self, x):
        self.get_weights()
        return super().predict(x)


class OverwritesTargets(NumpyNetwork):
    def predict(self, x):
        outputs = super().predict(x)
        self._task.y_test[:] = outputs > 0.5
        return outputs


class MakesTargetsWritable(NumpyNetwork):
    def predict(self, x):
        self._task.y_test.setflags(write=True)
        return super().predict(x)


class MakesTargetsBaseWritable(NumpyNetwork):
    def predict(self, x):
        base = self._task.y_test
        while isinstance(base.base, np.ndarray):
            base = base.base
        base.setflags(write=True)
        return super().predict(x)


class OverwritesRows(NumpyNetwork):
    def fit(self, on_epoch_end):
        self._task.x[:] = 0
        return super().fit(on_epoch_end)


class OverwritesFirstWeights(NumpyNetwork):
    def fit(self, on_epoch_end):
        self._task.weights[0][:] = 0
        return super().fit(on_epoch_end)


class OverwritesDataFile(NumpyNetwork):
    """When it is timed, since nobody else's trial runs then."""

    def fit(self, on_epoch_end):
        if "_clocked" in on_epoch_end.__qualname__:
            for path in pathlib.Path(os.environ["TMPDIR"]).rglob("scratch/small-*.npz"):
                path.write_bytes(path.read_bytes() + b" ")
        return super().fit(on_epoch_end)


class ReplacesDataFile(NumpyNetwork):
    """By a pipe, which nobody writes into, when it is timed."""

    def fit(self, on_epoch_end):
        if "_clocked" in on_epoch_end.__qualname__:
            for path in pathlib.Path(os.environ["TMPDIR"]).rglob("scratch/small-*.npz"):
                path.unlink()
                os.mkfifo(path)
        return super().fit(on_epoch_end)


class PredictsNaN(NumpyNetwork):
    def predict(self, x):
        return np.full_like(super().predict(x), np.nan)


class PredictsInfinity(NumpyNetwork):
    def predict(self, x):
        return super().predict(x) * np.inf


class PredictsComplex(NumpyNetwork):
    def predict(self, x):
        return super().predict(x) + 1j


class PredictsObjects(NumpyNetwork):
    def predict(self, x):
        return super().predict(x).astype(object)


class PredictsTooFewRows(NumpyNetwork):
    def predict(self, x):
        return super().predict(x)[1:]


class LossOfNaN(NumpyNetwork):
    def fit(self, on_epoch_end):
        history = super().fit(on_epoch_end)
        return {**history, "loss": [*history["loss"][:-1], float("nan")]}


class Patches(NumpyNetwork):
    """Replaces a function of the harness while it is built."""

    def __init__(self, task):
        super().__init__(task)
        self.patch()


class PatchesMeasurement(Patches):
    def patch(self):
        if not hasattr(measurement.Measurement, "patched"):
            true = measurement.Measurement._clocked
            measurement.Measurement.patched = True

            def clocked(own, *arguments):
                history, seconds, marks = true(own, *arguments)
                return history, seconds / 1000, [mark / 1000 for mark in marks]

            measurement.Measurement._clocked = clocked


class PatchesTheWholeTrial(Patches):
    def patch(self):
        true = measurement._KINDS["timed"]

        def timed(own):
            figures = true(own)
            return figures | {"fit_seconds": 1e-6, "epoch_seconds": [1e-7] * own.task.epochs}

        measurement._KINDS["timed"] = timed

    def fit(self, on_epoch_end):
        time.sleep(0.2)
        return super().fit(on_epoch_end)


class PatchesWhileDisturbed(PatchesTheWholeTrial):
    """Pretends to have been stopped and continued, so that its clock might not be looked at."""

    def fit(self, on_epoch_end):
        os.kill(os.getpid(), signal.SIGCONT)
        return super().fit(on_epoch_end)


class PatchesPerfCounter(Patches):
    """Is honest in effect: the harness has taken its clock before."""

    def patch(self):
        time.perf_counter = lambda: 0.0


class PatchesAccuracy(Patches):
    def patch(self):
        measurement.accuracy = lambda y_true, y_pred: 1.0


class PatchesArrayEqual(Patches):
    """Never trains, and has NumPy say that it did."""

    def patch(self):
        np.array_equal = lambda *_: False

    def fit(self, on_epoch_end):
        return TrainsNever.fit(self, on_epoch_end)


class PatchesLoss(Patches):
    def patch(self):
        metrics.loss = lambda name, y_true, y_pred: 0.0


class AnswersByItself(NumpyNetwork):
    """Writes a frame of its own to every descriptor that is open."""

    def fit(self, on_epoch_end):
        data = json.dumps({"id": "", "pid": os.getpid(), "figures": {"fit_seconds": 1e-9}}).encode()
        for descriptor in range(3, 20):
            try:
                os.write(descriptor, struct.pack("!Q", len(data)) + data)
            except OSError:
                continue
        return super().fit(on_epoch_end)


class AnswersWithoutEnd(NumpyNetwork):
    def fit(self, on_epoch_end):
        for descriptor in range(3, 20):
            try:
                os.write(descriptor, struct.pack("!Q", 1 << 60))
            except OSError:
                continue
        return super().fit(on_epoch_end)


class AnswersWithoutBottom(NumpyNetwork):
    def fit(self, on_epoch_end):
        data = b"[" * 100_000
        for descriptor in range(3, 20):
            try:
                os.write(descriptor, struct.pack("!Q", len(data)) + data)
            except OSError:
                continue
        return super().fit(on_epoch_end)


class ReplacesItsLog(NumpyNetwork):
    """By a pipe, which nobody writes into; and ends."""

    def fit(self, on_epoch_end):
        for path in pathlib.Path(os.environ["TMPDIR"]).rglob("logs/ReplacesItsLog-*.log"):
            path.unlink()
            os.mkfifo(path)
        os._exit(9)


class ForgetsWeights(NumpyNetwork):
    def get_weights(self):
        return super().get_weights()[:1]


class DetailsWithoutBottom(NumpyNetwork):
    def details(self):
        details = {}
        for _ in range(5000):
            details = {"a": details}
        return details


class DetailsOfWrongShape(NumpyNetwork):
    def details(self):
        return {"options": 5}


class Daemon(NumpyNetwork):
    def fit(self, on_epoch_end):
        if os.fork() == 0:
            os.setsid()
            time.sleep(300)
            os._exit(0)
        pathlib.Path(os.environ["TMPDIR"], "daemon").touch()
        os._exit(7)


class UnnamedSignal(NumpyNetwork):
    def fit(self, on_epoch_end):
        os.kill(os.getpid(), 40)


class Surrogate(NumpyNetwork):
    def fit(self, on_epoch_end):
        raise ValueError("bad name \udcff")
