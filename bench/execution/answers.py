"""A worker's answers on their way to the runner: frames on a pipe of their own, which say which request they are for.

A frame is a length of eight bytes and as many bytes of JSON: an object with the request's `id`, the worker's `pid`, and `figures`,
an `error` or a `mark`. Standard library only: a worker has it too.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any

MOST_ANSWER_BYTES = 1 << 28
"""An answer with the predictions of ten million rows has about as many."""
_LENGTH = struct.Struct("!Q")


class AnswerError(Exception):
    """What was read is no answer of this worker to this request; the message says what it is."""


@dataclass
class Answers:
    """The worker's end of the pipe."""

    descriptor: int
    request_id: str = ""
    """Of the request that is answered now."""
    pid: int = field(default_factory=os.getpid)

    def send(self, fields: dict[str, Any]) -> None:
        """Send an object; a copy of this process, forked by a contestant, sends its own ID with it and ends."""
        data = json.dumps({"id": self.request_id, "pid": os.getpid(), **fields}).encode()
        frame = memoryview(_LENGTH.pack(len(data)) + data)
        while frame:
            frame = frame[os.write(self.descriptor, frame) :]
        if os.getpid() != self.pid:
            os._exit(0)


def frames(stream: IO[bytes]) -> Iterator[bytes | AnswerError]:
    """Yield the bytes of each frame, until the stream ends; an AnswerError in place of what is no frame, and then no more."""
    while len(header := stream.read(_LENGTH.size)) == _LENGTH.size:
        (length,) = _LENGTH.unpack(header)
        if length > MOST_ANSWER_BYTES:
            yield AnswerError(f"the worker's answer was said to have {length} bytes: it may have {MOST_ANSWER_BYTES}")
            return
        data = stream.read(length)
        if len(data) < length:
            return
        yield data


def fields_of(data: bytes, request_id: str, pid: int | None) -> dict[str, Any]:
    """Return the object in a frame, its texts fit to be written.

    Raises
    ------
    AnswerError
        If it isn't the answer of the process `pid` to this request.

    """
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError):
        raise AnswerError("the worker's answer is no JSON") from None
    if not isinstance(fields, dict) or fields.get("id") != request_id:
        raise AnswerError("the worker sent an answer of another request, as a copy of its process does that was forked in a trial")
    if pid is not None and fields.get("pid") != pid:
        raise AnswerError("the answer came from a copy of the worker's process, which was forked in the trial")
    if not ({"figures", "error", "mark"} & fields.keys()):
        raise AnswerError("the worker's answer has neither figures nor an error")
    cleaned: dict[str, Any] = _writable(fields) if b"\\ud" in data else fields
    return cleaned


def _writable(value: Any) -> Any:
    """The same value, with each half of a surrogate pair escaped: no file in UTF-8 can hold one."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, list):
        return [_writable(part) for part in value]
    if isinstance(value, dict):
        return {_writable(name): _writable(part) for name, part in value.items()}
    return value
