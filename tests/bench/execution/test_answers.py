"""Answers: frames that come whole or not at all, and only those of the request that waits."""

import io
import json
import os
import struct

import pytest

from bench.execution.answer_checks import CLOCK_SECONDS, clock_doubt, malformed
from bench.execution.answers import MOST_ANSWER_BYTES, AnswerError, Answers, fields_of, frames


def frame(text):
    return struct.pack("!Q", len(text)) + text


def test_what_is_sent_is_read_frame_by_frame():
    reading, writing = os.pipe()
    answers = Answers(writing, "a")
    answers.send({"mark": "fit begins"})
    answers.send({"figures": {"steps": 1}})
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        found = [fields_of(data, "a", os.getpid()) for data in frames(stream)]
    assert [one.get("mark", one.get("figures")) for one in found] == ["fit begins", {"steps": 1}]


def test_a_frame_that_is_cut_is_none_and_one_that_is_too_long_is_refused_before_it_is_read():
    assert list(frames(io.BytesIO(frame(b"whole") + frame(b"cut")[:-1]))) == [b"whole"]
    (error,) = frames(io.BytesIO(struct.pack("!Q", MOST_ANSWER_BYTES + 1) + b"x"))
    assert isinstance(error, AnswerError)


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"id": "b", "pid": 1, "figures": {}}, "another request"),
        ({"id": "a", "pid": 2, "figures": {}}, "copy of the worker"),
        ({"pid": 1, "figures": {}}, "another request"),
        ({"id": "a", "pid": 1}, "neither figures nor an error"),
        ([], "another request"),
    ],
)
def test_an_answer_for_another_request_is_not_taken(fields, error):
    with pytest.raises(AnswerError, match=error):
        fields_of(json.dumps(fields).encode(), "a", 1)


def test_no_json_is_no_answer():
    with pytest.raises(AnswerError, match="no JSON"):
        fields_of(b"hello", "a", 1)


def test_half_a_surrogate_pair_is_escaped_wherever_it_stands():
    text = json.dumps({"id": "a", "pid": 1, "figures": {"details": {"k\udcff": ["v\udcff"]}}}).encode()
    assert fields_of(text, "a", 1)["figures"] == {"details": {"k\\udcff": ["v\\udcff"]}}


@pytest.mark.parametrize("figures", [None, [], {"unknown": 1}, {"steps": "many"}, {"status": "ok"}, {"fit_seconds": []}])
def test_figures_of_a_wrong_shape_are_named(figures):
    assert malformed(figures)


def test_a_clock_that_shows_less_than_the_runner_saw_is_doubted_and_a_late_runner_is_not():
    marks = {"fit begins": 1.0, "fit ended": 2.0}
    assert malformed({"fit_seconds": 0.5}) is None
    assert clock_doubt({"fit_seconds": 0.1}, marks)
    assert clock_doubt({"fit_seconds": 1.0 - CLOCK_SECONDS}, marks) is None
    assert clock_doubt({"steps": 1}, marks) is None
