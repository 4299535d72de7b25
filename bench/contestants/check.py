"""Whether a class is a contestant: its file can be imported, its methods are there, and they take what the worker hands them.

`inspect_target` is what the command line's side calls: it starts `python -m bench.contestants.check TARGET`, so that a contestant
that ends its process in the import, hangs, or brings a framework with it does so there and nowhere else. `load_class` is what that
process and the workers call. Imports NumPy and the standard library only, beside the contestant.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import json
import os
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from bench.child_processes import clean_environment, die_with_parent, python_command, signal_name
from bench.contestants.base import Contestant, with_defaults
from bench.error_messages import may_be, one_line, plain

TIME_LIMIT_SECONDS = 120.0
"""For the import of a contestant; the heaviest framework takes a tenth of it."""
METHODS: Mapping[str, tuple[str, ...]] = {
    "__init__": ("task",),
    "fit": ("on_epoch_end",),
    "predict": ("x",),
    "get_weights": (),
    "warm_up": (),
}
"""The methods that are checked, and what each is handed beside `self`."""
REQUIRED = tuple(method for method in METHODS if method in Contestant.__abstractmethods__)
METADATA: Mapping[str, tuple[str, type]] = {
    "SUMMARY": ("summary", str),
    "BATCH_ORDER": ("batch_order", str),
    "CLOCK_INCLUDES": ("clock_includes", str),
    "TRAINS": ("trains", bool),
    "LEARNS": ("learns", bool),
    "PARITY": ("parity", bool),
    "PEER": ("peer", bool),
    "ENVIRONMENT": ("environment", dict),
}
"""Class attributes that describe a contestant, each with its field of `bench.contestants.registry.Spec` and its type."""


def inspect_target(text: str, target: str, *, time_limit_seconds: float = TIME_LIMIT_SECONDS) -> dict[str, Any]:
    """What the contestant's class attributes say, as fields of `Spec`; it is imported in a process of its own.

    Raises
    ------
    ValueError
        If it is no contestant, or its import crashes or takes too long; `text` is what the user called it.

    """
    import subprocess  # not above: workers load this module too, and start nothing

    try:
        done = subprocess.run(
            [*python_command("bench.contestants.check"), target],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=time_limit_seconds,
            env=clean_environment(os.environ),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ValueError(f"contestant {text!r}: its import took more than {time_limit_seconds:g} s and was ended") from None
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        raise ValueError(f"contestant {text!r}: its import ended the process ({_ending(done.returncode)})") from None
    if "error" in answer:
        raise ValueError(f"contestant {text!r}: {answer['error']}")
    found: dict[str, Any] = answer["metadata"]
    return found


def _ending(return_code: int) -> str:
    """How a process ended, in words."""
    return f"exit code {return_code}" if return_code >= 0 else signal_name(-return_code)


def load_class(target: str) -> type[Any]:
    """The class at `target`, an absolute `FILE.py:CLASS` or `MODULE:CLASS`, checked, with a default for whatever it may lack.

    Raises
    ------
    ValueError
        If it can't be imported, is no class, or lacks a method or has one that takes something else.

    """
    place, _, class_name = target.rpartition(":")
    module = _import(place)
    contestant = getattr(module, class_name, None)
    if contestant is None:
        classes = [name for name, value in vars(module).items() if inspect.isclass(value) and value.__module__ == module.__name__]
        known = may_be(class_name, classes) if classes else "it has no class of its own"
        raise ValueError(f"{_shown(place)} has no class {class_name!r}: {known}")
    if not inspect.isclass(contestant):
        raise ValueError(f"{class_name!r} in {_shown(place)} is {_article(contestant)}: it must be a class")
    _check_methods(contestant)
    return with_defaults(contestant)


def metadata(contestant: type[Any]) -> dict[str, Any]:
    """What the class attributes say, by the names of `Spec`'s fields; those that are left at their defaults say nothing.

    Raises
    ------
    ValueError
        If an attribute is of another type than it may be.

    """
    found: dict[str, Any] = {}
    for attribute, (name, kind) in METADATA.items():
        value = getattr(contestant, attribute)
        if not isinstance(value, kind):
            raise ValueError(f"{contestant.__name__}.{attribute} was {value!r}: it must be {_a(kind.__name__)}")
        if isinstance(value, dict) and not all(isinstance(part, str) for item in value.items() for part in item):
            raise ValueError(f"{contestant.__name__}.{attribute} was {value!r}: its names and values must be str")
        if attribute == "ENVIRONMENT" and isinstance(value, dict):
            _check_environment(f"{contestant.__name__}.{attribute}", value)
        if value != getattr(Contestant, attribute):
            found[name] = one_line(value) if isinstance(value, str) else value
    return found


def _check_environment(place: str, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        if not name or "=" in name or "\0" in name or plain(name) != name:
            raise ValueError(f"{place} has {name!r}, which can't be a variable's name: it must have letters, and no =")
        if "\0" in value:
            raise ValueError(f"{place}[{name!r}] was {value!r}: a variable can't hold a zero byte")
        if name.startswith("PYTHON") or name.endswith(("_NUM_THREADS", "_MAXIMUM_THREADS", "_THREADS")):
            raise ValueError(f"{place} has {name!r}: the harness sets it, the same for every contestant")


def _import(place: str) -> ModuleType:
    try:
        return _import_file(Path(place)) if place.endswith(".py") else _import_module(place)
    except SyntaxError as error:
        where = Path(error.filename).name if error.filename else _shown(place)
        raise ValueError(f"{where}, line {error.lineno}: {type(error).__name__}: {error.msg}") from error
    except ModuleNotFoundError as error:
        if error.name is not None and f"{place}.".startswith(f"{error.name}."):
            raise ValueError(f"there is no module {error.name!r}") from error
        raise ValueError(_failure(place, error)) from error
    except (Exception, SystemExit) as error:
        raise ValueError(_failure(place, error)) from error


def _failure(place: str, error: BaseException) -> str:
    """What went wrong in an import, with the last line of the contestant's own file that led there."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == place]
    where = f"{_shown(place)}, line {lines[-1]}" if lines else _shown(place)
    return f"{where} can't be imported: {type(error).__name__}: {one_line(error)}"


def _import_module(name: str) -> ModuleType:
    """Import a module that is installed, or lies in the current folder."""
    sys.path.append(str(Path.cwd()))
    return importlib.import_module(name)


def _import_file(path: Path) -> ModuleType:
    """Import a file by its path; what lies in its folder can be imported by it, after all that is installed."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    name = f"_contestant_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"Python has no loader for {path}")
    sys.path.append(str(path.parent))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _check_methods(contestant: type[Any]) -> None:
    name = contestant.__name__
    lacking = [method for method in REQUIRED if not _has(contestant, method, (object, Contestant))]
    if lacking:
        raise ValueError(f"{name} lacks {', '.join(lacking)}: a contestant has {', '.join(REQUIRED)}")
    if inspect.isabstract(contestant):
        raise ValueError(f"{name} is abstract: {', '.join(sorted(contestant.__abstractmethods__))} has no body")
    for method, arguments in METHODS.items():
        if hasattr(contestant, method):
            _check_signature(contestant, method, arguments)


def _has(contestant: type[Any], method: str, bases: tuple[type[Any], ...]) -> bool:
    """Whether the class has the method, and not only because it is a subclass of one of `bases`."""
    found = getattr(contestant, method, None)
    return callable(found) and all(found is not getattr(base, method, None) for base in bases)


def _check_signature(contestant: type[Any], method: str, arguments: tuple[str, ...]) -> None:
    place = f"{contestant.__name__}.{method}"
    function = inspect.getattr_static(contestant, method)
    if isinstance(function, (staticmethod, classmethod, property)):
        raise ValueError(f"{place} is a {type(function).__name__}: it must be a plain method")
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
        raise ValueError(f"{place} is async or a generator: it must do its work when it is called")
    if not inspect.isfunction(function):  # nothing that Python could tell the arguments of
        return
    signature = inspect.signature(function)
    try:
        signature.bind("self", *arguments)
    except TypeError:
        wanted = ", ".join(("self", *arguments))
        raise ValueError(f"{place} takes {one_line(signature)}: it must take ({wanted})") from None


def _shown(place: str) -> str:
    return Path(place).name if place.endswith(".py") else place


def _article(value: object) -> str:
    return _a(type(value).__name__)


def _a(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def main() -> None:
    """Answer with one JSON object on what was standard output; whatever the contestant prints goes to standard error."""
    die_with_parent()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        answer: dict[str, Any] = {"metadata": metadata(load_class(sys.argv[1]))}
    except ValueError as error:
        answer = {"error": one_line(error)}
    answers.write(json.dumps(answer))
    answers.flush()
    os._exit(0)  # the answer stands: threads and exit handlers of the contestant have no say in it


if __name__ == "__main__":
    main()
