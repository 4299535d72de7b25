"""Contestants by name: the built-in ones, your own from a file or a module, and what is said of each that is no contestant."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.contestants.base import Array, Contestant
from bench.contestants.check import METADATA, inspect_target
from bench.contestants.registry import CONTESTANTS, find, find_all, load

ROOT = Path(__file__).parents[3]
GOOD = """
class Net:
    def __init__(self, task):
        self.task = task
    def warm_up(self):
        pass
    def fit(self, on_epoch_end):
        return {"loss": [], "accuracy": []}
    def predict(self, x):
        return x
    def get_weights(self):
        return []
"""


def write(folder: Path, text: str = GOOD, name: str = "net.py") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new, 1)


def said_of(text: str) -> str:
    with pytest.raises(ValueError, match="contestant") as caught:
        find(text)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


def test_a_built_in_contestant_is_found_by_its_name_without_a_process() -> None:
    for name, spec in CONTESTANTS.items():
        assert find(name) is spec


def test_the_table_names_a_module_that_is_there_for_every_contestant() -> None:
    for spec in CONTESTANTS.values():
        module, _, class_name = spec.target.partition(":")
        path = ROOT.joinpath(*module.split(".")).with_suffix(".py")
        assert f"class {class_name}" in path.read_text(encoding="utf-8")


def test_your_own_is_found_in_a_file(tmp_path: Path) -> None:
    path = write(tmp_path)
    spec = find(f"{path}:Net")
    assert (spec.name, spec.target, spec.parity) == ("Net", f"{path}:Net", True)
    assert spec.summary == "your own, Net from net.py"


def test_a_files_path_is_seen_from_here_and_kept_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert find("net.py:Net").target == f"{tmp_path / 'net.py'}:Net"


def test_your_own_is_found_in_a_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, name="my_module.py")
    monkeypatch.chdir(tmp_path)
    assert find("my_module:Net").target == "my_module:Net"


def test_your_own_may_import_what_lies_beside_it(tmp_path: Path) -> None:
    write(tmp_path, "SIZE = 3\n", "my_helper.py")
    assert find(f"{write(tmp_path, 'from my_helper import SIZE' + GOOD)}:Net").name == "Net"


def test_your_own_speaks_for_itself(tmp_path: Path) -> None:
    spoken = """
    SUMMARY = "my network,\\n    in two lines"
    BATCH_ORDER = "its own"
    CLOCK_INCLUDES = "updates"
    PARITY = TRAINS = LEARNS = False
    PEER = True
    ENVIRONMENT = {"OMP_WAIT_POLICY": "passive"}
"""
    spec = find(f"{write(tmp_path, changed('class Net:', 'class Net:' + spoken))}:Net")
    assert spec.summary == "my network, in two lines"
    assert (spec.batch_order, spec.clock_includes) == ("its own", "updates")
    assert (spec.parity, spec.trains, spec.learns, spec.peer) == (False, False, False, True)
    assert spec.environment == {"OMP_WAIT_POLICY": "passive"}


def test_your_own_is_never_imported_here(tmp_path: Path) -> None:
    path = write(tmp_path, "import os\nopen(__file__ + '.pid', 'w').write(str(os.getpid()))" + GOOD)
    before = set(sys.modules)
    find(f"{path}:Net")
    assert int(Path(f"{path}.pid").read_text()) != os.getpid()
    assert not [name for name in set(sys.modules) - before if "net" in name.lower() and "contestant" in name]


def test_what_your_own_prints_does_not_hide_the_answer(tmp_path: Path) -> None:
    noisy = "import atexit, os\nprint('hello')\nos.write(1, b'{}')\natexit.register(print, 'bye')"
    assert find(f"{write(tmp_path, noisy + GOOD)}:Net").name == "Net"


def test_a_thread_that_your_own_leaves_behind_does_not_hold_up_the_check(tmp_path: Path) -> None:
    waiting = "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()"
    assert inspect_target("Net", f"{write(tmp_path, waiting + GOOD)}:Net", time_limit_seconds=30) == {}


def test_the_check_works_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, "from bench.contestants.base import Task" + GOOD)
    monkeypatch.chdir(tmp_path)
    assert find(f"{path}:Net").name == "Net"


@pytest.mark.parametrize(
    "text",
    [
        changed("(self, task)", "(self, task, layers=3)"),
        changed("(self, on_epoch_end)", "(self, *args, **options)"),
        changed("class Net:", "from bench.contestants.base import Contestant\nclass Net(Contestant):"),
        changed(
            "class Net:\n    def __init__(self, task):\n        self.task = task",
            "from dataclasses import dataclass\n@dataclass\nclass Net:\n    task: object",
        ),
        GOOD.replace("class Net:", "class Base:") + "\nclass Net(Base):\n    pass\n",
        changed("    def warm_up(self):\n        pass\n", ""),
    ],
    ids=[
        "more arguments with defaults",
        "any arguments",
        "a subclass of Contestant",
        "a dataclass",
        "inherited methods",
        "nothing to warm up",
    ],
)
def test_a_class_that_takes_what_it_is_handed_is_a_contestant(text: str, tmp_path: Path) -> None:
    assert find(f"{write(tmp_path, text)}:Net").name == "Net"


BAD_FILES: dict[str, tuple[str, list[str]]] = {
    "a syntax error": ("class Net:\n    def fit(self:\n", ["net.py, line 2", "SyntaxError"]),
    "an indentation error": ("class Net:\nx = 1\n", ["net.py, line 2", "IndentationError"]),
    "an import of nothing": ("import no_such_package\n" + GOOD, ["net.py, line 1", "'no_such_package'", "ModuleNotFoundError"]),
    "an error in the import": ("\n\n1 / 0\n" + GOOD, ["net.py, line 3", "ZeroDivisionError", "division by zero"]),
    "an error of many lines": ("raise RuntimeError('one\\ntwo')\n" + GOOD, ["net.py, line 1", "RuntimeError: one two"]),
    "an exit in the import": ("import sys\nsys.exit(0)\n" + GOOD, ["net.py, line 2", "SystemExit"]),
    "a hard exit in the import": ("import os\nos._exit(0)\n" + GOOD, ["ended the process", "exit code 0"]),
    "a crash in the import": ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n" + GOOD, ["ended the process", "SIGSEGV"]),
    "no such class": (GOOD.replace("Net", "MyNett").replace("MyNett", "Nett"), ["no class 'Net'", "did you mean 'Nett'"]),
    "no class at all": ("x = 1\n", ["no class 'Net'", "no class of its own"]),
    "a function": ("def Net(task):\n    return task\n", ["'Net'", "a function", "must be a class"]),
    "an instance": (GOOD + "\nNet = Net(3)\n", ["'Net'", "a Net", "must be a class"]),
    "a number": ("Net = 3\n", ["'Net'", "an int", "must be a class"]),
    "no methods": ("class Net:\n    pass\n", ["Net lacks __init__, fit, predict, get_weights"]),
    "no constructor": (changed("__init__", "setup"), ["Net lacks __init__:"]),
    "no fit": (changed("def fit", "def train"), ["Net lacks fit:"]),
    "a method that is a value": (
        changed("    def predict(self, x):\n        return x\n", "    predict = 3\n"),
        ["Net lacks predict:"],
    ),
    "an abstract method that is left out": (
        changed("class Net:", "from bench.contestants.base import Contestant\nclass Net(Contestant):").replace(
            "def fit", "def train"
        ),
        ["Net lacks fit:"],
    ),
    "an abstract class": (
        changed("class Net:", "from abc import ABC, abstractmethod\nclass Net(ABC):\n    @abstractmethod\n    def loss(self): ..."),
        ["Net is abstract", "loss"],
    ),
    "a constructor without a task": (
        changed("(self, task):\n        self.task = task", "(self):\n        pass"),
        ["Net.__init__", "task"],
    ),
    "a constructor that wants more": (changed("(self, task)", "(self, task, layers)"), ["Net.__init__", "layers", "(self, task)"]),
    "a fit without its argument": (changed("(self, on_epoch_end)", "(self)"), ["Net.fit takes (self)", "on_epoch_end"]),
    "a fit that wants more": (changed("(self, on_epoch_end)", "(self, on_epoch_end, x, y)"), ["Net.fit", "x, y"]),
    "a fit that wants a keyword": (changed("on_epoch_end)", "on_epoch_end, *, epochs)"), ["Net.fit", "epochs"]),
    "a prediction of nothing": (changed("(self, x)", "(self)"), ["Net.predict takes (self)", "(self, x)"]),
    "weights that want an argument": (changed("get_weights(self)", "get_weights(self, layer)"), ["Net.get_weights", "layer"]),
    "a warm-up that wants an argument": (changed("warm_up(self)", "warm_up(self, x)"), ["Net.warm_up", "(self)"]),
    "a method without self": (changed("warm_up(self)", "warm_up()"), ["Net.warm_up takes ()", "(self)"]),
    "a static method": (
        changed("    def predict(self, x)", "    @staticmethod\n    def predict(x)"),
        ["Net.predict", "staticmethod"],
    ),
    "a class method": (changed("    def fit(self", "    @classmethod\n    def fit(self"), ["Net.fit", "classmethod"]),
    "an async fit": (changed("    def fit", "    async def fit"), ["Net.fit", "async"]),
    "a fit that yields": (changed('return {"loss": [], "accuracy": []}', "yield 1"), ["Net.fit", "generator"]),
    "a summary that is no text": (changed("class Net:", "class Net:\n    SUMMARY = 3"), ["Net.SUMMARY", "3", "a str"]),
    "a peer that is a number": (changed("class Net:", "class Net:\n    PEER = 1"), ["Net.PEER", "1", "a bool"]),
    "a parity that is a word": (changed("class Net:", "class Net:\n    PARITY = 'no'"), ["Net.PARITY", "'no'", "a bool"]),
    "an environment of numbers": (
        changed("class Net:", "class Net:\n    ENVIRONMENT = {'N': 1}"),
        ["Net.ENVIRONMENT", "must be str"],
    ),
    "an environment that is a list": (changed("class Net:", "class Net:\n    ENVIRONMENT = ['N']"), ["Net.ENVIRONMENT", "a dict"]),
}


@pytest.mark.parametrize(("text", "named"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_class_that_is_no_contestant_is_one_line(text: str, named: list[str], tmp_path: Path) -> None:
    place = f"{write(tmp_path, text)}:Net"
    message = said_of(place)
    assert place in message
    for part in named:
        assert part in message


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("kears", ["'kears'", "did you mean 'keras'", "numpy_nn", "FILE.py:CLASS"]),
        ("", ["''", "numpy_nn"]),
        ("net.py", ["lacks its class", "FILE.py:CLASS"]),
        ("net.py:", ["''", "a class's name"]),
        ("net.py:My-Net", ["'My-Net'", "a class's name"]),
        ("net.py:" + 101 * "N", ["may have 100 letters"]),
        ("net.py:N\u00b7t", ["letters, digits and underscores"]),
        (":Net", ["''", "module's name"]),
        ("net.txt/x:Net", ["'net.txt/x'", "ends in .py"]),
        ("nett.py:Net", ["no file nett.py", "did you mean 'net.py'"]),
        ("nowhere/net.py:Net", ["no file nowhere/net.py"]),
        ("folder.py:Net", ["folder.py is no file"]),
        ("net.py:keras", ["'keras'", "built-in"]),
        ("no_such_module:Net", ["no module 'no_such_module'"]),
        ("json.no_such_part:Net", ["no module 'json.no_such_part'"]),
        ("json:Net", ["json has no class 'Net'"]),
    ],
)
def test_a_name_that_is_no_contestants_is_one_line(
    text: str, named: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path)
    (tmp_path / "folder.py").mkdir()
    message = said_of(text)
    for part in [repr(text), *named]:
        assert part in message


def test_an_import_that_hangs_is_ended(tmp_path: Path) -> None:
    path = write(tmp_path, "import time\ntime.sleep(600)\n" + GOOD)
    with pytest.raises(ValueError, match=r"its import took more than 1\.5 s and was ended"):
        inspect_target("Net", f"{path}:Net", time_limit_seconds=1.5)


def test_two_contestants_of_one_name_are_refused(tmp_path: Path) -> None:
    path, other = write(tmp_path), write(tmp_path, name="other.py")
    assert [spec.name for spec in find_all(["jax", f"{path}:Net"])] == ["jax", "Net"]
    with pytest.raises(ValueError, match="'Net' is named twice"):
        find_all([f"{path}:Net", f"{other}:Net"])
    with pytest.raises(ValueError, match="'jax' is named twice"):
        find_all(["jax", "jax"])
    write(tmp_path, GOOD.replace("class Net", "class JAX"), name="upper.py")
    with pytest.raises(ValueError, match="'JAX' and 'jax' differ in case alone"):
        find_all(["jax", f"{tmp_path / 'upper.py'}:JAX"])


def test_a_worker_loads_the_class_itself(tmp_path: Path) -> None:
    assert load(f"{write(tmp_path)}:Net").__name__ == "Net"


def test_a_class_that_inherits_from_nothing_is_given_the_defaults(tmp_path: Path) -> None:
    net = load(f"{write(tmp_path, changed('    def warm_up(self):', '    def wait(self):'))}:Net")
    contestant = net("a task")
    assert (net.tune("a task"), contestant.details(), contestant.compiled_predictor()) == ({}, {}, None)
    assert contestant.predictor()(3) == contestant.predict(3)
    assert contestant.warm_up() is None
    assert net.PARITY is True
    assert net.__bases__ == (object,)


def test_what_a_class_has_itself_is_no_default(tmp_path: Path) -> None:
    own = """
    SUMMARY = "mine"
    def details(self):
        return {"depth": 3}
    @classmethod
    def tune(cls, task):
        return {"speed": task}
    def predictor(self):
        return abs
"""
    net = load(f"{write(tmp_path, GOOD + own)}:Net")
    contestant = net("a task")
    assert (contestant.details(), net.tune(7), contestant.predictor()) == ({"depth": 3}, {"speed": 7}, abs)
    assert net.SUMMARY == "mine"


def test_a_subclass_without_its_abstract_methods_cannot_be_made() -> None:
    class Half(Contestant):
        def predict(self, x: Array) -> Array:
            return x

    with pytest.raises(TypeError, match="abstract"):
        Half("a task")  # type: ignore[abstract, arg-type]


def test_the_table_alone_describes_the_built_in_contestants() -> None:
    for spec in CONTESTANTS.values():
        text = ROOT.joinpath(*spec.target.partition(":")[0].split(".")).with_suffix(".py").read_text(encoding="utf-8")
        assert not [attribute for attribute in METADATA if f"    {attribute} =" in text or f"    {attribute}:" in text]


def test_listing_the_contestants_imports_none_of_them() -> None:
    code = (
        "import sys; from bench.contestants import CONTESTANTS; [spec.missing for spec in CONTESTANTS.values()];"
        "print([name for name in sys.modules if name in ('keras', 'tensorflow', 'jax', 'torch', 'sklearn', 'onnxruntime')"
        " or name.startswith('numpy_nn')])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_loading_brings_no_library_that_the_contestant_does_not(tmp_path: Path) -> None:
    code = (
        "import sys; from bench.contestants.registry import load; load(sys.argv[1]);"
        "print([name for name in ('pydantic', 'pandas', 'sklearn', 'subprocess') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, f"{write(tmp_path)}:Net"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
