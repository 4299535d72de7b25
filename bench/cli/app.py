"""The Typer application: all commands of `python -m bench`, or `moons-bench` where it is installed.

A command parses words, calls the package that does the work, and returns an exit code. It imports that package when it is called,
so that `--help` answers at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from bench.cli.boundary import CommandError
from bench.cli.exit_codes import ExitCode
from bench.cli.regression import certify, compare, track
from bench.cli.report import agree, export, report
from bench.cli.run import list_, run
from bench.cli.selfcheck import calibrate, doctor
from bench.error_messages import short

DISTRIBUTION = "moons-bench"

INTERRUPTED = 130
"""What Typer makes of a KeyboardInterrupt: no exit code of ours."""

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    invoke_without_command=True,
)
COMMANDS: dict[str, tuple[Callable[..., ExitCode], str]] = {
    "run": (run, "run --quick --out results/mine"),
    "list": (list_, "list"),
    "report": (report, "report results/mine"),
    "agree": (agree, "agree results/mine results/again"),
    "export": (export, "export results/mine csv trials.csv"),
    "compare": (compare, "compare main"),
    "track": (track, "track results/mine"),
    "doctor": (doctor, "doctor"),
    "calibrate": (calibrate, "calibrate --runs 20"),
    "certify": (certify, "certify --share 0.1"),
}
"""By name, each with an example."""
for name, (command, example) in COMMANDS.items():
    app.command(name, epilog=f"Example: python -m bench {example}")(command)


def run_app() -> ExitCode:
    """Call the command that `sys.argv` names."""
    try:
        code = app(prog_name="python -m bench", standalone_mode=False) or ExitCode.FINE
    except typer.TyperException as error:
        raise CommandError(_message(error), ExitCode.WRONG_USE) from error
    except typer.Abort as error:
        raise KeyboardInterrupt from error
    if code == INTERRUPTED:
        raise KeyboardInterrupt
    return ExitCode(code)


def _message(error: typer.TyperException) -> str:
    """What is wrong with the words of the command line; of a value that can't be, with the value."""
    from pydantic import ValidationError

    parameter, cause = getattr(error, "param", None), error.__cause__
    if parameter is None or not isinstance(cause, ValidationError):
        return error.format_message() + _help_on(error)
    mistake = cause.errors(include_url=False)[0]
    if mistake["type"] == "value_error":  # of a check that names the value
        return error.format_message().replace("Value error, ", "", 1)
    name = max(parameter.opts, key=len) if parameter.param_type_name == "option" else parameter.human_readable_name
    return f"{name} was {short(mistake['input'])}: {mistake['msg'].replace('Input should', 'it should', 1)}"


def _help_on(error: typer.TyperException) -> str:
    """Where a command says what it takes, for a word that it doesn't: a workload's name without its option, say."""
    context = getattr(error, "ctx", None)
    if context is None or "extra argument" not in error.format_message():
        return ""
    return f": {context.command_path} --help shows the options that it takes"


@app.callback()
def options(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    """Train the same small network by NumPy alone and by Keras, and measure both."""
    if version:
        from bench import __version__

        print(f"{DISTRIBUTION} {__version__}")
        raise typer.Exit(ExitCode.FINE)
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit(ExitCode.WRONG_USE)
