"""A piece of work with its files, from the machine of the run to another one and back: here two folders."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from harness import small_split, spec, workload

from bench.execution.executors.parcels import File, Parcel, ParcelError, Reply, collect, pack, place, unpack
from bench.execution.executors.work import Answer, Assignment, Work
from bench.execution.request_builder import RequestBuilder
from bench.execution.schedule import PlannedTrial


@pytest.fixture
def work_of(tmp_path, monkeypatch):
    """Work of a kind, by the request builder of a run in `tmp_path / "run"`."""
    monkeypatch.setattr("bench.execution.request_builder.make_split", small_split)
    (tmp_path / "run").mkdir()
    requests = RequestBuilder(tmp_path / "run", threads=1, reference="Tiny")

    def make(kind, name="Tiny", seed=0):
        planned = PlannedTrial(workload(scored_seeds=1), spec(name), kind, seed=seed, round=0, launch=0)
        return Work([Assignment(planned, requests.request(planned, {}))])

    return make


def request_of(work):
    return work.assignments[0].request


def test_data_and_a_contestant_of_your_own_arrive_whole_and_the_request_names_them_there(tmp_path, work_of):
    work = work_of("scored")
    there = request_of(place(pack(work), tmp_path / "there"))
    files = [(one.paths.data, one.target.removesuffix(":Tiny")) for one in (request_of(work), there)]
    for here, copy in zip(*files, strict=True):
        assert Path(copy).is_relative_to(tmp_path / "there")
        assert Path(copy).name == Path(here).name
        assert Path(copy).read_bytes() == Path(here).read_bytes()
    assert there.target.endswith("tiny.py:Tiny")


def test_what_a_trial_writes_comes_back_to_where_the_run_wants_it(tmp_path, work_of):
    work = work_of("parity")
    placed = place(pack(work), tmp_path / "there")
    np.savez(request_of(placed).paths.trajectory, weights=np.arange(3.0))
    files = collect(work, placed)
    assert list(files) == [request_of(work).paths.trajectory]
    unpack(Reply(Answer([]), files, {}, "there"), work)
    assert np.load(request_of(work).paths.trajectory)["weights"].tolist() == [0.0, 1.0, 2.0]
    compared = pack(work_of("parity", "Twin"))
    assert request_of(work).paths.trajectory in compared.files, "the others read it"


def test_a_file_with_another_hash_is_refused(tmp_path, work_of):
    parcel = pack(work_of("scored"))
    changed = {path: replace(file, content=file.content + b"x") for path, file in parcel.files.items()}
    with pytest.raises(ParcelError, match="has another hash here than where it was sent from"):
        place(Parcel(parcel.work, changed), tmp_path / "there")


def test_a_file_that_no_trial_was_to_write_is_refused(tmp_path, work_of):
    elsewhere = tmp_path / "elsewhere.txt"
    file = File("elsewhere.txt", b"x", hashlib.sha256(b"x").hexdigest())
    with pytest.raises(ParcelError, match="there sent a file that no trial was to write"):
        unpack(Reply(Answer([]), {str(elsewhere): file}, {}, "there"), work_of("scored"))
    assert not elsewhere.exists()


def test_contestants_that_differ_in_a_file_beside_them_have_folders_of_their_own(tmp_path, work_of):
    work, targets = work_of("scored"), []
    for text in ("VALUE = 1\n", "VALUE = 2\n"):
        (tmp_path / "own.py").write_text("import beside\n")
        (tmp_path / "beside.py").write_text(text)
        one = work.assignments[0]
        own = Work([replace(one, request=replace(one.request, target=f"{tmp_path / 'own.py'}:Own"))])
        targets.append(Path(request_of(place(pack(own), tmp_path / "there")).target.rpartition(":")[0]))
        assert (targets[-1].parent / "beside.py").read_text() == text
    assert targets[0] != targets[1]
