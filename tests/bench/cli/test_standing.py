"""How a run stands is said after each launch, and found anew only as often as takes a small share of the time."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.cli.run import STANDING_SHARE, Standing
from bench.records import RunData, RunReader


class _Reader(RunReader):
    def __init__(self) -> None:
        super().__init__(Path())
        self.reads = 0

    def read(self) -> RunData:
        self.reads += 1
        return RunData(Path(), None, [])  # type: ignore[arg-type]


@pytest.mark.parametrize(("seconds", "reads"), [(0.0, 100), (0.02, 50), (1.0, 2)])
def test_the_longer_it_takes_the_more_seldom_it_is_found(monkeypatch: pytest.MonkeyPatch, seconds: float, reads: int) -> None:
    now, reader = [0.0], _Reader()

    def ratios(data: RunData) -> list[str]:
        now[0] += seconds
        return [f"look {reader.reads}"]

    monkeypatch.setattr("bench.analysis.precision.headline_ratios", ratios)
    monkeypatch.setattr("bench.report.plain_text.standing", lambda found: found[0])
    standing = Standing(reader, lambda: now[0])
    for launch in range(100):
        now[0] = max(now[0], launch * 0.51)
        assert standing() == f"look {reader.reads}"
    assert reader.reads == pytest.approx(reads, abs=2)
    assert reader.reads * seconds <= 1.1 * now[0] / STANDING_SHARE + seconds
