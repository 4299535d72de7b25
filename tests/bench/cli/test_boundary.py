"""The boundary of the command line: every exception becomes one line and an exit code, and a bad screen changes no exit code."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from made_records import make_run

from bench import cli
from bench.__main__ import main as start
from bench.cli import app as application
from bench.cli.boundary import CommandError, exit_with_code_of, known_errors, wrong_use
from bench.cli.exit_codes import ExitCode
from bench.cli.report import print_report
from bench.cli.streams import forgiving_streams
from bench.records import RunData

ROOT = Path(__file__).parents[3]


def end(command, capsys):
    """The exit code of `command`, and what it printed on standard error."""
    with pytest.raises(SystemExit) as ended:
        exit_with_code_of(command)
    return ended.value.code, capsys.readouterr().err


@pytest.fixture(autouse=True)
def temporary_folder(tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def raising(error):
    def command(**_options):
        raise error

    return command


def test_a_command_ends_with_the_code_it_returns(capsys):
    assert end(lambda: ExitCode.NO_VERDICT, capsys) == (4, "")


@pytest.mark.parametrize(
    "error",
    [TypeError("a [bug]\nof two lines"), ValueError("nobody expects me"), SystemExit(1), MemoryError(), BrokenPipeError(32, "x")],
)
def test_an_unforeseen_error_is_one_line_with_code_5_and_names_the_file_of_its_traceback(error, capsys, temporary_folder):
    code, err = end(raising(error), capsys)
    assert code == 5
    assert err.startswith(f"error: unforeseen {type(error).__name__}")
    assert err.count("\n") == 1
    path = Path(err.strip().rpartition("its traceback is in ")[2])
    assert path.parent == temporary_folder
    text = path.read_text(encoding="utf-8")
    assert text.startswith("Traceback (most recent call last):")
    assert "in command\n" in text


def test_where_the_traceback_cannot_be_written_the_line_says_so(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    code, err = end(raising(TypeError("a bug")), capsys)
    assert code == 5
    assert err.startswith("error: unforeseen TypeError: a bug; its traceback could not be written to a file: ")
    assert err.count("\n") == 1


def test_known_errors_have_their_code_and_one_line(capsys):
    def command(**_options):
        with known_errors(ExitCode.NOT_ALL, OSError, prefix="not written: "):
            raise OSError(28, "No space left on device")

    assert end(command, capsys) == (3, "error: not written: No space left on device\n")
    assert end(raising(CommandError("a\nb", ExitCode.WRONG_USE)), capsys) == (2, "error: a b\n")
    assert end(raising(KeyboardInterrupt()), capsys) == (3, "interrupted\n")


def test_only_the_checks_of_the_input_turn_a_value_error_into_wrong_use(capsys):
    def command(**_options):
        with wrong_use():
            raise ValueError("--x was 0")

    assert end(command, capsys) == (2, "error: --x was 0\n")


def test_a_bug_in_a_command_is_unforeseen(monkeypatch, capsys):
    monkeypatch.setattr("bench.selfcheck.doctor.examine", raising(ZeroDivisionError("division by zero")))
    monkeypatch.setattr(sys, "argv", ["bench", "doctor"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 5
    assert "unforeseen ZeroDivisionError: division by zero; its traceback is in " in capsys.readouterr().err


def test_an_import_that_fails_is_unforeseen_too(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "bench.cli.app", None)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 5
    assert "unforeseen ModuleNotFoundError" in capsys.readouterr().err


def process(*arguments, **settings):
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments], cwd=ROOT, text=True, check=False, **{"stderr": subprocess.PIPE, **settings}
    )


@pytest.mark.parametrize("arguments", [["list"], ["--help"], ["--version"]])
def test_a_closed_pipe_costs_what_nobody_reads(arguments):
    reader, writer = os.pipe()
    os.close(reader)
    done = process(*arguments, stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /dev/full")
def test_a_full_device_costs_the_output_and_is_named():
    with Path("/dev/full").open("w") as full:
        done = process("list", stdout=full)
    assert (done.returncode, done.stderr) == (3, "standard output is cut short: No space left on device\n")


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
def test_closed_standard_streams_change_no_exit_code():
    for streams in ("1>&-", "2>&-", "1>&- 2>&-"):
        command = f'"{sys.executable}" -m bench report nowhere {streams}'
        assert subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, check=False).returncode == 2


def test_a_letter_that_a_terminal_does_not_have_is_written_as_an_escape():
    code = "from bench.cli.boundary import exit_with_code_of; exit_with_code_of(lambda: print('±1 µs') or 4)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "ascii:strict"},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (4, rb"\xb11 \xb5s", b"")


def test_the_version_is_printed():
    done = process("--version", stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, env={**os.environ, "PYTHONINSPECT": "1"})
    assert done.returncode == 0  # and not 1, with a traceback of SystemExit
    assert done.stdout.startswith("moons-bench ")


def test_no_command_shows_the_help_and_is_wrong_use():
    done = process(stdout=subprocess.PIPE)
    assert done.returncode == 2
    assert "Usage: python -m bench" in done.stdout


def test_the_help_of_every_command_fits_on_its_line():
    done = process("--help", stdout=subprocess.PIPE, env={**os.environ, "COLUMNS": "80"})
    assert done.returncode == 0
    lines = done.stdout.partition("Commands:")[2].strip().splitlines()
    assert len(lines) == len(application.app.registered_commands)
    assert not any("..." in line for line in lines)
    assert max(map(len, lines)) <= 80


def test_where_standard_output_is_closed_a_command_still_has_one(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    with forgiving_streams() as losses:
        print("nobody reads this, and it is no terminal:", sys.stdout.isatty())
    assert not losses.output_is_cut_short


@pytest.mark.parametrize(
    ("lacks_boundary", "said"),
    [(False, "error: unforeseen OSError: a b; its traceback is in "), (True, "error: the harness can't be started: OSError: a b")],
)
def test_what_fails_before_the_boundary_is_there_has_a_code_of_its_own_too(
    lacks_boundary, said, monkeypatch, temporary_folder, capsys
):
    monkeypatch.setattr("bench.__main__.find_spec", raising_with(OSError("a\nb")))
    if lacks_boundary:
        monkeypatch.setitem(sys.modules, "bench.cli.boundary", None)
    with pytest.raises(SystemExit) as ended:
        start()
    assert ended.value.code == 5
    line = capsys.readouterr().err
    assert line.startswith(said)
    assert line.count("\n") == 1
    assert ["OSError: a" in file.read_text() for file in temporary_folder.iterdir()] == ([] if lacks_boundary else [True])


def raising_with(error):
    def fail(_name):
        raise error

    return fail


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such limits")
@pytest.mark.parametrize(("name", "typed"), [("RLIMIT_AS", "ulimit -v"), ("RLIMIT_DATA", "ulimit -d")])
def test_too_little_memory_is_refused_before_a_library_ends_the_process(name, typed, monkeypatch, capsys):
    import resource

    small = getattr(resource, name)
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (600_000_000 if kind == small else resource.RLIM_INFINITY, 0))
    monkeypatch.setattr(sys, "argv", ["bench", "list"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"error: this process may have 600 MB of memory ({typed}): it needs 1,000 MB\n"


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_what_a_command_writes_it_can_read_again_whatever_the_umask(monkeypatch, tmp_path):
    masks = []
    monkeypatch.setattr("bench.cli.app.run_app", lambda: masks.append(os.umask(0o022)) or 0)
    before = os.umask(0o727)
    with pytest.raises(SystemExit):
        cli.main()
    os.umask(before)
    assert masks == [0o027]


def test_the_path_of_a_report_is_printed_on_one_line(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("bench.report.write_report", lambda *_: "the answer")
    print_report(RunData(tmp_path / "two\nlines\t\x1b[2J", make_run(), []), film=False)
    assert capsys.readouterr().out.splitlines()[-1].endswith(r"two\nlines\t\x1b[2J/index.html, as Markdown: report.md")


INTERRUPTED_IN_EXEC = """
import os, signal, sys, types
def run_app():
    exec("import os, signal; os.kill(os.getpid(), signal.SIGINT)")
sys.modules["bench.cli.app"] = types.SimpleNamespace(run_app=run_app)
from bench.__main__ import main
main()
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_an_interrupt_in_code_that_exec_runs_has_the_exit_code_of_any_other(tmp_path):
    """Python ends itself by SIGINT after one, also where it was handled."""
    (tmp_path / "interrupted.py").write_text(INTERRUPTED_IN_EXEC)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)])}
    command = [sys.executable, "-m", "interrupted"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (3, "interrupted\n")


@pytest.mark.parametrize(("given", "kept"), [("", False), ("9" * 20, False), ("-1", False), ("1700000000", True)])
def test_a_date_of_builds_that_no_library_can_read_is_set_aside(monkeypatch, given, kept):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", given)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    cli._set_libraries()
    assert ("SOURCE_DATE_EPOCH" in os.environ) == kept
