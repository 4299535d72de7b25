"""A small run in a process of its own, for the tests that kill it: `run_driver.py DIRECTORY`, which goes on with what is there.

The runner, the workers and the folder are the real ones; the data are light, so that a start takes a fraction of a second.
"""

import argparse
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from harness import Watcher, real_machine, run_record, small_split, spec, workload

import bench.execution.request_builder
from bench.execution.run_directory import FolderError, claimed
from bench.execution.runner import Job, Runner
from bench.records import RUN_FILE, read_run


def entries(epochs=3, names=("Slow", "Tiny", "Twin")):
    specs = [spec(name) for name in names]
    return [(workload(scored_seeds=3, rounds=4, launches=2, parity=True, training={"epochs": epochs, "batch_size": 8}), specs)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("--file-size-limit", type=int)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--contestants", nargs="+", default=["Slow", "Tiny", "Twin"])
    arguments = parser.parse_args()
    if arguments.file_size_limit is not None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (arguments.file_size_limit, arguments.file_size_limit))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    bench.execution.request_builder.make_split = small_split
    directory = arguments.directory
    try:
        with claimed(directory):
            data = read_run(directory) if (directory / RUN_FILE).exists() else None
            run, ended = (run_record(), []) if data is None else (data.run, data.trials)
            job = Job(directory, run, entries(arguments.epochs, arguments.contestants), reference="Tiny", ended=ended)
            made = Runner(job, real_machine(directory), Watcher()).run()
    except FolderError as error:
        print(error)
        return 2
    print(made.status, made.stop_reason)
    return 0 if made.status == "complete" else 3


if __name__ == "__main__":
    sys.exit(main())
