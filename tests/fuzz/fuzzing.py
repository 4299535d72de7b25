"""Gives a reader valid files with changes, one after another: each is read or refused in one line, soon and with little memory.

`FUZZ_SECONDS` is the time of each reader: a second in the tests, a minute in `nox -s fuzz`, an hour by hand; `FUZZ_SEED` the seed.
"""

from __future__ import annotations

import os
import random
import signal
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

SECONDS = float(os.environ.get("FUZZ_SECONDS", "1"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
LEAST_CASES = 20
LONGEST_SECONDS = 5.0
MOST_BYTES = 200_000_000


def fuzz(
    path: Path,
    make: Callable[[random.Random], bytes | str],
    read: Callable[[Path], object],
    *refusals: type[Exception],
    seconds: float = SECONDS,
) -> int:
    """Check that `read` reads the valid file at `path`, and that it reads or refuses changed ones; return how many it refused.

    Every case is drawn from a seed of its own, which a failure names.
    """
    count = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read(path)
    end, number = time.monotonic() + seconds, 0
    while number < LEAST_CASES or time.monotonic() < end:
        made = make(random.Random(f"{SEED} {number}"))
        content = made if isinstance(made, bytes) else made.encode("utf-8", "surrogatepass")
        path.write_bytes(content)
        case = f"FUZZ_SEED={SEED}, case {number}"
        try:
            with _limits():
                refused = _is_refused(read, path, refusals)
        except Exception as error:
            kept = Path(os.environ.get("FUZZ_FOLDER", path.parent.parent)) / f"failed-{number}-{path.name}"
            kept.write_bytes(content)
            raise AssertionError(f"{case}: {type(error).__name__}: {error}; the file is {kept}") from error
        count += refused
        number += 1
    return count


def _is_refused(read: Callable[[Path], object], path: Path, refusals: tuple[type[Exception], ...]) -> bool:
    """Whether `read` refuses the file, which must be in one line that can be shown."""
    said = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read(path)
    except refusals as error:
        said = str(error)
    assert said is None or (len(said.splitlines()) == 1 and len(said) < 3000 and said.isprintable()), said
    return said is not None


@contextmanager
def _limits() -> Iterator[None]:
    """Fail if the block takes too long, or too much memory."""
    before = _reset_peak()
    began = time.monotonic()
    handler = signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(int(10 * LONGEST_SECONDS))
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, handler)
    seconds, taken = time.monotonic() - began, _peak_bytes() - before
    assert seconds < LONGEST_SECONDS, f"it took {seconds:.1f} s"
    assert taken < MOST_BYTES, f"it took {taken:,} bytes"


def _too_long(_number: int, _frame: FrameType | None) -> None:
    raise TimeoutError(f"it took more than {10 * LONGEST_SECONDS:.0f} s")


def _reset_peak() -> int:
    """Set this process' peak of memory back to what it has now, where the system can, and return it."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _peak_bytes()


def _peak_bytes() -> int:
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in bytes on macOS
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])
