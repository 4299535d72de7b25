"""Trials of one contestant in this process, on a clock of the test's own."""

from contestants_for_tests import tiny
from harness import FakeClock

from bench.execution.trial_session import TrialSession


def figures(request, contestant=tiny.Tiny, clock=None):
    return TrialSession(lambda _: contestant, clock or FakeClock()).measure(request)


def ticking(contestant, clock, *, build=0.0, epoch=0.0, predict=0.0):
    """`contestant`, taking time on a clock that stands still otherwise."""

    class Ticking(contestant):
        def __init__(self, task):
            super().__init__(task)
            clock.seconds += build

        def fit(self, on_epoch_end):
            def end(number):
                clock.seconds += epoch * (number + 1)
                on_epoch_end(number)

            return super().fit(end)

        def predict(self, x):
            clock.seconds += predict
            return super().predict(x)

    return Ticking
