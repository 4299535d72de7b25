"""Safe reads and writes: only regular files are read, up to a limit; a file is replaced whole or not at all, a line added whole or
not at all; and no file is written outside the folder that it belongs to.

Called by whatever reads or writes records, arrays, workloads, exports and histories. Standard library only: a worker has it too.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

if sys.platform != "win32":
    import fcntl

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""Before the text of a file that some editors of Windows have written; readers skip it."""
PARTIAL_SUFFIX = ".partial"
"""Of a temporary file; a process that is killed while it writes may leave one."""
MOST_NAME_BYTES = 255 - len(".0123456789ab") - len(PARTIAL_SUFFIX)
"""Of a file that is replaced whole: its temporary name is longer."""
_PARTIAL = re.compile(r"\.[0-9a-f]{12}" + re.escape(PARTIAL_SUFFIX) + "$")
LONGEST_LOCK_SECONDS = 10.0
"""A line is written in milliseconds."""

_BINARY = getattr(os, "O_BINARY", 0)  # Windows
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)  # POSIX
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)  # a pipe without a writer is opened at once, and then refused
_KINDS = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


@contextmanager
def open_regular(path: Path, limit_bytes: int, *, follow_links: bool = True) -> Iterator[BinaryIO]:
    """Open a regular file for reading; its size is checked before anything is read.

    Parameters
    ----------
    path
        The file.
    limit_bytes
        The largest size that is read.
    follow_links
        Whether `path` may be a symbolic link to a regular file.

    Raises
    ------
    OSError
        If it is missing, a pipe, a device, a folder or too large; `strerror` says which.

    """
    if not follow_links:
        _refuse_link(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | _NO_WAIT | _BINARY | (0 if follow_links else _NO_FOLLOW))
    except ValueError as error:  # a zero byte in the name
        raise OSError(errno.EINVAL, str(error), repr(path)) from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, f"it is {_kind(status.st_mode)}: only regular files are read", str(path))
        if status.st_size > limit_bytes:
            raise OSError(errno.EFBIG, f"it has {status.st_size:,} bytes: at most {limit_bytes:,} are read", str(path))
    except OSError:
        os.close(descriptor)
        raise
    with os.fdopen(descriptor, "rb") as file:
        yield file


def read_regular(path: Path, limit_bytes: int, *, follow_links: bool = True) -> bytes:
    """Return the content of a regular file; see `open_regular`."""
    with open_regular(path, limit_bytes, follow_links=follow_links) as file:
        content = file.read(limit_bytes + 1)
    if len(content) > limit_bytes:  # it has grown since
        raise OSError(errno.EFBIG, f"it has more than {limit_bytes:,} bytes", str(path))
    return content


def in_words(error: BaseException) -> str:
    """What an error says; of a failed call of the system, without its number, and with the file that was meant in the end."""
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    name = error.filename2 or error.filename  # of two, that which the other was to become
    if not isinstance(name, str | bytes | os.PathLike):
        return error.strerror
    return f"{without_partial(os.fsdecode(name))}: {error.strerror}"


def without_partial(name: str) -> str:
    """The name of a file that a temporary one of this name was to become; any other name as it is."""
    return _PARTIAL.sub("", name)


def is_file(path: Path) -> bool:
    """Whether there is a file of that name which this user may look for; `Path.is_file` fails in a folder of somebody else's."""
    try:
        return path.is_file()
    except OSError:
        return False


def exists(path: Path) -> bool:
    """Whether there is anything at a path that this user may look at, and that can be one."""
    try:
        return path.exists()
    except (OSError, ValueError):  # too long, a zero byte, or in a folder of somebody else's
        return False


def check_output(path: Path) -> None:
    """Check that `path` may be written: a new or a regular file in a writable folder.

    Raises
    ------
    ValueError
        If it may not: one line with the path and the reason.

    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        mode = stat.S_IFREG
    except (OSError, ValueError) as error:
        raise ValueError(f"{str(path)!r} can't be written: {getattr(error, 'strerror', None) or error}") from None
    if not stat.S_ISREG(mode):
        raise ValueError(f"{path} can't be written: it is {_kind(mode)}, and must be a new or a regular file")
    if len(os.fsencode(path.name)) > MOST_NAME_BYTES:
        raise ValueError(f"{path} can't be written: its name may have {MOST_NAME_BYTES} bytes")
    if path.exists() and not os.access(path, os.W_OK):
        raise ValueError(f"{path} can't be written: it is write-protected")
    folder = path.resolve().parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise ValueError(f"{path} can't be written: it must be in an existing folder with write permission")


def inside(folder: Path, name: str) -> Path:
    """Return the path of the file `name` in `folder`, which no link and no `..` leads out of.

    Raises
    ------
    OSError
        If it would lie elsewhere, or a part of it is a link.

    """
    path = folder.joinpath(*name.split("/"))
    if not name or "\\" in name or any(part in ("", ".", "..") for part in name.split("/")):
        raise OSError(errno.EINVAL, "its name must stay within its folder", f"{folder}: {name!r}")
    for place in [path, *path.parents][: len(name.split("/"))]:
        _refuse_link(place)
    if path.resolve() != folder.resolve().joinpath(*name.split("/")):
        raise OSError(errno.EINVAL, "it must not lead out of its folder", str(path))
    return path


def _refuse_link(path: Path) -> None:
    if path.is_symlink():
        raise OSError(errno.ELOOP, "it is a symbolic link: links are not followed here", str(path))


def _kind(mode: int) -> str:
    return next((name for test, name in _KINDS if test(mode)), "no regular file")


@contextmanager
def replacing(path: Path, *, sync: bool = True) -> Iterator[BinaryIO]:
    """Open a new file for writing, and put it in the place of `path` when the block ends without an error.

    The data are on the disk before `path` changes, unless `sync` is False: then a power cut may lose them. If the block or a write
    fails, `path` stays as it was and the new file is deleted. Symbolic links are not followed: a link at `path` is replaced, its
    target is not.

    Raises
    ------
    OSError
        If the file can't be written.

    """
    temporary = _temporary(path)
    try:
        with _naming(path):
            with _new_file(temporary, sync=sync) as file:
                yield file
            temporary.replace(path)
    except BaseException as error:
        _remove(temporary)
        if (interrupt := interrupt_behind(error)) is not None:
            raise interrupt from None
        raise


def interrupt_behind(error: BaseException) -> KeyboardInterrupt | None:
    """Return the Ctrl-C in whose handling `error` was raised, as by `np.savez`, whose ZIP can't then be closed; or None."""
    while not isinstance(error, KeyboardInterrupt):
        if error.__context__ is None:
            return None
        error = error.__context__
    return error


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Have an error that names no file, as that of a write to a full disk, name `path`."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            error.filename = str(path)
        raise


def _temporary(path: Path) -> Path:
    """Return a name of no other file beside `path`, of the file that is to replace it."""
    return path.with_name(f"{path.name}.{os.urandom(6).hex()}{PARTIAL_SUFFIX}")


@contextmanager
def _new_file(path: Path, *, sync: bool = True) -> Iterator[BinaryIO]:
    """Open a new file for writing; with `sync`, its data are on the disk when the block has ended without an error."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW | _BINARY, 0o666)
    with os.fdopen(descriptor, "wb") as file:
        yield file
        file.flush()
        if sync:
            os.fsync(file.fileno())


def _remove(temporary: Path) -> None:
    """Delete what a failed write left; the failure itself is what the caller is to hear of."""
    with suppress(OSError):
        temporary.unlink(missing_ok=True)


def _encoded(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


def write_whole(path: Path, content: str | bytes) -> None:
    """Replace the content of `path` whole or not at all; text is encoded as UTF-8, its line ends unchanged.

    Raises
    ------
    OSError
        If the file can't be written; it is then as it was before.

    """
    with replacing(path) as file:
        file.write(_encoded(content))


def write_all(folder: Path, contents: Mapping[str, str | bytes]) -> None:
    """Replace several files of `folder`, by their names in it; none of them changes before all are on the disk.

    Raises
    ------
    OSError
        If one can't be written, or would lie elsewhere; as long as no file has been replaced, all are as they were before.

    """
    ready: list[tuple[Path, Path]] = []
    try:
        for name, content in contents.items():
            path = inside(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                raise IsADirectoryError(errno.EISDIR, "it is a folder, and must be a new or a regular file", str(path))
            temporary = _temporary(path)
            ready.append((temporary, path))
            with _naming(path), _new_file(temporary) as file:
                file.write(_encoded(content))
        for temporary, path in ready:
            temporary.replace(path)
    except BaseException:
        for temporary, _ in ready:
            _remove(temporary)
        raise


def append_line(path: Path, line: str, *, sync: bool = True) -> None:
    """Add `line` to `path`, which is created if need be, and return when it is on the disk.

    With `sync` False it returns when the system has the line, which survives the end of this process, but no power cut.

    The line goes out in one write with O_APPEND, under a lock where the system has one, so lines of several writers don't mix. A
    last line that a kill or a full disk has cut short is ended first, so that it alone is lost.

    Raises
    ------
    OSError
        If the line can't be written, or `path` is a link, a pipe or a device; the file is then as it was before.

    """
    descriptor = _open_to_append(path)
    try:
        _lock(descriptor, path)
        size = os.fstat(descriptor).st_size
        data = (b"\n" if _is_cut_short(descriptor, size) else b"") + line.encode() + b"\n"
        written = 0
        try:
            with _naming(path):
                while written < len(data):
                    written += os.write(descriptor, data[written:])
                if sync:
                    os.fsync(descriptor)
        except OSError:
            if os.fstat(descriptor).st_size == size + written:  # otherwise another writer has added a line since
                os.ftruncate(descriptor, size)
            raise
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    """Return when what was written to a file is on the disk.

    Raises
    ------
    OSError
        If it can't be put there, or there is no such file.

    """
    _refuse_link(path)
    descriptor = os.open(path, os.O_RDWR | _NO_FOLLOW | _NO_WAIT | _BINARY)
    try:
        with _naming(path):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def open_to_append(path: Path) -> BinaryIO:
    """Open a new or a regular file for writing at its end; the caller closes it.

    Raises
    ------
    OSError
        If it can't be opened, or `path` is a link, a pipe or a device.

    """
    return os.fdopen(_open_to_append(path), "ab")


def _open_to_append(path: Path) -> int:
    _refuse_link(path)
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | _NO_FOLLOW | _NO_WAIT | _BINARY, 0o666)
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, f"it is {_kind(mode)}: only regular files are written", str(path))
    return descriptor


def _lock(descriptor: int, path: Path) -> None:
    """Wait until no other writer has the file locked, and lock it until it is closed; without effect on Windows.

    Raises
    ------
    BlockingIOError
        If another writer has it locked for `LONGEST_LOCK_SECONDS`, as one that was stopped may for ever.

    """
    end = time.monotonic() + LONGEST_LOCK_SECONDS
    while sys.platform != "win32":
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                why = f"another process has had it locked for {LONGEST_LOCK_SECONDS:g} s"
                raise BlockingIOError(errno.EWOULDBLOCK, why, str(path)) from None
            time.sleep(0.01)
        except OSError:  # some network file systems have no locks
            return
        else:
            return


def _is_cut_short(descriptor: int, size: int) -> bool:
    if size == 0:
        return False
    os.lseek(descriptor, -1, os.SEEK_END)
    return os.read(descriptor, 1) != b"\n"
