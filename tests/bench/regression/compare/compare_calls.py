"""`python -m bench compare` as a user calls it, and what the commits do that it is tried on."""

import json
import os
import subprocess
import sys
from pathlib import Path

from bench.regression.certify.slowdown import ADDITION

ROOT = Path(__file__).resolve().parents[4]
COMMITS = {
    "broken": "from numpy_nn.nowhere import Sequential",
    "unparsable": "def def find",
    "by-name": 'import importlib; importlib.import_module("numpy_nn.optimizers")',
    "other": """
_set_weights = Sequential.set_weights
Sequential.set_weights = lambda self, weights: _set_weights(self, [1.5 * weight for weight in weights])
""",
    "no-callbacks": """
_fit = Sequential.fit
Sequential.fit = lambda self, x, y, batch_size, epochs, shuffle, verbose: _fit(self, x, y)
""",
    "slow": ADDITION.format(count=500_000),
    "prints": "print('hello')\nSequential.train_on_batch = lambda *_, **__: print('{}')",
    "exits": "import sys; sys.exit(0)",
    "dies": "import os\nSequential.predict = lambda *_, **__: os.kill(os.getpid(), 11)",
    "reads": "Sequential.predict = lambda *_, **__: input()",
    "threads": "import threading, time; threading.Thread(target=time.sleep, args=(1000,)).start()",
    "hangs": "while True: pass",
    "dies-at-import": "import os; os.abort()",
    "in-the-way": "import sys; sys.path[:] = []",
    "later": """
import os
with open(os.environ["COUNT"], "a") as file:
    file.write("x")
if os.path.getsize(os.environ["COUNT"]) > 3:
    os._exit(7)
""",
    "litters": """
import os, subprocess
def _litter(*_):
    subprocess.Popen(["sleep", "300"], start_new_session=True)
    with open(os.environ["TOLD"], "w") as file:
        file.write(os.environ["MOONS_BENCH_FILES"])
    os._exit(0)
Sequential.save = _litter
""",
    "kills": "import os, time\nSequential.predict = lambda *_, **__: os.kill(os.getppid(), 9) or time.sleep(60)",
    "docstring": '"""A docstring."""',
}
"""What each commit adds to the end of `numpy_nn/__init__.py`."""


def compare(repository, *arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "bench", "compare", "--repository", str(repository), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "150", **environment},
        check=False,
    )


def figures(path):
    return json.loads(path.read_text())
