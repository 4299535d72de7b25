"""Contestants that cheat in turns, in what they predict, or with the system's means; each in one way."""

import gc
import os
import signal
import time
from dataclasses import replace
from types import MappingProxyType

import numpy as np
from cheats import nothing

from bench.contestants.base import Task
from bench.contestants.numpy_network import NumpyNetwork
from bench.execution import measurement, turns


def is_turn(on_epoch_end):
    return isinstance(getattr(on_epoch_end, "__self__", None), turns._Turns)


def invented(task):
    epochs = range(task.epochs)
    return {"loss": [0.7 / (1 + epoch) for epoch in epochs], "accuracy": [0.9 for _ in epochs]}


class InTurns(NumpyNetwork):
    """Honest in whole fits."""

    def fit(self, on_epoch_end):
        return self.turn(on_epoch_end) if is_turn(on_epoch_end) else super().fit(on_epoch_end)


class IdlesInTurns(InTurns):
    def turn(self, on_epoch_end):
        for epoch in range(self._task.epochs):
            on_epoch_end(epoch)
        return invented(self._task)


class TellsWithoutEndInTurns(InTurns):
    def turn(self, on_epoch_end):
        while True:
            on_epoch_end(0)


class TrainsOneBatchInTurns(InTurns):
    def turn(self, on_epoch_end):
        for epoch in range(self._task.epochs):
            self._model.train_on_batch(self._task.x[:16], self._task.y[:16])
            on_epoch_end(epoch)
        return invented(self._task)


class TrainsFewerRowsInTurns(InTurns):
    def turn(self, on_epoch_end):
        whole, rows = self._task, len(self._task.x) // 20
        self._task = replace(whole, x=whole.x[:rows], y=whole.y[:rows])
        try:
            return NumpyNetwork.fit(self, on_epoch_end)
        finally:
            self._task = whole


class TellsEachEpochThrice(InTurns):
    def turn(self, on_epoch_end):
        def thrice(epoch):
            for _ in range(3):
                on_epoch_end(epoch)

        return NumpyNetwork.fit(self, thrice)


class TrainsFirstInTurns(InTurns):
    def turn(self, on_epoch_end):
        history = NumpyNetwork.fit(self, nothing)
        for epoch in range(self._task.epochs):
            on_epoch_end(epoch)
        return history


class LyingTurns(NumpyNetwork):
    """Replaces the harness' function in its process by one that tells other figures."""

    told = None

    def __init__(self, task):
        super().__init__(task)
        true = turns._Turns._next_turn

        def next_turn(own, figures):
            true(own, {**figures, **self.told} if "epoch_seconds" in figures else figures)

        turns._Turns._next_turn = next_turn


class TellsNegativeTurns(LyingTurns):
    told = MappingProxyType({"epoch_seconds": [-1.0]})


class TellsTurnsOfNothing(LyingTurns):
    told = MappingProxyType({"epoch_seconds": []})


class TellsTurnsOfText(LyingTurns):
    told = MappingProxyType({"epoch_seconds": "fast", "canary_before_seconds": 1e9})


class TellsTooShortTurns(LyingTurns):
    told = MappingProxyType({"epoch_seconds": [1e-7] * 20})


class TellsTooShortTurnsWhileDisturbed(TellsTooShortTurns):
    """Pretends that its whole fits were disturbed, so that its turns might not be compared with them."""

    def fit(self, on_epoch_end):
        if not is_turn(on_epoch_end):
            os.kill(os.getpid(), signal.SIGCONT)
        return super().fit(on_epoch_end)


class PutsUpdatesOff(NumpyNetwork):
    """Only counts epochs, and trains when somebody asks for the weights or a prediction."""

    waiting = 0

    def fit(self, on_epoch_end):
        for epoch in range(self._task.epochs):
            end = time.perf_counter() + 1e-5
            while time.perf_counter() < end:
                pass
            self.waiting += 1
            on_epoch_end(epoch)
        return invented(self._task)

    def catch_up(self):
        for _ in range(20 * self.waiting):
            self._model.fit(self._task.x, self._task.y, batch_size=16, epochs=1, shuffle=False, verbose=0)
        self.waiting = 0

    def get_weights(self):
        self.catch_up()
        return super().get_weights()

    def predict(self, x):
        self.catch_up()
        return super().predict(x)


class PredictsTargetsMidway(NumpyNetwork):
    """Honest before and after its fit: the curves between are those of the targets."""

    trains = False

    def fit(self, on_epoch_end):
        self.trains = True
        try:
            return super().fit(on_epoch_end)
        finally:
            self.trains = False

    def predict(self, x):
        is_test = self.trains and len(x) == len(self._task.y_test)
        return np.clip(self._task.y_test, 0.01, 0.99) if is_test else super().predict(x)


class PredictsOtherwiseTwice(NumpyNetwork):
    calls = 0

    def predict(self, x):
        self.calls += 1
        outputs = super().predict(x)
        return outputs if self.calls % 2 else 1 - outputs


class PredictsTargets(NumpyNetwork):
    def predict(self, x):
        return np.clip(self._task.y_test, 0.01, 0.99) if len(x) == len(self._task.y_test) else super().predict(x)


class PredictsWithAnother(NumpyNetwork):
    """Its predictions are those of a network that it trains for longer when nobody looks."""

    def predict(self, x):
        if not hasattr(self, "other"):
            self.other = NumpyNetwork(replace(self._task, epochs=200))
            self.other.fit(nothing)
        return self.other.predict(x)


class ForgesEverything(PredictsTargets):
    """Never trains: random weights, invented losses, and predictions from the targets."""

    def fit(self, on_epoch_end):
        rng = np.random.default_rng(0)
        for epoch in range(self._task.epochs):
            self._model.set_weights([weight + rng.normal(0, 0.01, weight.shape) for weight in self._model.get_weights()])
            on_epoch_end(epoch)
        return invented(self._task)


class StopsHalfway(NumpyNetwork):
    def fit(self, on_epoch_end):
        half = self._task.epochs // 2
        whole, self._task = self._task, replace(self._task, epochs=half)
        try:
            history = super().fit(on_epoch_end)
        finally:
            self._task = whole
        for epoch in range(half, whole.epochs):
            on_epoch_end(epoch)
        return {name: [*values, *[values[-1]] * (whole.epochs - half)] for name, values in history.items()}


class RaisesItsPriority(NumpyNetwork):
    def fit(self, on_epoch_end):
        os.setpriority(os.PRIO_PROCESS, 0, -10)
        return super().fit(on_epoch_end)


class ShortensItsTask(NumpyNetwork):
    def __init__(self, task):
        super().__init__(task)
        object.__setattr__(task, "epochs", 5)


class TellsOfSmallerBatches(NumpyNetwork):
    """Its step would be a sixteenth of an epoch's."""

    def __init__(self, task):
        super().__init__(task)
        for own in gc.get_objects():
            if isinstance(own, Task) and own.batch_size == 16 and own is not task:
                object.__setattr__(own, "batch_size", 1)


class TrainsInAChildAfterTheFit(NumpyNetwork):
    """Whoever then asks for the weights waits for the child, but the clock doesn't."""

    child = 0

    def fit(self, on_epoch_end):
        if is_turn(on_epoch_end):
            return super().fit(on_epoch_end)
        self.child = os.fork()
        if self.child == 0:
            time.sleep(0.01)
            end = time.monotonic() + 1
            while time.monotonic() < end:
                super().fit(nothing)
            os._exit(0)
        for epoch in range(self._task.epochs):
            on_epoch_end(epoch)
        return invented(self._task)


class TellsOfMarksWithoutEnd(NumpyNetwork):
    def fit(self, on_epoch_end):
        for cell in on_epoch_end.__closure__ or ():
            own = cell.cell_contents
            if isinstance(own, measurement.Measurement):
                while True:
                    own.mark("ready")
        return super().fit(on_epoch_end)


class SlowStart(NumpyNetwork):
    """Shows a hundredth of its cold start; its whole fits are right."""

    def __init__(self, task):
        super().__init__(task)
        from bench.execution import trial_session

        true = trial_session.Measurement.figures

        def figures(own):
            return {**true(own), "cold_start_seconds": 1e-6}

        trial_session.Measurement.figures = figures
