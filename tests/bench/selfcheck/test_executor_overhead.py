import importlib
import re
import sys

import pytest

from bench.selfcheck import executor_overhead


def test_each_kind_of_trial_has_its_overhead(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["executor_overhead"])
    monkeypatch.setattr(executor_overhead, "measure", lambda *given, measure=executor_overhead.measure: measure(*given, trials=2))
    executor_overhead.main()
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["local, scored", "local, predict"]
    assert all(0 < float(re.search(r": ([\d.]+) ms a trial", line)[1]) < 1000 for line in lines)


@pytest.mark.parametrize("tool", ["executor_overhead", "disturbance_rule"])
def test_the_tools_that_are_no_commands_have_a_help(tool, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [tool, "--help"])
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(f"bench.selfcheck.{tool}").main()
    assert not ended.value.code
    assert f"python -m bench.selfcheck.{tool}" in capsys.readouterr().out
