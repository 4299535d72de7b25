"""Every job of the project, each in an environment of its own: `nox -l` lists them, bare `nox` runs tests and lint."""

from __future__ import annotations

import os
from pathlib import Path

import nox

nox.options.sessions = ["tests", "lint"]
nox.options.default_venv_backend = "venv"
nox.options.reuse_existing_virtualenvs = True
PROJECT = nox.project.load_toml("pyproject.toml")
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "PYTHONHASHSEED": "0"}


def install(session: nox.Session, *groups: str) -> None:
    """The project as it stands here, editable, and the tools of `groups`."""
    session.install("-e", ".", *nox.project.dependency_groups(PROJECT, *groups))


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests; arguments go to pytest."""
    install(session, "test")
    session.run("pytest", "--numprocesses=2", "--dist=loadfile", "--benchmark-disable", *session.posargs, env=QUIET)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Give every reader of files changed ones, for a minute each: `FUZZ_SECONDS=3600 nox -s fuzz -- -k csv` for an hour of one."""
    install(session, "test")
    seconds = os.environ.get("FUZZ_SECONDS", "60")
    session.run("pytest", "tests/fuzz", "--numprocesses=2", *session.posargs, env={**QUIET, "FUZZ_SECONDS": seconds})


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, format, types, and the design's import rules; TensorFlow isn't needed for any of them."""
    light = [requirement for requirement in PROJECT["project"]["dependencies"] if not requirement.startswith("tensorflow")]
    session.install(*light, *nox.project.dependency_groups(PROJECT, "lint", "test"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy", "--strict", "numpy_nn", "keras_ref", "bench")
    session.run("lint-imports")
    workflows = [str(path) for path in sorted(Path(".github/workflows").glob("*.yml"))]
    session.run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows)


@nox.session
def bench(session: nox.Session) -> None:
    """The main job: measure, and write the report into results/latest; arguments go to `python -m bench run`."""
    install(session)
    session.run("python", "-m", "bench", "run", *session.posargs, env=QUIET)


@nox.session
def report(session: nox.Session) -> None:
    """Make the report of a run again: `nox -s report -- DIR`."""
    install(session)
    session.run("python", "-m", "bench", "report", *(session.posargs or ["results/latest"]), env=QUIET)


@nox.session
def regress(session: nox.Session) -> None:
    """Is `numpy_nn` slower here than at BASE? `nox -s regress -- BASE [HEAD]`."""
    install(session)
    session.run("python", "-m", "bench", "compare", *session.posargs, env=QUIET)


@nox.session
def micro(session: nox.Session) -> None:
    """The pytest-benchmark suite; arguments go to pytest."""
    install(session, "test")
    session.run("pytest", "bench/micro", *session.posargs, env=QUIET)
