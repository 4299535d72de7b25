from dataclasses import fields

from bench.contestants.base import Task
from bench.execution.messages import Request, TaskSpec


def test_a_request_survives_the_way_to_the_worker(request_of):
    request = request_of(
        "scored",
        task={"options": {"a": [1, None]}},
        surface="s.npz",
        surface_box=[0.0, 1.0, 2.0, 3.0],
        film_epochs=[0, 4],
        prediction_rows=[1, 5],
        together=[{"seed": 1, "data": "seed-1.npz", "sha256": "0"}],
    )
    assert Request.from_line(request.to_line()) == request


def test_a_request_has_every_field_of_a_task_but_its_arrays():
    arrays = {"weights", "x", "y", "x_test", "y_test"}
    assert {field.name for field in fields(TaskSpec)} == {field.name for field in fields(Task)} - arrays
