"""A real Dask cluster for tests: a scheduler and workers as processes of this machine, which a test may kill."""

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from distributed import Client

START_SECONDS = 60
PAGE = ("--no-dashboard", "--dashboard-address", "127.0.0.1:0")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Cluster:
    """Processes of a cluster; `scheduler` and `workers` are what can be killed."""

    folder: Path
    host: str = "127.0.0.1"
    """Where the scheduler listens."""
    port: int = field(default_factory=free_port)
    scheduler: subprocess.Popen | None = None
    workers: list[subprocess.Popen] = field(default_factory=list)

    @property
    def address(self):
        return f"tcp://{self.host}:{self.port}"

    def start_scheduler(self):
        self.scheduler = self._start("distributed.cli.dask_scheduler", "--host", self.host, "--port", self.port, *PAGE)

    def start_worker(self, *options, prefix=()):
        folder = self.folder / f"worker-{len(self.workers)}"
        fixed = ("--host", self.host, "--nthreads", 1, "--no-nanny", *PAGE, "--memory-limit", 0)
        arguments = (*fixed, "--local-directory", folder, *options)
        self.workers.append(self._start("distributed.cli.dask_worker", self.address, *arguments, prefix=prefix))

    def _start(self, module, *arguments, prefix=()):
        log = (self.folder / f"{module.rpartition('.')[2]}.log").open("ab")
        command = [*prefix, sys.executable, "-m", module, *map(str, arguments)]
        with log:
            return subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "DASK_LOGGING__DISTRIBUTED": "info"})

    def wait(self, count):
        """Wait until so many workers have come."""
        with Client(self.address, timeout=START_SECONDS, set_as_default=False) as client:
            client.wait_for_workers(count, timeout=START_SECONDS)

    def __enter__(self):
        self.start_scheduler()
        return self

    def __exit__(self, *_):
        for process in [*self.workers, self.scheduler]:
            process.kill()
        for process in [*self.workers, self.scheduler]:
            process.wait(timeout=20)


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=20)


def wait_until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it hasn't happened in time"
        time.sleep(0.02)
