"""Every job of the project: `nox -l` lists them, bare `nox` runs tests and lint.

Sessions that need the same packages share an environment: `.nox/harness-*` holds the harness, TensorFlow and the test tools,
`.nox/peers-*` every optional contestant beside them. Remove `.nox` to begin anew.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["tests", "lint"]
nox.options.default_venv_backend = "venv"
nox.options.reuse_venv = "yes"
PROJECT = nox.project.load_toml("pyproject.toml")
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "PYTHONHASHSEED": "0"}
PARALLEL = ("--numprocesses=2", "--dist=loadfile", "--benchmark-disable")
COVERAGE_LIMITS = {"numpy_nn": 95, "keras_ref": 90, "bench": 90}
"""Percent of lines and branches, by package."""
NODE_TOOLS = ("axe-core@4", "html-validate@10")
TORCH = os.environ.get("MOONS_BENCH_TORCH", "torch==2.13.0+cpu" if sys.platform == "linux" else "torch")
"""What pip is asked for. On Linux the index' own build brings gigabytes of CUDA; a CPU build has a local version."""


class Shared:
    """An environment that several sessions use."""

    def __init__(self, session: nox.Session, name: str) -> None:
        self._session = session
        self._folder = Path(".nox", f"{name}-{sys.version_info.major}.{sys.version_info.minor}").resolve()
        self._programs = self._folder / ("Scripts" if os.name == "nt" else "bin")

    def install(self, *requirements: str) -> None:
        """Install `requirements`, in a new environment if need be; what was installed for this pyproject.toml is left as it is."""
        wanted = "\n".join([Path("pyproject.toml").read_text(encoding="utf-8"), *requirements])
        done = self._folder / f"installed-{hashlib.sha256(wanted.encode()).hexdigest()[:16]}"
        if done.exists():
            return
        if not self._folder.exists():
            self._session.run_install(sys.executable, "-m", "venv", str(self._folder), external=True, silent=True)
        pip = [self._python, "-m", "pip", "install", "--disable-pip-version-check"]
        self._session.run_install(*pip, *requirements, external=True, silent=True)
        done.touch()

    def python(self, *arguments: str) -> None:
        """Run its Python; its programs come first on the path."""
        path = os.pathsep.join([str(self._programs), os.environ.get("PATH", "")])
        self._session.run(self._python, *arguments, env={**QUIET, "PATH": path}, external=True)

    @property
    def _python(self) -> str:
        return str(self._programs / ("python.exe" if os.name == "nt" else "python"))


def harness(session: nox.Session, *groups: str) -> Shared:
    """The project as it stands here, editable, with the harness' dependencies and the tools of `groups`."""
    shared = Shared(session, "harness")
    shared.install("-e", ".[bench]", *nox.project.dependency_groups(PROJECT, *groups))
    return shared


def peers(session: nox.Session) -> Shared:
    """The harness with every optional contestant that can be had, and the test tools."""
    shared = Shared(session, "peers")
    try:
        shared.install(TORCH)
    except nox.command.CommandFailed:
        session.warn(f"pip finds no {TORCH}: PyTorch is left out. Set MOONS_BENCH_TORCH to what pip is to install in its place")
    shared.install("-e", ".[bench,jax,onnx,parquet]", *nox.project.dependency_groups(PROJECT, "test"))
    return shared


@nox.session(venv_backend="none")
def tests(session: nox.Session) -> None:
    """Run the tests; arguments go to pytest."""
    harness(session, "test").python("-m", "pytest", *PARALLEL, *session.posargs)


@nox.session(venv_backend="none")
def fuzz(session: nox.Session) -> None:
    """Give every reader changed files, for FUZZ_SECONDS (60) each: `FUZZ_SECONDS=3600 nox -s fuzz -- -k csv` for an hour of one."""
    os.environ.setdefault("FUZZ_SECONDS", "60")
    harness(session, "test").python("-m", "pytest", "tests/fuzz", *PARALLEL, *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, format, types, and the design's import rules; TensorFlow isn't needed for any of them."""
    extras = PROJECT["project"]["optional-dependencies"]
    light = [requirement for requirement in extras["bench"] if not requirement.startswith("tensorflow")]
    session.install(*PROJECT["project"]["dependencies"], *light, *nox.project.dependency_groups(PROJECT, "lint", "test"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy", "--strict", "numpy_nn", "keras_ref", "bench")
    session.run("lint-imports")
    workflows = [str(path) for path in sorted(Path(".github/workflows").glob("*.yml"))]
    session.run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows)
    actions = [str(path) for path in sorted(Path(".github/actions").glob("*/action.yml"))]
    session.run("check-jsonschema", "--builtin-schema", "vendor.github-actions", *actions)
    session.run("check-jsonschema", "--builtin-schema", "vendor.dependabot", ".github/dependabot.yml")


@nox.session(venv_backend="none", default=False)
def browser(session: nox.Session) -> None:
    """Open the report's page in headless Chromium: no error, no request, no violation of accessibility. Needs Chromium and npm."""
    shared = harness(session, "test", "browser")
    tools = Path(".nox", "browser-tools").resolve()
    session.run("npm", "install", "--prefix", str(tools), "--no-audit", "--no-fund", *NODE_TOOLS, external=True, silent=True)
    os.environ["MOONS_BENCH_NODE_MODULES"] = str(tools / "node_modules")
    shared.python("-m", "pytest", "-m", "browser", "tests/browser", *session.posargs)


@nox.session(venv_backend="none")
def bench(session: nox.Session) -> None:
    """The main job: measure, and write the report into results/latest; arguments go to `python -m bench run`."""
    harness(session).python("-m", "bench", "run", *session.posargs)


@nox.session(venv_backend="none", default=False)
def bench_peers(session: nox.Session) -> None:
    """The main job with every optional contestant; arguments go to `python -m bench run`."""
    peers(session).python("-m", "bench", "run", *session.posargs)


@nox.session(venv_backend="none", default=False)
def report(session: nox.Session) -> None:
    """Make the report of a run again: `nox -s report -- DIR`."""
    harness(session).python("-m", "bench", "report", *(session.posargs or ["results/latest"]))


@nox.session(venv_backend="none", default=False)
def regress(session: nox.Session) -> None:
    """Is `numpy_nn` slower here than at BASE, or broken? `nox -s regress -- BASE [HEAD]` fails on nothing else but wrong use."""
    is_given = any(word.startswith("--fail-on") for word in session.posargs)
    harness(session).python("-m", "bench", "compare", *([] if is_given else ["--fail-on", "regressed,broken"]), *session.posargs)


@nox.session(venv_backend="none", default=False)
def coverage_of_compare(session: nox.Session) -> None:
    """Which public functions may become a tenth slower without `compare` noticing, in half an hour; `-- --help` has options."""
    harness(session, "test").python("tests/bench/regression/compare/coverage_of_compare.py", *session.posargs)


@nox.session(venv_backend="none", default=False)
def micro(session: nox.Session) -> None:
    """The benchmarks of `numpy_nn` under pytest-benchmark, with `-- --codspeed` under pytest-codspeed; arguments go to pytest."""
    groups = ("test", "codspeed") if "--codspeed" in session.posargs else ("test",)
    harness(session, *groups).python("-m", "pytest", "bench/micro", *session.posargs)


@nox.session(venv_backend="none", default=False)
def coverage(session: nox.Session) -> None:
    """Lines and branches that the tests reach, by package, with every optional contestant; fails below COVERAGE_LIMITS."""
    shared = peers(session)
    shared.install(*nox.project.dependency_groups(PROJECT, "coverage"))
    shared.python("-m", "coverage", "erase")
    shared.python("-m", "coverage", "run", "-m", "pytest", *PARALLEL, *session.posargs)
    shared.python("-m", "coverage", "combine", "--quiet")
    for package, percent in COVERAGE_LIMITS.items():
        shared.python("-m", "coverage", "report", f"--include={package}/*", f"--fail-under={percent}")


@nox.session(venv_backend="none", default=False)
def mutation(session: nox.Session) -> None:
    """Mutants of the network's parts that no test finds, by mutmut, in a folder of its own: hours; arguments choose mutants."""
    shared = harness(session, "test", "mutation")
    shared.python("-m", "mutmut", "run", "--max-children", "2", *session.posargs)
    shared.python("-m", "mutmut", "results")


@nox.session(venv_backend="none", default=False)
def tests_peers(session: nox.Session) -> None:
    """Run the tests of the contestants with JAX, PyTorch and ONNX Runtime; arguments go to pytest."""
    folders = ["tests/bench/contestants", "tests/bench/execution"]
    peers(session).python("-m", "pytest", *PARALLEL, *(session.posargs or folders))


@nox.session(default=False)
def lowest(session: nox.Session) -> None:
    """Run the tests on the lowest versions that pyproject.toml allows (Python 3.11 has wheels of all of them)."""
    session.install("uv")
    python = str(Path(session.bin, "python"))
    session.run_install(
        *["uv", "pip", "install", "--python", python, "--resolution", "lowest-direct"],
        *["--editable", ".[bench]", "--group", "test"],
        silent=True,
    )
    session.run("python", "-m", "pytest", *PARALLEL, *session.posargs, env=QUIET)


@nox.session(default=False, reuse_venv=False)
def package(session: nox.Session) -> None:
    """Install this folder in an empty environment: `numpy_nn` comes with NumPy alone and works, and mypy sees its types."""
    session.install(".")
    session.run("python", "-P", "tests/packaging/installed_alone.py")
    session.install("mypy")
    session.run("python", "-P", "-m", "mypy", "--strict", "--cache-dir", os.devnull, "tests/packaging/typed_script.py")
