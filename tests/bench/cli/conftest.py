"""The command line in this process, for tests that change something in it."""

import signal
import sys

import pytest

from bench import cli


@pytest.fixture
def call(monkeypatch, capsys, tmp_path):
    """`call("run", ...)`: the exit code, what was printed and what was complained of, as a user in an empty folder has them."""
    monkeypatch.chdir(tmp_path)
    before = signal.getsignal(signal.SIGTERM)

    def calling(*words):
        monkeypatch.setattr(sys, "argv", ["bench", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        output = capsys.readouterr()
        return ended.value.code, output.out, output.err

    yield calling
    signal.signal(signal.SIGTERM, before)
