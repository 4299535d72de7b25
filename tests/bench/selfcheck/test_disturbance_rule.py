import re

import pytest

from bench.execution import turn_rounds
from bench.selfcheck import disturbance_rule


def test_turns_beside_a_process_at_half_load_are_called_disturbed(monkeypatch, capsys):
    monkeypatch.setattr(turn_rounds, "SECONDS_A_CONTESTANT", 1.0)
    monkeypatch.setattr("sys.argv", ["disturbance_rule", "numpy_nn"])
    disturbance_rule.main()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[:2] for line in lines] == [
        [side, f" {name}"] for side in ("nothing beside it", "a process at half load beside it") for name in ("numpy_nn", "all")
    ]
    found = re.search(r"([\d.]+) % of (\d+) turns called disturbed, \w+", lines[-1])
    assert found is not None
    assert float(found[1]) > 90
    assert int(found[2]) > 5


def test_a_contestant_that_there_is_not_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["disturbance_rule", "numpi_nn"])
    with pytest.raises(SystemExit) as ended:
        disturbance_rule.main()
    assert ended.value.code == 2
    assert "numpy_nn" in capsys.readouterr().err
