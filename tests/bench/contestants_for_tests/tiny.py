"""Contestants for the harness' own tests: one that is right and quick, and one for each way to go wrong."""

import ctypes
import os
import signal
import sys
import time

import numpy as np

from bench.contestants.base import Contestant

ACTIVATIONS = {"relu": lambda z: np.maximum(z, 0), "linear": lambda z: z, "sigmoid": lambda z: 1 / (1 + np.exp(-z))}


class Tiny(Contestant):
    """Learns nothing: its weights grow by a hundredth every epoch, which is enough to be measured."""

    GROWTH = 0.01

    def __init__(self, task):
        self.task = task
        self.weights = [np.array(weight) for weight in task.weights]

    def warm_up(self):
        pass

    def fit(self, on_epoch_end):
        losses = []
        for epoch in range(self.task.epochs):
            for weight in self.weights:
                weight += self.GROWTH
            losses.append(1.0 / (epoch + 1))
            on_epoch_end(epoch)
        return {"loss": losses, "accuracy": [0.5] * self.task.epochs}

    def predict(self, x):
        for layer, kernel, bias in zip(self.task.architecture, self.weights[::2], self.weights[1::2], strict=True):
            x = ACTIVATIONS[layer["activation"]](x @ kernel + bias)
        return x

    def get_weights(self):
        return self.weights


class Twin(Tiny):
    pass


class Faster(Tiny):
    """Differs from Tiny by a hundredth an epoch."""

    GROWTH = 0.02


class Disturbed(Tiny):
    """Is stopped and continued in every fit, as far as the harness can tell."""

    def fit(self, on_epoch_end):
        os.kill(os.getpid(), signal.SIGCONT)
        return super().fit(on_epoch_end)


class Slow(Tiny):
    """Long enough for something to happen while it trains."""

    def fit(self, on_epoch_end):
        time.sleep(0.03)
        return super().fit(on_epoch_end)


class Tuned(Tiny):
    @classmethod
    def tune(cls, task):
        return {"speed": len(task.x)}

    def details(self):
        return {"speed": self.task.options.get("speed"), "threads": os.environ["OMP_NUM_THREADS"]}


class Chatty(Tiny):
    """Prints what looks like an answer, by Python and past it, and eats what stands on stdin."""

    def fit(self, on_epoch_end):
        print('{"figures": {}}')
        os.write(1, b'{"figures": {}}\n')
        assert sys.stdin.read() == ""
        return super().fit(on_epoch_end)


class Hangs(Tiny):
    def fit(self, on_epoch_end):
        print("training")
        time.sleep(1000)


class HangsOnce(Tiny):
    def fit(self, on_epoch_end):
        if self.task.seed == 0:
            time.sleep(1000)
        return super().fit(on_epoch_end)


class Exits(Tiny):
    def fit(self, on_epoch_end):
        print("about to leave", file=sys.stderr)
        os._exit(7)


class SegFaults(Tiny):
    def fit(self, on_epoch_end):
        ctypes.string_at(0)


class IsKilled(Tiny):
    """As by the system when memory runs out."""

    def fit(self, on_epoch_end):
        os.kill(os.getpid(), signal.SIGKILL)


class OutOfMemory(Tiny):
    def fit(self, on_epoch_end):
        raise MemoryError("no room\nfor that")


class FailsInBuild(Tiny):
    def __init__(self, task):
        raise RuntimeError("cannot be built")


class ForgetsAnEpoch(Tiny):
    def fit(self, on_epoch_end):
        return super().fit(lambda epoch: None if epoch == 0 else on_epoch_end(epoch))


class WrongShape(Tiny):
    def predict(self, x):
        return super().predict(x)[:, 0]


class Plain:
    """A class that inherits from nothing, with the four methods that a contestant needs."""

    def __init__(self, task):
        self.task = task

    def fit(self, on_epoch_end):
        for epoch in range(self.task.epochs):
            time.sleep(0.001)
            on_epoch_end(epoch)
        return {"loss": [0.0] * self.task.epochs, "accuracy": [0.5] * self.task.epochs}

    def predict(self, x):
        return np.full((len(x), 1), 0.5)

    def get_weights(self):
        return self.task.weights


class Unstoppable(Plain):
    """Takes whatever its callback raises for an error of the callback's, and trains on."""

    def fit(self, on_epoch_end):
        def swallow(epoch):
            try:
                on_epoch_end(epoch)
            except BaseException:
                time.sleep(1000)

        return super().fit(swallow)


class Unspeakable(Tiny):
    def details(self):
        return {"array": np.zeros(2)}


class Naps(Tiny):
    """Sleeps through most of its fit, in short naps."""

    def fit(self, on_epoch_end):
        def end(epoch):
            for _ in range(20):
                time.sleep(0.01)
            on_epoch_end(epoch)

        return super().fit(end)
