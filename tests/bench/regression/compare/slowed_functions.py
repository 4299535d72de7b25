"""Copies of `numpy_nn` in which one public function at a time takes longer, or the time of all of them is added up.

Used by `coverage_of_compare`. The function is named in a file that a copy reads when it is imported, so that the same copies, and
the same process, serve for all functions. BASE has the same wrapper around the function, which takes no longer: what a wrapper
itself takes is on both sides.
"""

import importlib
import inspect
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy_nn

PACKAGE = Path(numpy_nn.__file__).parent
MODULES = (
    *("activations", "callbacks", "ensemble", "estimators", "initializers", "keras_files", "losses", "metrics", "optimizers"),
    *("regularizers", "schedules", "sequential", "serialization", "textbook"),
)
"""Those of which users know the names, in `numpy_nn.__all__` or in the documents."""
SPECIAL = ("__init__", "__call__", "__getstate__", "__setstate__", "__eq__", "__hash__")
RECORDING = "record_"
"""Methods that the engine calls once a network, to record what it then repeats without them."""
ALL = "*"
"""In the place of a name: add up the time of every function, in `TIMES`."""

WRAPPERS = '''
from functools import wraps
from pathlib import Path
from time import perf_counter, thread_time

SHARE = {share}
CHOSEN, _, CALL_SECONDS = Path({chosen!r}).read_text().partition(" ")
CALL_SECONDS = float(CALL_SECONDS or 0)
SHORT_SECONDS = 3e-6
"""A call that takes less isn't timed anew: that would take as long as itself."""
LONG_SECONDS = 2e-4
"""A call after one that took longer is timed on the thread's own clock, which doesn't count that others had the core."""
LEAST_SECONDS = 2e-6
"""What shorter calls are to take longer is saved up."""
TIMES = {{}}
CALLS = [0]
INNER_SECONDS, OUTER_SECONDS, SPINNING_SECONDS = 0.0, 0.0, 0.0


def wrap(namespace, file, functions):
    for name, kind in functions:
        place = f"{{file}}:{{name}}"
        if CHOSEN == place or CHOSEN == "*":
            *owners, last = name.split(".")
            owner = namespace
            for each in owners:
                owner = vars(owner)[each] if owner is not namespace else namespace[each]
            found = namespace[last] if owner is namespace else vars(owner)[last]
            made = replaced(found, kind, place)
            if owner is namespace:
                namespace[last] = made
            else:
                setattr(owner, last, made)


def replaced(found, kind, place):
    if kind == "property":
        return property(wrapper(found.fget, place), found.fset, found.fdel, found.__doc__)
    if kind in ("classmethod", "staticmethod"):
        return type(found)(wrapper(found.__func__, place))
    return wrapper(found, place)


def wrapper(function, place):
    if CHOSEN == "*":
        return noted(function, place)
    return longer_by(function, SHARE * CALL_SECONDS) if CALL_SECONDS < SHORT_SECONDS else longer(function)


def longer_by(function, seconds):
    owed = 0.0

    @wraps(function)
    def slowed(*arguments, **settings):
        nonlocal owed
        owed += seconds
        if owed > LEAST_SECONDS:
            end = perf_counter() + owed
            while (now := perf_counter()) < end:
                pass
            owed = max(end - now, -LEAST_SECONDS) - SPINNING_SECONDS  # another process may have had the core
        return function(*arguments, **settings)

    return slowed


def longer(function):
    owed, depth, clock = 0.0, 0, perf_counter

    @wraps(function)
    def slowed(*arguments, **settings):
        nonlocal owed, depth, clock
        depth += 1
        before = clock
        start = before()
        try:
            return function(*arguments, **settings)
        finally:
            now = before()
            depth -= 1
            if not depth:
                owed += SHARE * (now - start - INNER_SECONDS)
                clock = thread_time if now - start > LONG_SECONDS else perf_counter
                if owed > LEAST_SECONDS:
                    end = now + owed
                    while (now := before()) < end:
                        pass
                    owed = max(end - now, -LEAST_SECONDS)

    return slowed


def noted(function, place):
    times = TIMES.setdefault(place, [0, 0.0])
    depth = 0

    @wraps(function)
    def timed(*arguments, **settings):
        nonlocal depth
        depth += 1
        CALLS[0] += 1
        calls = CALLS[0]
        start = perf_counter()
        try:
            return function(*arguments, **settings)
        finally:
            seconds = perf_counter() - start
            depth -= 1
            if not depth:
                times[0] += 1
                times[1] += seconds - INNER_SECONDS - OUTER_SECONDS * (CALLS[0] - calls)

    return timed


def measure():
    """What the wrappers take: within the time that they see, and in all."""
    global INNER_SECONDS, OUTER_SECONDS, SPINNING_SECONDS
    function, inner, outer = noted(lambda: None, ""), [], []
    for _ in range(50):
        TIMES[""][:] = [0, 0.0]
        start = perf_counter()
        for _ in range(100):
            function()
        outer.append((perf_counter() - start) / 100)
        inner.append(TIMES[""][1] / 100)
    del TIMES[""]
    INNER_SECONDS, OUTER_SECONDS = min(inner), min(outer)
    start = perf_counter()
    for _ in range(1000):
        end = perf_counter() + 0.0
        while (now := perf_counter()) < end:
            pass
    SPINNING_SECONDS = (perf_counter() - start) / 1000


measure()
'''


@dataclass(frozen=True)
class PublicFunction:
    """A function, a method or a property, at the place where it is defined."""

    file: str
    name: str
    kind: str = ""
    """"classmethod", "staticmethod", "property", or nothing."""

    @property
    def place(self) -> str:
        return f"{self.file}:{self.name}"


def public_functions() -> list[PublicFunction]:
    """What users call: the functions of the public modules, and the methods of the classes in them and of their bases."""
    found: dict[str, PublicFunction] = {}
    for name in MODULES:
        module = importlib.import_module(f"numpy_nn.{name}")
        for each, value in vars(module).items():
            if each.startswith("_") or not getattr(value, "__module__", "").startswith(module.__name__):
                continue
            if inspect.isfunction(value) and not _is_generated(value):
                _add(found, PublicFunction(_file(value), value.__qualname__))
            elif inspect.isclass(value):
                for owner in [base for base in value.__mro__ if base.__module__.startswith("numpy_nn")]:
                    _add_methods(found, owner)
    return sorted(found.values(), key=lambda function: function.place)


def copy_noting(folder: Path, functions: Iterable[PublicFunction]) -> Path:
    """A `numpy_nn` in `folder` that adds up the time of every function."""
    folder.mkdir(parents=True)
    chosen = folder / "chosen"
    chosen.write_text(ALL)
    return _copy(folder / "numpy_nn", chosen, 0.0, functions)


def copy_slowed(folder: Path, chosen: Path, share: float, functions: Iterable[PublicFunction]) -> Path:
    """A `numpy_nn` in `folder` whose function named in the file `chosen` takes `1 + share` times as long."""
    return _copy(folder / "numpy_nn", chosen, share, functions)


def _copy(package: Path, chosen: Path, share: float, functions: Iterable[PublicFunction]) -> Path:
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "_wrappers.py").write_text(WRAPPERS.format(share=share, chosen=str(chosen)))
    by_file: dict[str, list[tuple[str, str]]] = {}
    for function in functions:
        by_file.setdefault(function.file, []).append((function.name, function.kind))
    for file, names in by_file.items():
        with (package / file).open("a") as opened:
            opened.write(f"\nfrom numpy_nn import _wrappers\n\n_wrappers.wrap(globals(), {file!r}, {names!r})\n")
    return package


def _add_methods(found: dict[str, PublicFunction], owner: type) -> None:
    for name, value in vars(owner).items():
        if (name.startswith("_") and name not in SPECIAL) or name.startswith(RECORDING):
            continue
        kind = type(value).__name__ if isinstance(value, (classmethod, staticmethod, property)) else ""
        function = value.fget if kind == "property" else value.__func__ if kind else value
        if not inspect.isfunction(function) or _is_generated(function):
            continue
        if function.__qualname__ == f"{owner.__qualname__}.{name}":
            _add(found, PublicFunction(_file(function), f"{owner.__qualname__}.{name}", kind))


def _is_generated(function: object) -> bool:
    """Whether nobody wrote it, or it does nothing, or it is abstract."""
    if function.__code__.co_code == _nothing.__code__.co_code and not function.__code__.co_names:
        return True
    return function.__code__.co_filename.startswith("<") or getattr(function, "__isabstractmethod__", False)


def _nothing() -> None: ...


def _file(function: object) -> str:
    return Path(inspect.getfile(function)).relative_to(PACKAGE).as_posix()


def _add(found: dict[str, PublicFunction], function: PublicFunction) -> None:
    found.setdefault(function.place, function)
