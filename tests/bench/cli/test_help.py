import pytest
import typer
from typer.testing import CliRunner

from bench.cli.app import COMMANDS, app
from bench.contestants.registry import CONTESTANTS
from bench.micro.suite import BENCHMARKS, PROCESS_BENCHMARKS
from bench.regression.compare.comparison import BUDGET_SECONDS, TOLERANCE
from bench.workloads.builtin import WORKLOADS


def printed(*words):
    done = CliRunner().invoke(app, words, env={"COLUMNS": "80"})
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_has_an_example_and_fits_eighty_columns(command):
    text = printed(command, "--help")
    assert f"Example: python -m bench {command}" in text
    assert "`" not in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("command", COMMANDS)
def test_the_example_of_every_command_is_one_that_its_options_allow(command):
    _, example = COMMANDS[command]
    name, *arguments = example.split()
    assert name == command
    assert typer.main.get_command(app).commands[name].make_context(name, arguments).command.name == command


def test_every_option_that_takes_names_says_where_they_are_found():
    for command in typer.main.get_command(app).commands.values():
        for option in command.params:
            if option.metavar in ("NAME", "NAMES") and option.name != "package":
                assert "python -m bench list" in option.help, (command.name, option.name)


def test_a_folder_is_a_dir_and_a_file_a_file_in_the_help_of_every_command():
    words = {"DIR": "folder", "FILE": "file", "PATH": "file or folder"}
    for command in typer.main.get_command(app).commands.values():
        for option in command.params:
            assert words.get(option.metavar, "") in option.help.lower(), (command.name, option.name)
            assert (option.metavar == "PATH") is (words["PATH"] in option.help.lower()), (command.name, option.name)


def test_the_help_of_compare_has_the_defaults_that_count():
    text = " ".join(printed("compare", "--help").split())
    assert f"Default: {100 * TOLERANCE:g}." in text
    assert f"Default: {BUDGET_SECONDS:g}." in text


def test_the_list_has_every_name_and_fits_eighty_columns_but_for_what_is_to_be_typed():
    lines = printed("list").splitlines()
    named = {line.split()[0] for line in lines if line.startswith("  ") and line[2] != " "}
    assert named == {*WORKLOADS, *CONTESTANTS, *BENCHMARKS, *PROCESS_BENCHMARKS}
    assert not any("`" in line for line in lines)
    assert not [line for line in lines if len(line) > 80 and "pip install" not in line]
