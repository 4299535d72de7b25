"""A process that imports one package and says what that took: `python process_probe.py FOLDER PACKAGE TASK`.

Started by `bench.regression.compare`, in turns for both sides. TASK is "import", or "train" to train a network as well. Prints one
line of JSON on the standard output that it was given; what the package prints goes to standard error. Imports nothing at first, so
that the package pays for its own imports.
"""

import sys
import time


def main() -> None:
    import os

    folder, name, task = sys.argv[1:]
    answers = os.dup(1)
    os.dup2(2, 1)
    sys.path.insert(0, folder)
    start, waited = time.perf_counter(), _waiting_seconds()
    package = __import__(name)
    seconds = time.perf_counter() - start - (_waiting_seconds() - waited)
    figures: dict[str, float] = {"import-time": seconds, "import-memory": _resident_bytes()}
    if task == "train":
        _train(package)
        figures["training-memory"] = _peak_bytes()
    os.write(answers, (repr(figures).replace("'", '"') + "\n").encode())
    os._exit(0)  # whatever threads the package has started


def _train(package) -> None:  # type: ignore[no-untyped-def]  # no import of types before the package's own
    import numpy as np

    generator = np.random.default_rng(0)
    x = generator.normal(size=(20_000, 20)).astype("float32")
    y = (x.sum(axis=1) > 0).astype("float32")
    layers = [
        {"input_dim": 20, "output_dim": 64, "activation": "relu"},
        {"input_dim": 64, "output_dim": 1, "activation": "sigmoid"},
    ]
    model = package.Sequential(layers, seed=0, dtype="float32", threads=1)
    model.compile(optimizer=package.Adam(), loss="binary_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=256, epochs=1, verbose=0, validation_data=(x[:2000], y[:2000]))
    model.predict(x)


def _status(key: str) -> float:
    with open("/proc/self/status", encoding="ascii") as file:  # noqa: PTH123  # pathlib would be imported at the package's cost
        return next(1024.0 * int(line.split()[1]) for line in file if line.startswith(key))


def _waiting_seconds() -> float:
    """For how long this process could run and another had the core: not the package's doing. 0 where the system doesn't tell."""
    try:
        with open("/proc/self/schedstat", encoding="ascii") as file:  # noqa: PTH123
            return int(file.read().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0


def _resident_bytes() -> float:
    return _status("VmRSS") if sys.platform == "linux" else _largest_resident_bytes()


def _peak_bytes() -> float:
    """The peak since the process began; on Linux not `ru_maxrss`, which begins with the parent's."""
    return _status("VmHWM") if sys.platform == "linux" else _largest_resident_bytes()


def _largest_resident_bytes() -> float:
    if sys.platform == "win32":
        return float("nan")
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1.0 if sys.platform == "darwin" else 1024.0)


if __name__ == "__main__":
    main()
