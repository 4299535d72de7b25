import threading
import time

from bench.execution import worker


def spin_until(end):
    while time.monotonic() < end:
        sum(range(1000))


def test_a_worker_answers_when_none_of_its_threads_works_any_more():
    end = time.monotonic() + 0.2
    thread = threading.Thread(target=spin_until, args=(end,))
    thread.start()
    worker.settle()
    assert not thread.is_alive()


def test_a_quiet_worker_settles_at_once_and_one_that_never_rests_is_not_waited_for(monkeypatch):
    naps, clock = [], [0.0]

    def sleep(seconds):
        naps.append(seconds)
        clock[0] += seconds

    monkeypatch.setattr(worker.time, "sleep", sleep)
    monkeypatch.setattr(worker.time, "monotonic", lambda: clock[0])
    for busy, expected in ((0.0, 1), (1.0, round(worker.MOST_SETTLING_SECONDS / worker.QUIET_SECONDS))):
        naps.clear()
        monkeypatch.setattr(worker.time, "process_time", lambda busy=busy: busy * clock[0])
        worker.settle()
        assert abs(len(naps) - expected) <= 1
        assert naps
