import pytest
from contestants_for_tests import tiny
from harness import FakeClock
from trial_sessions import ticking

from bench.execution.trial_session import TrialSession
from bench.execution.turns import BLOCK_SECONDS


class Runner:
    """The other end: asks for turns of so many seconds, one after the other, and remembers the answers."""

    def __init__(self, *words):
        self._words = iter(words)
        self.answers = []

    def __call__(self, figures):
        self.answers.append(figures)
        return next(self._words, None)

    @property
    def turns(self):
        return [answer["epoch_seconds"] for answer in self.answers[1:]]


class Timed(tiny.Tiny):
    """Takes `SECONDS` for each epoch, one value after the other, on the clock of the test."""

    def __init__(self, task):
        super().__init__(task)
        self.trained = 0

    def fit(self, on_epoch_end):
        def end(epoch):
            self.CLOCK.seconds += self.SECONDS[min(self.trained, len(self.SECONDS) - 1)]
            self.trained += 1
            on_epoch_end(epoch)

        return super().fit(end)


def take(request, runner, seconds, contestant=Timed):
    clock = FakeClock()
    made = type("Made", (contestant,), {"CLOCK": clock, "SECONDS": seconds})
    return TrialSession(lambda _: made, clock).measure(request, runner)


def test_a_turn_ends_with_the_epoch_that_fills_it_and_leaves_out_its_first(request_of):
    runner = Runner(2.0, 3.0)
    take(request_of("turns", task={"epochs": 100}), runner, [9.0, 0.5, 0.5, 0.5, 0.5, 7.0, 1.5, 0.25, 0.5, 0.25, 0.5, 8.0])
    assert runner.turns == [[0.5] * 4, [1.5, 0.25, 0.5, 0.25, 0.5]]


def test_a_turn_has_four_epochs_where_one_would_fill_it_unless_they_take_far_too_long(request_of):
    runner = Runner(1.0, 1.0)
    take(request_of("turns", task={"epochs": 100}), runner, [9.0, 2.0, 2.0, 2.0, 2.0, 7.0, 9.0, 8.0])
    assert runner.turns == [[2.0] * 4, [9.0, 8.0]]


def test_the_first_epoch_of_a_fit_that_begins_within_a_turn_is_left_out_too(request_of):
    runner = Runner(4.0)
    take(request_of("turns", task={"epochs": 3}), runner, [9.0, 1.0, 1.0, 9.0, 1.0, 1.0])
    assert runner.turns == [[1.0] * 4]


def test_the_contestant_is_ready_before_the_first_turn_and_says_how_many_steps_an_epoch_has(request_of):
    runner = Runner()
    figures = take(request_of("turns"), runner, [1.0])
    assert runner.answers == [{"steps_an_epoch": 2}]
    assert figures.keys() >= {"build_seconds", "peak_memory_bytes"}
    assert figures.keys().isdisjoint({"fit_seconds", "epoch_seconds"})


def test_waiting_for_the_next_word_is_in_no_epoch(request_of):
    clock = FakeClock()

    class Slow(Runner):
        def __call__(self, figures):
            clock.seconds += 100.0
            return super().__call__(figures)

    runner = Slow(1.0, 1.0)
    made = type("Made", (Timed,), {"CLOCK": clock, "SECONDS": [1.0]})
    TrialSession(lambda _: made, clock).measure(request_of("turns", task={"epochs": 100}), runner)
    assert runner.turns == [[1.0] * 4, [1.0] * 4]


def test_a_turn_ends_although_its_fits_prepare_for_longer_than_they_train(request_of):
    runner = Runner(1.0)
    take(request_of("turns", task={"epochs": 2}), runner, [9.9, 0.1] * 10)
    assert [len(turn) for turn in runner.turns] == [2]  # of 20 s, of which 0.2 s count


def test_very_short_epochs_stand_as_their_mean(request_of):
    runner = Runner(10 * BLOCK_SECONDS)
    take(request_of("turns", task={"epochs": 1000}), runner, [BLOCK_SECONDS / 4 * 1.0001])
    (turn,) = runner.turns
    assert turn == pytest.approx([BLOCK_SECONDS / 4 * 1.0001] * len(turn))
    assert len(turn) == 10


def test_a_contestant_that_catches_every_exception_trains_no_further_turn(request_of):
    class Stubborn(Timed):
        def fit(self, on_epoch_end):
            def swallow(epoch):
                try:
                    on_epoch_end(epoch)
                except BaseException:
                    caught.append(epoch)

            return super().fit(swallow)

    caught, runner = [], Runner(1.0)
    take(request_of("turns", task={"epochs": 20}), runner, [1.0], Stubborn)
    assert len(runner.turns) == 1
    assert caught == list(range(4, 20)), "its fit ends, and isn't begun again"


@pytest.mark.parametrize("epochs", [0, 1])
def test_a_fit_without_two_epochs_is_refused_and_not_repeated_for_ever(request_of, epochs):
    with pytest.raises(ValueError, match=f"fit called on_epoch_end {epochs} times: turns need two epochs"):
        take(request_of("turns", task={"epochs": epochs}), Runner(1.0), [1.0])


def test_an_error_of_the_contestant_ends_its_turns(request_of):
    with pytest.raises(MemoryError):
        TrialSession(lambda _: tiny.OutOfMemory, FakeClock()).measure(request_of("turns"), Runner(1.0))


def test_whole_fits_are_as_before(request_of):
    clock = FakeClock()
    figures = TrialSession(lambda _: ticking(tiny.Tiny, clock, epoch=1.0), clock).measure(request_of("timed"))
    assert figures["epoch_seconds"] == [1.0, 2.0, 3.0]
