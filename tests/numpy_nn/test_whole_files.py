"""A file is replaced by a whole one or not at all, and a bad one is refused at the cost of its own size."""

import io
import json
import os
import stat
import subprocess
import sys
import threading
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import ARCHITECTURE, moons, refused

from numpy_nn import SGD, Adagrad, Adam, AdamW, RMSprop, Sequential, file_writing, schedules
from numpy_nn.optimizers import Optimizer

X, Y = moons(30)
OPTIMIZERS: list[Callable[[], Optimizer]] = [
    lambda: SGD(0.5),
    lambda: SGD(0.1, momentum=0.9),
    lambda: SGD(0.1, momentum=0.9, nesterov=True),
    lambda: Adam(0.1),
    lambda: Adam(0.1, amsgrad=True),
    lambda: AdamW(0.1, weight_decay=0.25),
    lambda: RMSprop(0.1, momentum=0.5, centered=True),
    lambda: Adagrad(0.1, clipnorm=0.5),
    lambda: Adam(schedules.ExponentialDecay(0.1, 3, 0.5)),
]


def compiled(optimizer: Any = "adam", **settings: Any) -> Sequential:
    model = Sequential(**{"architecture": ARCHITECTURE, "seed": 1, **settings})
    model.compile(optimizer, "binary_crossentropy", ["acc"], weighted_metrics=["mse"])
    return model


# --- what is saved is the model ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("make", OPTIMIZERS, ids=lambda make: repr(make()))
def test_a_training_that_was_saved_in_the_middle_is_that_which_never_stopped(
    make: Callable[[], Optimizer], dtype: str, tmp_path: Path
) -> None:
    architecture = [ARCHITECTURE[0], {"dropout": 0.25}, *ARCHITECTURE[1:]]
    whole, first = (compiled(make(), dtype=dtype, architecture=architecture) for _ in range(2))
    expected = whole.fit(X, Y, batch_size=8, epochs=50, verbose=0).history
    before = first.fit(X, Y, batch_size=8, epochs=23, verbose=0).history
    first.save(tmp_path / "model.npz")
    second = Sequential.load(tmp_path / "model.npz")
    after = second.fit(X, Y, batch_size=8, epochs=50, initial_epoch=23, verbose=0).history
    assert {name: before[name] + after[name] for name in before} == expected
    assert list(expected) == ["acc", "loss", "mse"]
    for weights, others in zip(second.get_weights(), whole.get_weights(), strict=True):
        assert weights.tobytes() == others.tobytes()


@pytest.mark.parametrize("threads", [1, 3, None])
def test_the_number_of_threads_is_saved_where_one_was_asked_for(threads: int | None, tmp_path: Path) -> None:
    compiled(threads=threads).save(tmp_path / "model.npz")
    loaded = Sequential.load(tmp_path / "model.npz")
    assert (loaded.threads, loaded.all_cores) == (compiled(threads=threads).threads, threads is None)


def test_a_file_of_the_first_format_is_still_read(tmp_path: Path) -> None:
    model = compiled(SGD(0.5, momentum=0.5))
    config = {
        "format_version": 1,
        "architecture": ARCHITECTURE,
        "dtype": "float32",
        "seed": 1,
        "compiled": {
            "optimizer": {"name": "sgd", "learning_rate": 0.5, "momentum": 0.5, "nesterov": False},
            "loss": {"name": "binary_crossentropy", "from_logits": False},
            "metrics": ["accuracy"],
        },
    }
    arrays = {f"weight_{number}": weight for number, weight in enumerate(model.get_weights())}
    np.savez(tmp_path / "model.npz", config=np.array(json.dumps(config)), **arrays)  # type: ignore[arg-type]  # as in `serialization`
    loaded = Sequential.load(tmp_path / "model.npz")
    assert loaded.metrics == ["accuracy"]
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert loaded.fit(X, Y, epochs=2, verbose=0).history["loss"] == model.fit(X, Y, epochs=2, verbose=0).history["loss"]


def test_weights_alone_are_saved_and_loaded_also_from_a_model(tmp_path: Path) -> None:
    model, other = compiled(), compiled(seed=2)
    model.save_weights(tmp_path / "weights.npz")
    other.load_weights(tmp_path / "weights.npz")
    np.testing.assert_array_equal(other.predict(X), model.predict(X))
    compiled(seed=3).save(tmp_path / "model.npz")
    other.load_weights(tmp_path / "model.npz")
    np.testing.assert_array_equal(other.predict(X), compiled(seed=3).predict(X))
    with refused("path was", "weights had 6 arrays: there must be 4"):
        Sequential(ARCHITECTURE[:2]).load_weights(tmp_path / "model.npz")
    with refused("path was", "weights.npz", "no part 'config'"):
        Sequential.load(tmp_path / "weights.npz")


@pytest.mark.parametrize("method", ["save", "save_weights"])
def test_what_load_would_refuse_is_not_saved(method: str, tmp_path: Path) -> None:
    model = compiled()
    getattr(model, method)(tmp_path / "model.npz")
    before = (tmp_path / "model.npz").read_bytes()
    model._parameters.vector[3] = np.inf
    with refused("the weights had a value that is not finite, in weight_0"):
        getattr(model, method)(tmp_path / "model.npz")
    assert (tmp_path / "model.npz").read_bytes() == before


# --- whole or not at all ----------------------------------------------------------------------------------------------------------


def test_a_disk_that_is_full_leaves_the_model_of_before(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    compiled().save(path)
    before = path.read_bytes()
    code = (
        "import resource, signal, sys\n"
        "from numpy_nn import Sequential\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))\n"
        "try:\n"
        "    Sequential([{'input_dim': 300, 'output_dim': 300}]).save(sys.argv[1])\n"
        "except OSError as error:\n"
        "    print(error.filename)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_an_interruption_leaves_the_model_of_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.npz"
    compiled().save(path)
    before = path.read_bytes()

    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", interrupted)
    with pytest.raises(KeyboardInterrupt):
        compiled().save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link_and_permissions_stay(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    target, link = tmp_path / "folder" / "target.npz", tmp_path / "link.npz"
    link.symlink_to(target)
    compiled().save(link)  # the target isn't there yet
    target.chmod(0o640)
    compiled(seed=2).save(link)
    assert link.is_symlink()
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    np.testing.assert_array_equal(Sequential.load(target).predict(X), compiled(seed=2).predict(X))
    assert [path.name for path in target.parent.iterdir()] == ["target.npz"]


def test_a_new_file_has_the_permissions_of_any_other(tmp_path: Path) -> None:
    (tmp_path / "any").touch()
    compiled().save(tmp_path / "model.npz")
    assert (tmp_path / "model.npz").stat().st_mode == (tmp_path / "any").stat().st_mode


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a system without named pipes")
def test_a_pipe_and_a_device_are_written_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    content: list[bytes] = []
    reader = threading.Thread(target=lambda: content.append(pipe.read_bytes()))
    reader.start()
    compiled().save(pipe)
    reader.join(30)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    (tmp_path / "model.npz").write_bytes(content[0])
    np.testing.assert_array_equal(Sequential.load(tmp_path / "model.npz").predict(X), compiled().predict(X))
    with monkeypatch.context() as patch:
        patch.setattr(file_writing, "LONGEST_WAIT_SECONDS", 0.05)
        with pytest.raises(OSError, match="nobody reads this pipe"):
            compiled().save(pipe)
    compiled().save("/dev/null")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such pipes and devices")
@pytest.mark.parametrize("name", ["pipe.npz", "pipe.keras", "/dev/zero"])
def test_what_is_no_file_is_not_waited_for(tmp_path: Path, name: str) -> None:
    if name.startswith("pipe"):
        os.mkfifo(tmp_path / name)
    with pytest.raises(ValueError, match="it is no regular file"):
        Sequential.load(tmp_path / name)
    with pytest.raises(ValueError, match="it is no regular file"):
        compiled().load_weights(tmp_path / name)


def test_an_error_names_the_file_that_was_asked_for(tmp_path: Path) -> None:
    for path, kind in ((tmp_path / "absent" / "m.npz", FileNotFoundError), (tmp_path, IsADirectoryError)):
        with pytest.raises(kind) as caught:
            compiled().save(path)
        assert caught.value.filename == str(path)
    with pytest.raises(OSError, match=r"here\.npz"):
        file_writing.write_whole(tmp_path / "here.npz", lambda file: (_ for _ in ()).throw(OSError("no space")))


# --- bad files --------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def parts() -> dict[str, bytes]:
    """The parts of a saved model."""
    stream = io.BytesIO()
    model = compiled()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("numpy_nn.serialization.write_whole", lambda _, write: write(stream))
        model.save("unused")
    with zipfile.ZipFile(stream) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def header(shape: tuple[int, ...], descr: Any = "<f4") -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": descr, "fortran_order": False, "shape": shape})
    return stream.getvalue()


def config_with(parts: dict[str, bytes], **changes: Any) -> bytes:
    config = json.loads(str(np.load(io.BytesIO(parts["config.npy"]))))
    stream = io.BytesIO()
    np.save(stream, np.array(json.dumps({**config, **changes})))
    return stream.getvalue()


WIDE = [{"input_dim": 200_000_000, "output_dim": 5}]
BOMBS: dict[str, tuple[Callable[[dict[str, bytes]], dict[str, bytes]], int]] = {
    "an array that unpacks to much": (lambda p: {**p, "weight_0.npy": header((10**9, 1)) + bytes(10**7)}, zipfile.ZIP_DEFLATED),
    "an array that is said to be large": (lambda p: {**p, "weight_0.npy": header((10**9, 1))}, zipfile.ZIP_STORED),
    "an array without its values": (lambda p: {**p, "weight_0.npy": header((2, 5))}, zipfile.ZIP_STORED),
    "an array with more than its values": (lambda p: {**p, "weight_0.npy": p["weight_0.npy"] + b"x"}, zipfile.ZIP_STORED),
    "a network that is said to be large": (lambda p: {**p, "config.npy": config_with(p, architecture=WIDE)}, zipfile.ZIP_STORED),
    "deep JSON": (
        lambda p: {**p, "config.npy": header((), "<U900000") + ("[" * 900_000).encode("utf-32-le")},
        zipfile.ZIP_STORED,
    ),
    "much text": (lambda p: {**p, "config.npy": header((), "<U9000000") + bytes(36_000_000)}, zipfile.ZIP_STORED),
    "text of no letters": (lambda p: {**p, "config.npy": header((), "<U3") + b"\xff" * 12}, zipfile.ZIP_STORED),
    "objects": (lambda p: {**p, "weight_0.npy": header((2, 5), "|O") + b"\x80\x04N."}, zipfile.ZIP_STORED),
    "a header that is no header": (
        lambda p: {**p, "weight_0.npy": b"\x93NUMPY\x01\x00\x05\x00{[(}\n" + bytes(99)},
        zipfile.ZIP_STORED,
    ),
    "a long header": (lambda p: {**p, "weight_0.npy": b"\x93NUMPY\x02\x00\xff\xff\x0f\x00" + b"(" * 0xFFFFF}, zipfile.ZIP_STORED),
    "another part": (lambda p: {**p, "run.py": b"print()"}, zipfile.ZIP_STORED),
    "a state of another optimizer": (lambda p: {**p, "optimizer_more.npy": p["weight_0.npy"]}, zipfile.ZIP_STORED),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bad_file_is_refused_in_one_line_and_takes_no_memory(bomb: str, parts: dict[str, bytes], tmp_path: Path) -> None:
    change, compression = BOMBS[bomb]
    path = tmp_path / "model.npz"
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in change(parts).items():
            archive.writestr(name, content)
    size = path.stat().st_size
    tracemalloc.start()
    try:
        with refused("path was", "model.npz", "not a model that was saved here") as _:
            Sequential.load(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < size + (20 << 20)


def test_a_bad_file_does_not_speak_of_pickles(parts: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in BOMBS["objects"][0](parts).items():
            archive.writestr(name, content)
    with pytest.raises(ValueError, match="must be real numbers") as caught:
        Sequential.load(path)
    assert "pickle" not in str(caught.value)


def mangled(whole: bytes, number: int) -> bytes:
    """The file cut short, or with some bits flipped."""
    generator = np.random.default_rng(number)
    content = bytearray(whole)
    if number % 4 == 0:
        return whole[: generator.integers(len(whole))]
    for _ in range(1 + number % 3):
        content[generator.integers(len(whole))] ^= 1 << generator.integers(8)
    return bytes(content)


def check_mangled(count: int, path: Path) -> None:
    model = compiled()
    model.fit(X, Y, verbose=0)
    model.save(path)
    whole, expected = path.read_bytes(), model.predict(X).tobytes()
    for number in range(count):
        path.write_bytes(mangled(whole, number))
        message = "path was read"
        try:
            assert Sequential.load(path).predict(X).tobytes() == expected
        except ValueError as error:
            message = str(error)
        assert message.startswith("path was")
        assert "pickle" not in message
        assert "\n" not in message


def test_a_mangled_file_is_refused_or_as_good_as_before(tmp_path: Path) -> None:
    check_mangled(300, tmp_path / "model.npz")


@pytest.mark.slow
def test_ten_thousand_mangled_files_are_refused_or_as_good_as_before(tmp_path: Path) -> None:
    check_mangled(10_000, tmp_path / "model.npz")
