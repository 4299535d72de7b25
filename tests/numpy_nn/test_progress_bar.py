"""What `fit`, `evaluate` and `predict` print."""

import io
import re
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from cases import ARCHITECTURE, moons

from numpy_nn import Sequential
from numpy_nn.callbacks.progress import Progress

X, Y = moons(50)


class Terminal(io.TextIOWrapper):
    """A terminal that keeps what is written."""

    def __init__(self, encoding: str) -> None:
        super().__init__(io.BytesIO(), encoding=encoding)

    def isatty(self) -> bool:
        return True

    def text(self) -> str:
        self.flush()
        return self.buffer.getvalue().decode(self.encoding)  # type: ignore[attr-defined]  # the BytesIO


def compiled() -> Sequential:
    model = Sequential(ARCHITECTURE, seed=1)
    model.compile("sgd", "binary_crossentropy", ["accuracy"])
    return model


def seconds(*moments: float) -> Iterator[float]:
    yield from moments


LOGS = r"accuracy: \d\.\d{4} - loss: \d\.\d{4}"


def test_a_bar_an_epoch_below_its_number(capsys: pytest.CaptureFixture[str]) -> None:
    compiled().fit(X, Y, epochs=2, validation_split=0.2)
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("Epoch")] == ["Epoch 1/2", "Epoch 2/2"]
    assert re.fullmatch(rf"2/2 ━{{20}} 0s \d+[mu]s/step - {LOGS} - val_accuracy: .* - val_loss: .*", lines[1])
    assert len(lines) == 4


def test_a_line_without_a_bar(capsys: pytest.CaptureFixture[str]) -> None:
    compiled().fit(X, Y, verbose=2)
    assert re.fullmatch(rf"Epoch 1/1\n2/2 - 0s - \d+[mu]s/step - {LOGS}\n", capsys.readouterr().out)


@pytest.mark.parametrize("verbose", [1, "auto"])
def test_evaluate_prints_what_it_gives_and_predict_how_long_it_took(verbose: int | str, capsys: pytest.CaptureFixture[str]) -> None:
    compiled().evaluate(X, Y, verbose=verbose)
    assert re.fullmatch(rf"2/2 ━{{20}} 0s \d+[mu]s/step - {LOGS}\n", capsys.readouterr().out)
    compiled().predict(X, 10, 1)
    assert re.fullmatch(r"5/5 ━{20} 0s \d+[mu]s/step\n", capsys.readouterr().out)


def test_silence_is_silent_and_predict_is_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    model = compiled()
    model.fit(X, Y, verbose=0)
    model.evaluate(X, Y, verbose=0)
    model.predict(X)
    model(X)
    model.train_on_batch(X, Y)
    model.test_on_batch(X, Y)
    assert capsys.readouterr().out == ""


def test_a_terminal_shows_the_time_that_is_left_and_then_the_time_it_took(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal("utf-8")
    monkeypatch.setattr(sys, "stdout", terminal)
    progress = Progress(200, 1, clock=seconds(0, 0.05, 100, 100, 5000).__next__)
    assert not progress.is_due()
    assert progress.is_due()
    progress.draw(100, {"loss": 0.5})
    progress.finish({"loss": 0.00025})
    assert terminal.text() == (
        "\r100/200 ━━━━━━━━━━────────── 1:40 1s/step - loss: 0.5000"
        "\r200/200 ━━━━━━━━━━━━━━━━━━━━ 1:23:20 25s/step - loss: 2.5000e-04\n"
    )


class Log:
    """An output of a program's own, that has but one method."""

    def __init__(self) -> None:
        self.write = (written := []).append
        self.written = written


@pytest.mark.parametrize("output", [None, Log()])
def test_no_output_and_one_that_can_only_be_written_into_stop_no_training(
    output: Log | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y = moons(20)
    model = Sequential(ARCHITECTURE, seed=1)
    model.compile(loss="binary_crossentropy")
    monkeypatch.setattr(sys, "stdout", output)
    model.fit(x, y, epochs=2)
    model.evaluate(x, y, verbose=2)
    if output is not None:
        assert "Epoch 2/2" in "".join(output.written)


def test_a_terminal_without_the_letters_gets_others(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal("ascii")
    monkeypatch.setattr(sys, "stdout", terminal)
    Progress(4, 1, clock=seconds(0, 0.5).__next__).finish({})
    assert terminal.text() == "\r4/4 ==================== 0s 125ms/step\n"


@pytest.mark.parametrize("shuffle", [False, True])
def test_what_a_terminal_shows_on_the_way_changes_nothing(shuffle: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = compiled().fit(X, Y, batch_size=3, epochs=3, shuffle=shuffle, verbose=0).history
    terminal = Terminal("utf-8")
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setattr("numpy_nn.callbacks.progress.REFRESH_SECONDS", 0.0)
    model = compiled()
    assert model.fit(X, Y, batch_size=3, epochs=3, shuffle=shuffle, verbose=1).history == expected
    lines = terminal.text().split("\r")
    assert sum(" 9/17 " in line for line in lines) == 3
    assert np.isfinite(model.predict(X)).all()
