"""Paths that the command line names. Used by all commands."""

from __future__ import annotations

import os
from pathlib import Path

import typer


def given_path(given: str | Path) -> Path:
    """Return the path that an option or argument names, or that is its default, with `~` and `~user` replaced.

    A shell leaves them as they are in quotes and in `--out=~/mine`, which would make a folder of that name.

    Raises
    ------
    typer.BadParameter
        If it is empty, as a script's is whose variable isn't set, begins with a hyphen, or can't be a path.

    """
    text = str(given)
    if not text.strip():
        raise typer.BadParameter("the path is empty: name a file or folder, '.' for the current folder")
    if text.startswith("-"):  # standard input or output elsewhere, or the next option, where this one's value was forgotten
        raise typer.BadParameter(f"the path was {text!r}: it must name a file or folder; type ./{text} for one of that name")
    if "\0" in text:
        raise typer.BadParameter(f"the path was {text!r}: it can't hold a zero byte")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise typer.BadParameter(f"the path was {text!r}: this machine has no home for {text.partition('/')[0]!r}") from None


def given_file(given: str | Path) -> Path:
    """Return the path of a file to write, as `given_path` does.

    Raises
    ------
    typer.BadParameter
        Also if it ends in a slash, as a folder's does, into which `cp` and others would write a file.

    """
    text = str(given)
    if text.endswith((os.sep, os.altsep or os.sep)):
        raise typer.BadParameter(f"the path was {text!r}: it ends as a folder's, and must name the file to write")
    return given_path(given)
