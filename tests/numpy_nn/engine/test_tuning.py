from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import numpy as np
import pytest
from cases import ARTICLE, moons

from numpy_nn import Sequential
from numpy_nn._engine import blas, tuning
from numpy_nn._engine.tuning import CACHE_SIZES, MEASURED_L2_BYTES, SMALL_KERNEL_CORES, Tuning, adapt, l2_cache_bytes

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "tuning.md"


def write_cache(folder: Path, index: int, level: int, size: str) -> None:
    path = folder / f"index{index}"
    path.mkdir()
    (path / "level").write_text(f"{level}\n")
    (path / "size").write_text(f"{size}\n")


def test_a_machine_that_says_nothing_of_its_kernels_gets_no_tiles() -> None:
    assert adapt(Tuning(), core=None, l2_bytes=None) == Tuning(small_product=0)
    assert adapt(Tuning(), core="Haswell", l2_bytes=None) == Tuning(small_product=0)


@pytest.mark.parametrize("core", SMALL_KERNEL_CORES)
@pytest.mark.parametrize("l2_bytes", [None, MEASURED_L2_BYTES, 4 * MEASURED_L2_BYTES])
def test_the_measured_constants_hold_for_caches_of_the_measured_size_and_larger(core: str, l2_bytes: int | None) -> None:
    assert adapt(Tuning(), core=core, l2_bytes=l2_bytes) == Tuning()


def test_a_smaller_cache_shrinks_what_has_to_fit_in_it_and_nothing_else() -> None:
    small = adapt(Tuning(), core=SMALL_KERNEL_CORES[0], l2_bytes=MEASURED_L2_BYTES // 4)
    for field in fields(Tuning):
        factor = 4 if field.name in CACHE_SIZES else 1
        assert getattr(small, field.name) == getattr(Tuning(), field.name) // factor or factor == 1
        assert (getattr(small, field.name) == getattr(Tuning(), field.name)) is (factor == 1)


@pytest.mark.parametrize(("size", "expected"), [("512K", 512 << 10), ("2M", 2 << 20), ("12345", 12345)])
def test_the_size_of_the_second_level_cache_is_read_from_linux(size: str, expected: int, tmp_path: Path) -> None:
    write_cache(tmp_path, 0, 1, "32K")
    write_cache(tmp_path, 2, 2, size)
    write_cache(tmp_path, 3, 3, "32768K")
    assert l2_cache_bytes(tmp_path) == expected


def test_a_cache_whose_size_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    assert l2_cache_bytes(tmp_path / "nowhere") is None
    write_cache(tmp_path, 0, 1, "32K")
    assert l2_cache_bytes(tmp_path) is None
    write_cache(tmp_path, 2, 2, "unknown")
    assert l2_cache_bytes(tmp_path) is None


def test_this_machine_is_asked_once() -> None:
    assert tuning.this_machine() is tuning.this_machine()
    assert tuning.this_machine() == adapt(Tuning(), core=blas.core_name(), l2_bytes=l2_cache_bytes())


def test_constants_cannot_be_changed_by_accident() -> None:
    with pytest.raises(FrozenInstanceError):
        tuning.this_machine().tile_columns = 3  # type: ignore[misc]


def test_the_document_names_every_constant() -> None:
    text = DOCUMENT.read_text()
    assert [field.name for field in fields(Tuning) if f"`{field.name}`" not in text] == []


def test_a_machine_without_any_tuning_computes_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def train() -> np.ndarray:
        model = Sequential(ARTICLE, seed=1, dtype="float64")
        model.compile("adam", "binary_crossentropy")
        model.fit(*moons(700), batch_size=300, epochs=3, verbose=0)
        return np.concatenate([weights.ravel() for weights in model.get_weights()])

    tuned = train()
    plain = adapt(Tuning(), core=None, l2_bytes=1 << 16)
    monkeypatch.setattr(tuning, "this_machine", lambda: plain)
    np.testing.assert_allclose(train(), tuned, rtol=0, atol=1e-9)
