import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cases import ARTICLE, moons, refused
from hypothesis import given
from hypothesis import strategies as st

from numpy_nn import Sequential
from numpy_nn._engine import minibatches, threads
from numpy_nn._engine.blas import has_openblas
from numpy_nn._engine.buffers import Parameters
from numpy_nn._engine.threads import ThreadTeam, WorkSplit, check_threads, cut, split_minibatch
from numpy_nn._engine.tuning import this_machine
from numpy_nn.architecture import LayerSpec, parse_architecture

needs_openblas = pytest.mark.skipif(not has_openblas(), reason="NumPy has another BLAS, whose threads are left alone")
THREADS = [1, 2]
VECTOR = this_machine().vector_rows
WIDE = [
    {"input_dim": 2, "output_dim": 1024, "activation": "relu"},
    {"input_dim": 1024, "output_dim": 1024, "activation": "relu"},
    {"input_dim": 1024, "output_dim": 1, "activation": "sigmoid"},
]


def article_parameters() -> Parameters:
    return Parameters(parse_architecture(ARTICLE), np.dtype("float32"))


def trained(count: int, *, dtype: str = "float32", epochs: int = 5) -> tuple[list[float], np.ndarray]:
    """The losses and the weights of a full-batch training with so many threads, from a seed."""
    model = Sequential(ARTICLE, seed=3, dtype=dtype, threads=count)
    model.compile("adam", "binary_crossentropy")
    history = model.fit(*moons(9_000), batch_size=None, epochs=epochs, verbose=0)
    return history.history["loss"], np.concatenate([weights.ravel() for weights in model.get_weights()])


@needs_openblas
@pytest.mark.parametrize("count", THREADS)
def test_the_same_seed_and_threads_give_the_same_bits(count: int) -> None:
    assert split_minibatch(9_000, article_parameters(), count).parallel_chunks == count
    (losses, weights), (losses_again, weights_again) = trained(count), trained(count)
    assert losses == losses_again
    assert weights.tobytes() == weights_again.tobytes()


def test_two_threads_train_as_one_does_up_to_rounding() -> None:
    (losses, weights), (losses_of_two, weights_of_two) = trained(1, dtype="float64"), trained(2, dtype="float64")
    np.testing.assert_allclose(losses_of_two, losses, rtol=1e-12)
    np.testing.assert_allclose(weights_of_two, weights, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    "split", [WorkSplit(11, 1), WorkSplit(11, 2), WorkSplit(7, 2), WorkSplit(5, 5), WorkSplit(21, 1, 2), WorkSplit(11, 1, 3)]
)
@pytest.mark.parametrize("weighted", [False, True])
def test_however_a_batch_is_split_the_training_is_the_same(
    split: WorkSplit, weighted: bool, monkeypatch: pytest.MonkeyPatch, tune: Callable[..., None]
) -> None:
    x, y = moons(50)
    weights = np.random.default_rng(1).uniform(0, 2, 50) if weighted else None

    def train() -> tuple[dict[str, list[float]], np.ndarray]:
        model = Sequential(ARTICLE, seed=3, dtype="float64")
        model.compile("sgd", "binary_crossentropy", ["accuracy"])
        history = model.fit(x, y, batch_size=21, epochs=3, sample_weight=weights, verbose=0)
        return history.history, np.concatenate([weights.ravel() for weights in model.get_weights()])

    monkeypatch.setattr(minibatches, "split_minibatch", lambda rows, *_: WorkSplit(rows, 1))
    history, vector = train()
    tune(kernel_thread_products=1)
    monkeypatch.setattr(minibatches, "split_minibatch", lambda rows, *_: split._replace(chunk_rows=min(split.chunk_rows, rows)))
    split_history, split_vector = train()
    np.testing.assert_allclose(split_vector, vector, rtol=0, atol=1e-14)
    np.testing.assert_allclose(split_history["loss"], history["loss"], rtol=1e-13)
    assert split_history["accuracy"] == history["accuracy"]


@given(size=st.integers(1, 5_000), count=st.integers(1, 9))
def test_tiles_cover_all_and_differ_in_size_by_two_vectors_at_most(size: int, count: int) -> None:
    slices = cut(size, count)
    assert [number for part in slices for number in range(part.start, part.stop)] == list(range(size))
    assert len(slices) <= count
    assert all(part.start % VECTOR == 0 for part in slices)
    lengths = [part.stop - part.start for part in slices]
    assert max(lengths) - min(lengths) < 2 * VECTOR


@needs_openblas
def test_threads_share_the_kernels_of_a_wide_network_and_give_the_same_bits_every_time() -> None:
    def train(count: int) -> np.ndarray:
        model = Sequential(WIDE, seed=3, threads=count)
        model.compile("sgd", "binary_crossentropy")
        model.fit(*moons(64), batch_size=16, epochs=2, verbose=0)
        return np.concatenate([weights.ravel() for weights in model.get_weights()])

    wide = Parameters(parse_architecture(WIDE), np.dtype("float32"))
    assert split_minibatch(16, wide, 2).kernel_threads == 2
    first, second = train(2), train(2)
    assert first.tobytes() == second.tobytes()
    np.testing.assert_allclose(first, train(1), rtol=0, atol=1e-5)


def test_a_team_runs_its_programs_at_the_same_time() -> None:
    meeting = threading.Barrier(3, timeout=10)  # which each passes only while the others stand at it
    with ThreadTeam(3) as team:
        for _ in range(5):
            team.run([[meeting.wait], [meeting.wait], [meeting.wait]])


def test_a_team_runs_fewer_programs_than_it_has_threads() -> None:
    ran: list[int] = []
    with ThreadTeam(3) as team:
        team.run([[lambda: ran.append(1)]])
        team.run([[lambda: ran.append(2)], [lambda: ran.append(3)]])
    assert ran[0] == 1
    assert sorted(ran) == [1, 2, 3]


def fail() -> None:
    raise ArithmeticError("as asked")


@pytest.mark.parametrize("place", [0, 1])
def test_an_error_on_any_thread_is_raised_where_the_team_was_called(place: int) -> None:
    done: list[int] = []
    programs: list[list[Any]] = [[lambda: done.append(1)], [lambda: done.append(1)]]
    programs[place] = [fail]
    with ThreadTeam(2) as team, pytest.raises(ArithmeticError, match="as asked"):
        team.run(programs)
    assert done == [1]


def test_a_team_leaves_no_thread_behind() -> None:
    before = set(threading.enumerate())
    with ThreadTeam(4) as team:
        members = set(threading.enumerate()) - before
        assert len(members) == 3
        team.run([[], [], [], []])
    for member in members:
        member.join(timeout=10)
        assert not member.is_alive()


def test_with_another_blas_a_batch_stays_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "has_openblas", lambda: False)
    assert split_minibatch(10_000, article_parameters(), 2) == WorkSplit(10_000, 1)


@needs_openblas
def test_threads_are_used_only_where_each_has_enough_to_do() -> None:
    article = article_parameters()
    assert split_minibatch(32, article, 2) == WorkSplit(32, 1)
    assert split_minibatch(900, article, 2).parallel_chunks == 1
    assert split_minibatch(9_000, article, 1).parallel_chunks == 1
    assert split_minibatch(9_000, article, 2).parallel_chunks == 2
    assert split_minibatch(900, Parameters([LayerSpec(2, 1)], np.dtype("float32")), 2) == WorkSplit(900, 1)
    wide = Parameters([LayerSpec(1024, 1024), LayerSpec(1024, 1024)], np.dtype("float32"))
    assert split_minibatch(255, wide, 2) == WorkSplit(255, 1, 2)
    assert split_minibatch(256, wide, 2) == WorkSplit(128, 2)
    assert split_minibatch(1, wide, 2) == WorkSplit(1, 1)
    assert split_minibatch(16, wide, 64) == WorkSplit(16, 1, 5)
    assert split_minibatch(512, wide, 64) == WorkSplit(128, 4)
    assert split_minibatch(255, wide, 1) == WorkSplit(255, 1)


@needs_openblas
@given(rows=st.integers(1, 20_000), width=st.integers(1, 300), count=st.integers(1, 4))
def test_no_chunk_is_larger_than_the_batch_or_than_it_should_be(rows: int, width: int, count: int) -> None:
    parameters = Parameters([LayerSpec(2, width), LayerSpec(width, width), LayerSpec(width, 1)], np.dtype("float32"))
    split = split_minibatch(rows, parameters, count)
    assert 1 <= split.chunk_rows <= rows
    if split.parallel_chunks > 1:
        assert split.chunk_rows < this_machine().largest_parallel_chunk_rows + VECTOR
    else:
        hidden_bytes = (split.chunk_rows - VECTOR) * (2 * width + 1) * 4
        assert hidden_bytes < this_machine().hidden_chunk_bytes or split.chunk_rows - VECTOR < 2 * width


@needs_openblas
@pytest.mark.parametrize(("width", "rows"), [(128, 256), (512, 512), (1024, 1024)])
def test_wide_layers_take_a_large_batch_in_chunks_that_fit_the_cache_and_pay_for_adding_gradients(width: int, rows: int) -> None:
    layers = [LayerSpec(2, width), LayerSpec(width, width), LayerSpec(width, width), LayerSpec(width, 1)]
    assert split_minibatch(4_096, Parameters(layers, np.dtype("float32")), 1) == WorkSplit(rows, 1)


def test_all_cores_are_taken_where_none_are_given() -> None:
    assert check_threads(None) == threads.available_cores() >= 1
    assert check_threads(3) == 3
    assert Sequential(ARTICLE, threads=2).threads == 2


@pytest.mark.parametrize("value", [0, -1, 1.0, "2", True, [1]])
def test_threads_that_are_no_positive_integer_are_refused(value: Any) -> None:
    with refused(f"threads was {value!r}", "a positive integer, or None"):
        Sequential(ARTICLE, threads=value)
