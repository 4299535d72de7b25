"""Changes of `numpy_nn` with a known verdict, each tried in a repository of its own: `python seeded_changes.py [NAME ...]`.

Used by the slow tests of `test_seeded_changes`, and by hand: then it prints a line a change, with its seconds.
"""

import ast
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from repositories import make_repository

ROOT = Path(__file__).resolve().parents[4]
LONGER = """
import functools as _functools
import time as _time


def _longer(function, share):
    @_functools.wraps(function)
    def longer(*arguments, **settings):
        start = _time.thread_time()
        try:
            return function(*arguments, **settings)
        finally:
            end = (1 + share) * (_time.thread_time() - start) + start
            while _time.thread_time() < end:
                pass

    return longer

"""
"""`_longer(function, share)` takes so much more of the CPU: a disturbance, which lasts as long in slower code, isn't multiplied."""
LONGER_EPOCHS = """
class _Longer(Callback):
    def __init__(self, share):
        self.share = share

    def on_epoch_begin(self, *_):
        self.start = _time.thread_time()

    def on_epoch_end(self, *_):
        end = (1 + self.share) * (_time.thread_time() - self.start) + self.start
        while _time.thread_time() < end:
            pass


_fit = Sequential.fit


def _longer_fit(self, *arguments, callbacks=None, **settings):
    slow = [_Longer({share})] if {condition} else []
    return _fit(self, *arguments, callbacks=[*slow, *(callbacks or ())], **settings)


Sequential.fit = _longer_fit
"""

LEAK = """
_left = []
_take = Sequential.fit


def _leaking_fit(self, *arguments, **settings):
    _left.append(bytearray(b"x") * (4 * 2**20))
    return _take(self, *arguments, **settings)


Sequential.fit = _leaking_fit
"""


REPEATED = """
def _repeated(*arguments, _once={method}, **settings):
    for _ in range({times}):
        result = _once(*arguments, **settings)
    return result


{method} = _repeated
"""


@dataclass(frozen=True)
class SeededChange:
    """What is done to a copy of `numpy_nn`, what `compare` is to say, and within how many seconds."""

    edit: Callable[[Path], None]
    verdict: str
    benchmark: str = ""
    """The beginning of the names of those that may have the verdict."""
    seconds: float = 240.0


def appended(text: str, file: str = "__init__.py") -> Callable[[Path], None]:
    """Adds `text` to the end of a file."""

    def edit(package: Path) -> None:
        with (package / file).open("a") as opened:
            opened.write(f"\n{text}\n")

    return edit


def longer(method: str, share: float, file: str = "__init__.py") -> Callable[[Path], None]:
    """Calls of a method take `1 + share` times as long."""
    return appended(f"{LONGER}{method} = _longer({method}, {share})", file)


def repeated(method: str, times: int, file: str) -> Callable[[Path], None]:
    """Calls of a method do their work so many times."""
    return appended(REPEATED.format(method=method, times=times), file)


def longer_epochs(share: float, condition: str = "True") -> Callable[[Path], None]:
    return appended(LONGER + LONGER_EPOCHS.format(share=share, condition=condition))


def replaced(file: str, old: str, new: str) -> Callable[[Path], None]:
    def edit(package: Path) -> None:
        text = (package / file).read_text()
        assert old in text
        (package / file).write_text(text.replace(old, new))

    return edit


def reordered(package: Path) -> None:
    """The functions of a module in the opposite order."""
    path = package / "validation.py"
    lines = path.read_text().splitlines()
    functions = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)]
    texts = [lines[node.lineno - 1 : node.end_lineno] for node in functions]
    for node, text in sorted(zip(functions, texts[::-1], strict=True), key=lambda pair: -pair[0].lineno):
        lines[node.lineno - 1 : node.end_lineno] = text
    path.write_text("\n".join(lines) + "\n")


def new_module(package: Path) -> None:
    (package / "doubling.py").write_text('"""Doubles."""\n\n\ndef double(value):\n    return 2 * value\n')


TIMES = {
    "step": lambda share: longer_epochs(share, "type(self.optimizer) is SGD"),
    "train-on-batch": lambda share: longer("Sequential.train_on_batch", share),
    "evaluate": lambda share: longer("Sequential.evaluate", share),
    "predict": lambda share: longer("Sequential.predict", share),
    "build": lambda share: longer("Sequential.__init__", share),
    "save": lambda share: longer("Sequential.save", share),
    "load": lambda share: longer("Archive.__init__", share, "npz.py"),
    "classifier-fit": lambda share: longer("MLPClassifier.fit", share, "estimators/classifier.py"),
    "classifier-predict": lambda share: longer("MLPClassifier.predict", share, "estimators/classifier.py"),
    "callback": lambda share: longer("EarlyStopping.on_epoch_end", share, "callbacks/stopping.py"),
    "initializer": lambda share: longer("TruncatedNormal.draw", share, "initializers.py"),
}
"""How each kind of benchmark is made slower."""
LIMITS_SECONDS = {10: 20.0, 80: 30.0, 800: 60.0}
SLOWED = {f"{kind} x{times}": SeededChange(slowed(times - 1), "regressed", "", limit)
          for kind, slowed in TIMES.items() for times, limit in LIMITS_SECONDS.items()}  # fmt: skip
SLOWED["classifier-fit x10000"] = SeededChange(
    repeated("MLPClassifier.fit", 10_000, "estimators/classifier.py"), "regressed", "classifier-fit", 60.0
)
"""A call of minutes, which no check waits for."""
REGRESSIONS = {
    "Adam + 10 %": SeededChange(longer_epochs(0.1, "type(self.optimizer) is Adam"), "regressed", "step-optimizers"),
    "two threads + 10 %": SeededChange(longer_epochs(0.1, "self.threads == 2"), "regressed", "step-threads"),
    "evaluate + 5 %": SeededChange(longer("Sequential.evaluate", 0.05), "regressed", "evaluate"),
    "MLPClassifier.fit + 5 %": SeededChange(
        longer("MLPClassifier.fit", 0.05, "estimators/classifier.py"), "regressed", "classifier-fit"
    ),
    "import + 50 ms": SeededChange(appended("import time\ntime.sleep(0.05)"), "regressed", "import-time"),
    "import x10": SeededChange(appended("import time\ntime.sleep(0.5)"), "regressed", "import-time", 60.0),
    "import + 200 MB": SeededChange(appended("_ballast = bytearray(b'x') * (200 * 2**20)"), "regressed", "import-", 60.0),
    "a leak in fit": SeededChange(appended(LEAK), "regressed"),
    "import + 20 MB": SeededChange(appended("_ballast = bytearray(b'x') * (20 * 2**20)"), "regressed", "import-memory"),
}
HARMLESS = {
    "a docstring": SeededChange(
        replaced("sequential.py", "Samples are rows.", "Samples are rows, and features columns."), "no change"
    ),
    "a local renamed": SeededChange(replaced("validation.py", "classes", "class_numbers"), "no change"),
    "functions reordered": SeededChange(reordered, "no change"),
    "a new module": SeededChange(new_module, "no change"),
}
CHANGES = {**REGRESSIONS, **HARMLESS, **SLOWED}


def outcome(name: str, folder: Path, *options: str) -> dict:
    """What `compare` says of a change: its document, its "exit_code", the "wall_seconds"."""
    repository = make_repository(folder / "repository")
    CHANGES[name].edit(repository / "numpy_nn")
    start = time.perf_counter()
    command = [sys.executable, "-m", "bench", "compare", "good", "--repository", str(repository)]
    done = subprocess.run(
        [*command, "--json", str(folder / "c.json"), *options], cwd=ROOT, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - start
    document = json.loads((folder / "c.json").read_text())
    return {**document, "exit_code": done.returncode, "wall_seconds": seconds, "stderr": done.stderr}


def named(document: dict) -> list[str]:
    """The benchmarks that have the verdict of the whole comparison."""
    return [each["name"] for each in document["benchmarks"] if each["verdict"] == document["verdict"]]


def main(names: list[str]) -> None:
    """Print a line a change."""
    for name in names or CHANGES:
        change = CHANGES[name]
        with tempfile.TemporaryDirectory() as folder:
            document = outcome(name, Path(folder))
        right = document["verdict"] == change.verdict and any(one.startswith(change.benchmark) for one in named(document))
        load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
        print(
            f"{'ok ' if right else 'NOT'} {name}: {document.get('headline') or document['error']}"[:200],
            f"[{document['wall_seconds']:.0f} s of {change.seconds:g}, load {load:.1f}]",
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1:])
