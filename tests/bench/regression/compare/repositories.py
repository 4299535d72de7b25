"""Small git repositories with a copy of `numpy_nn`, for the tests of revisions and commands."""

import os
import shutil
import subprocess
from pathlib import Path

import numpy_nn

PACKAGE = Path(numpy_nn.__file__).parent


def git(folder, *arguments):
    settings = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "protocol.file.allow=always"]
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    done = subprocess.run(
        ["git", "-C", str(folder), *settings, *arguments], capture_output=True, text=True, check=True, env=environment
    )
    return done.stdout


def make_repository(folder):
    """A repository whose only commit, tagged `good`, holds this `numpy_nn`."""
    folder.mkdir()
    git(folder, "init", "-q")
    shutil.copytree(PACKAGE, folder / "numpy_nn", ignore=shutil.ignore_patterns("__pycache__"))
    commit(folder, "good")
    return folder


def commit(folder, tag):
    """Commit everything, and call it `tag`."""
    git(folder, "add", "--all")
    git(folder, "commit", "-q", "--allow-empty", "-m", tag)
    git(folder, "tag", tag)


def edit(folder, file, old, new):
    """Replace `old` by `new` in a file of the working tree's `numpy_nn`; it must be there."""
    path = folder / "numpy_nn" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
