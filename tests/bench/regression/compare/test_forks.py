"""Forks that answer, die, hang, fork and print: whoever waits for them always learns how they ended."""

import json
import os
import random
import signal
import sys
import time

import pytest

from bench.regression.compare.forks import HAS_FORK, forked
from bench.regression.compare.position import Place, Position

pytestmark = pytest.mark.skipif(not HAS_FORK, reason="no fork here")
LIMITS = {"start": 10.0, "import": 0.5, "check": 0.5, "measure": 0.5}


@pytest.fixture
def position(tmp_path):
    return Position(tmp_path / "position", ["step", "build"])


def run(task, position):
    """The items of a task, and how it ended."""
    items = []
    generator = forked(task, position, LIMITS)
    while True:
        try:
            items.append(next(generator))
        except StopIteration as end:
            return items, end.value


def test_the_items_of_a_task_come_back_and_nothing_else_changes_here(position):
    here = []

    def task():
        here.append(1)
        yield {"pid": os.getpid()}
        yield {"number": 2}

    items, how = run(task, position)
    assert items[0]["pid"] != os.getpid()
    assert (items[1], how, here) == ({"number": 2}, "", [])


def test_forks_draw_numbers_of_their_own(position):
    random.seed(3)
    assert len({run(lambda: iter([{"x": random.random()}]), position)[0][0]["x"] for _ in range(5)}) == 5


@pytest.mark.parametrize(
    ("death", "how"),
    [
        (lambda: os.kill(os.getpid(), signal.SIGSEGV), "ended by SIGSEGV"),
        (lambda: os.kill(os.getpid(), 40), "ended by signal 40"),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "ended by SIGKILL (out of memory?)"),
        (lambda: os._exit(0), "ended the process with exit code 0"),
        (lambda: sys.exit(3), "ended the process with exit code 1"),
        (lambda: time.sleep(60), "not done after 0.5 s"),
    ],
)
def test_a_fork_that_dies_or_hangs_says_how_and_where(position, death, how):
    def task():
        position.enter("check", "head", "build", 2)
        yield {"first": 1}
        death()

    assert run(task, position) == ([{"first": 1}], how)
    assert position.read() == Place(position.read().moves, "check", "head", "build", 2)


def test_a_fork_that_moves_on_or_is_given_time_is_not_ended_though_it_takes_long(position):
    def task():
        for _ in range(12):
            position.enter("measure", "base", "step")
            time.sleep(0.1)
        position.enter("check", "head", "build", patience_seconds=2)
        time.sleep(0.9)
        yield {"done": True}

    assert run(task, position) == ([{"done": True}], "")


@pytest.mark.parametrize(
    ("act", "how"),
    [
        (lambda: os.killpg(0, signal.SIGKILL), "ended by SIGKILL (out of memory?)"),
        (lambda: os.killpg(0, signal.SIGSTOP), "not done after 0.5 s"),
        (lambda: setattr(json, "dumps", lambda _: "x"), "writes no answer that can be read"),
        (lambda: os.execvp("sleep", ["sleep", "60"]), "answers no more, and does not end"),
    ],
)
def test_a_fork_reaches_no_other_process_and_what_it_did_is_said(position, act, how):
    def task():
        position.enter("check", "head", "build")
        act()
        yield {}

    assert run(task, position) == ([], how)


def test_what_else_gets_into_the_pipe_is_no_answer(position, monkeypatch):
    pipes, pipe = [], os.pipe
    monkeypatch.setattr(os, "pipe", lambda: pipes.append(pipe()) or pipes[-1])

    def task():
        os.write(pipes[0][1], b'{"one": 2}\nrest')
        yield {"one": 1}

    assert run(task, position) == ([{"one": 1}], "")


def test_a_fork_that_forks_answers_once_and_is_not_waited_for(position):
    def task():
        if not os.fork():
            time.sleep(1)
        yield {"one": 1}

    assert run(task, position) == ([{"one": 1}], "")
