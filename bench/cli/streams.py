"""Standard output and standard error on which a write never fails: what can't be shown is lost, and the command goes on.

Used by `boundary`. A reader that closes its pipe, a terminal without some letter or a full disk must not change an exit code.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO


@dataclass
class Losses:
    """What could not be shown: known when the block has ended."""

    output_is_cut_short: bool = False


class _ForgivingFile(io.FileIO):
    """A file descriptor that goes to the null device once a write to it has failed."""

    failure: OSError | None = None

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            self.failure = error
            null_device = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null_device, self.fileno())
            os.close(null_device)
            return len(data)


@contextmanager
def forgiving_streams() -> Iterator[Losses]:
    """Replace `sys.stdout` and `sys.stderr` for the block.

    A closed pipe is silent; any other failure of standard output is named on standard error afterwards, and in what the block gets.
    Letters that the stream's encoding doesn't have are written as escapes.
    """
    before = sys.stdout, sys.stderr
    output, output_file = _forgiving(sys.stdout)
    errors, _ = _forgiving(sys.stderr)
    sys.stdout, sys.stderr = output, errors
    losses = Losses()
    try:
        yield losses
    finally:
        output.flush()
        if output_file is not None and output_file.failure and not isinstance(output_file.failure, BrokenPipeError):
            losses.output_is_cut_short = True
            print(f"standard output is cut short: {output_file.failure.strerror}", file=errors)
        errors.flush()
        sys.stdout, sys.stderr = before
        for stream, closed in zip((output, errors), before, strict=True):
            if closed is None:
                stream.close()


def open_closed_descriptors() -> None:
    """Put the null device where standard input, output or errors are closed: the next file that is opened would get that place.

    What a library prints would then be written into a record, and a child process would be given that file as its output.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest number that is free


def _forgiving(stream: TextIO | None) -> tuple[TextIO, _ForgivingFile | None]:
    """`stream` on a forgiving file; as it is where it has no descriptor, as a test's own; the null device where it is closed."""
    if stream is None:
        return Path(os.devnull).open("w", encoding="utf-8"), None
    try:
        descriptor = stream.fileno()
    except (AttributeError, OSError, ValueError):
        return stream, None
    stream.flush()
    if os.name == "nt" and stream.isatty():  # a console has a raw file of its own, which takes any letter
        return stream, None
    file = _ForgivingFile(descriptor, "w", closefd=False)
    line_buffering = bool(getattr(stream, "line_buffering", False))
    text = io.TextIOWrapper(io.BufferedWriter(file), stream.encoding, "backslashreplace", line_buffering=line_buffering)
    return text, file
