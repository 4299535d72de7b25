"""Starts a Dask cluster on this machine, and connects to one. Imported by the command line when a run asks for Dask."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import dask
from distributed import Client, Nanny, Scheduler, Security, SpecCluster

from bench.error_messages import one_line

RESOURCE = "machine"
START_WORKERS = 'start one Dask worker on each machine with  --resources "machine=1"'
CONNECT_SECONDS = 10.0
CALL_SECONDS = 10.0
"""How long the end of a run waits for the Dask workers to end their processes."""


class ClusterError(ValueError):
    """A cluster that this run can't use: one line that says why, and what to type."""


@contextmanager
def local_cluster(workers: int) -> Iterator[str]:
    """Start a scheduler and Dask workers on this machine, which listen on loopback alone; yield the scheduler's address."""
    _be_quiet()
    page = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}  # which is there without a dashboard, too
    common = {"host": "127.0.0.1", **page}
    each = {**common, "nthreads": 1, "memory_limit": 0, "silence_logs": logging.CRITICAL}
    quiet = {"distributed.worker.profile.enabled": False}  # it wakes 100 times a second
    with dask.config.set(quiet), _ctrl_c_ignored():
        cluster: Any = SpecCluster(
            scheduler={"cls": Scheduler, "options": common},
            workers={
                number: {"cls": Nanny, "options": {**each, "resources": {RESOURCE: 1} if number == 0 else None}}
                for number in range(workers)
            },
        )
    try:
        yield str(cluster.scheduler_address)
    finally:
        with suppress(OSError, TimeoutError):
            cluster.close(timeout=CALL_SECONDS)


@contextmanager
def _ctrl_c_ignored() -> Iterator[None]:
    """Have processes that are started ignore Ctrl-C, which reaches all of a terminal: the run ends them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def connect(address: str) -> Iterator[Client]:
    """Connect to a scheduler; TLS is as Dask's own configuration has it.

    Raises
    ------
    ClusterError
        If no scheduler answers, or it has no worker.

    """
    _be_quiet()
    if address.startswith("tls://") and Security().get_connection_args("client").get("ssl_context") is None:
        raise ClusterError(f"{address} needs certificates: name them in Dask's configuration, as distributed.comm.tls.ca-file")
    try:
        client: Any = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        reason = one_line(error)
        raise ClusterError(f"no Dask scheduler can be reached at {address} ({reason}): start one with  dask scheduler") from None
    try:
        try:
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except TimeoutError:
            raise ClusterError(f"the Dask scheduler at {address} has no worker: {START_WORKERS}") from None
        yield client
    finally:
        with suppress(OSError, TimeoutError):
            client.close(timeout=CALL_SECONDS)


def _be_quiet() -> None:
    """Keep Dask's own messages off the screen: what they tell of is told by the run."""
    for name in ("distributed", "tornado"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
