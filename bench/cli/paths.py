"""Paths that the command line names. Used by all commands."""

from __future__ import annotations

from pathlib import Path

import typer


def given_path(given: str | Path) -> Path:
    """Return the path that an option or argument names, or that is its default, with `~` and `~user` replaced.

    A shell leaves them as they are in quotes and in `--out=~/mine`, which would make a folder of that name.

    Raises
    ------
    typer.BadParameter
        If it is empty, as a script's is whose variable isn't set, or can't be a path.

    """
    text = str(given)
    if not text.strip():
        raise typer.BadParameter("the path is empty: name a file or folder, '.' for the current folder")
    if text == "-":
        raise typer.BadParameter("the path was '-': it must name a file or folder; type ./- for one of that name")
    if "\0" in text:
        raise typer.BadParameter(f"the path was {text!r}: it can't hold a zero byte")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise typer.BadParameter(f"the path was {text!r}: this machine has no home for {text.partition('/')[0]!r}") from None
