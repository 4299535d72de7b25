"""How a Python process of this project's own is started: its command, its environment, and the path to this code.

Called by whatever starts workers, checks of contestants and launches of a comparison. Standard library only: a worker has it too.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO

CODE_FOLDER = Path(__file__).resolve().parents[1]
"""The folder that holds `bench`, `numpy_nn` and `keras_ref`: a checkout, or an environment's `site-packages`."""
KEPT = frozenset(
    (
        *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP", "XDG_CACHE_HOME", "VIRTUAL_ENV"),
        *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "TF_CPP_MIN_LOG_LEVEL", "OPENBLAS_CORETYPE"),
        *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA"),
    )
)
"""The variables of the user's that a child gets: where things are, and which hardware is used."""
KEPT_BEGINNINGS = ("LC_", "COVERAGE_")
"""The same, by how a name begins; COVERAGE_ has coverage.py measure children too, and is only set while it does."""
TELLING_BEGINNINGS = (
    *("PYTHON", "KERAS", "TF_", "XLA_", "JAX_", "TORCH", "CUDA", "OMP_", "OPENBLAS", "MKL_", "BLIS_", "VECLIB_", "NUMEXPR_"),
    *("GOMP_", "KMP_", "LD_", "DYLD_", "MALLOC_", "ONEDNN", "NPROC", "NUMPY_", "NPY_"),
)
"""Of the variables that a child doesn't get, those that begin so are named in the record, never with their values."""

OF_A_HOOK = frozenset(
    f"GIT_{name}"
    for name in (
        *("DIR", "WORK_TREE", "INDEX_FILE", "INDEX_VERSION", "PREFIX", "COMMON_DIR", "OBJECT_DIRECTORY", "NAMESPACE"),
        *("IMPLICIT_WORK_TREE", "GRAFT_FILE", "SHALLOW_FILE", "CEILING_DIRECTORIES", "QUARANTINE_PATH"),
        *("ALTERNATE_OBJECT_DIRECTORIES", "LITERAL_PATHSPECS", "GLOB_PATHSPECS", "NOGLOB_PATHSPECS", "ICASE_PATHSPECS"),
    )
)
"""What git tells its hooks, and an editor or a script its children: of the repository that they run for, which may be another."""
GIT_SECONDS = 10.0


def git_answer(folder: Path, *arguments: str) -> str | None:
    """What a git command that changes nothing says in `folder`; None if git is missing, fails, or takes longer than `GIT_SECONDS`.

    An argument that comes from elsewhere belongs behind `--end-of-options`: `--output=FILE` would have git write a file.
    """
    import subprocess  # not above: workers load this module too, and start nothing

    command = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
    environment = {name: value for name, value in os.environ.items() if name not in OF_A_HOOK}
    none = subprocess.DEVNULL
    try:
        done = subprocess.run(
            command, env=environment, timeout=GIT_SECONDS, check=True, stdin=none, stdout=subprocess.PIPE, stderr=none
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return done.stdout.decode(errors="replace").strip()


def python_command(module: str) -> list[str]:
    """The command that runs `module` as a program.

    `-P` keeps the current folder off the search path: else an installed harness that is called inside a checkout would measure
    the checkout's code under its own name.
    """
    return [sys.executable, "-P", "-m", module]


def search_path(environment: Mapping[str, str]) -> dict[str, str]:
    """`PYTHONPATH` of a child: this code first, then whatever absolute folders `environment` has.

    The other folders stay, since this process has found its packages by them. A relative one would be another folder in every
    current folder.
    """
    others = [folder for folder in environment.get("PYTHONPATH", "").split(os.pathsep) if Path(folder).is_absolute()]
    return {"PYTHONPATH": os.pathsep.join([str(CODE_FOLDER), *others])}


def clean_environment(base: Mapping[str, str]) -> dict[str, str]:
    """The environment of a child: what it needs of `base`, and `search_path`; no other setting of Python or of a library."""
    return {name: value for name, value in base.items() if _is_kept(name)} | search_path(base)


def dropped_variables(base: Mapping[str, str]) -> list[str]:
    """The names of the variables in `base` that would change what a child does, and that it doesn't get."""
    return sorted(name for name in base if name.startswith(TELLING_BEGINNINGS) and not _is_kept(name) and name != "PYTHONPATH")


def _is_kept(name: str) -> bool:
    return name.upper() in KEPT or name.startswith(KEPT_BEGINNINGS)


def signal_name(number: int) -> str:
    """A signal by its name, or by its number where it has none, as real-time signals don't."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def die_with_parent(parent: int | None = None) -> None:
    """Have the system kill this process when its parent dies, in whatever way; only on Linux.

    Parameters
    ----------
    parent
        The id of the parent, where that has told it; by default whoever is the parent now.

    """
    if sys.platform != "linux":
        return
    parent = os.getppid() if parent is None else parent
    _prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG, linux/prctl.h
    if os.getppid() != parent:  # the parent died before the call
        os.kill(os.getpid(), signal.SIGKILL)


def adopt_orphans() -> None:
    """Become the parent of processes whose own parent, a child of this process, has ended; only on Linux."""
    if sys.platform == "linux":
        _prctl(36, 1)  # PR_SET_CHILD_SUBREAPER


def _prctl(option: int, value: int) -> None:
    import ctypes

    ctypes.CDLL(None).prctl(option, value)


def take_over_standard_streams(descriptor: int = 1) -> tuple[IO[str], int]:
    """Move standard input, and the descriptor for answers, to descriptors of their own.

    What libraries print then goes to standard error, and can't be mistaken for an answer; what they read is empty.

    Returns
    -------
    tuple
        The requests, and the descriptor of the answers.

    """
    requests = os.fdopen(os.dup(0), "r", encoding="utf-8")
    answers = os.dup(descriptor)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    if descriptor > 2:
        os.close(descriptor)
    return requests, answers
