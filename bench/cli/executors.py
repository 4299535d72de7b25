"""The option `--executor`: where the trials of a run are done. Dask is imported only when it is asked for."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from bench.error_messages import short

if TYPE_CHECKING:
    from bench.execution.runner import Job

LOCAL, DASK = "local", "dask"
LAST_PORT = 65_535
INSTALL_DASK = 'python -m pip install -e ".[dask]"'
_ADDRESS = re.compile(r"(?P<protocol>dask|tcp|tls)://(?P<place>[^/\s]+:(?P<port>[0-9]+))")


def check_executor(text: str) -> None:
    """Check the option before anything else is done.

    Raises
    ------
    ValueError
        If it is none, or Dask is missing.

    """
    found = _ADDRESS.fullmatch(text)
    if found is not None and not 1 <= int(found["port"]) <= LAST_PORT:
        raise ValueError(f"--executor was {short(text)}: its port may be 1 to {LAST_PORT}")
    if text not in (LOCAL, DASK) and found is None:
        raise ValueError(f"--executor was {short(text)}: it may be local, dask, dask://HOST:PORT or tls://HOST:PORT")
    if text != LOCAL and importlib.util.find_spec("distributed") is None:
        raise ValueError(f"--executor {short(text)} needs Dask, which is missing: install it by  {INSTALL_DASK}")


@contextmanager
def on_executor(text: str, job: Job) -> Iterator[Job]:
    """Yield the job with what does its trials: a cluster, which is ended or left with the block; nothing for this machine.

    Raises
    ------
    ValueError
        If the cluster can't be reached, or isn't one that this run can use.

    """
    if text == LOCAL:
        yield job
        return
    from bench.execution.environment import cores
    from bench.execution.executors.dask_cluster import DaskExecutor
    from bench.execution.executors.dask_connection import connect, local_cluster
    from bench.execution.schedule import UNTIMED, plan

    with local_cluster(cores()) if text == DASK else _given(text) as address, connect(address) as client:
        executor = DaskExecutor(client, job.directory, threads=job.run.threads, ended=job.ended)
        try:
            if any(planned.kind not in UNTIMED for planned in plan(job.entries, seed=job.run.seed)):
                executor.require_machine()
            known = {machine.name: machine for machine in [*job.run.machines, *executor.machines]}
            run = job.run.model_copy(update={"machines": list(known.values())})
            yield replace(job, run=run, executor=executor)
        finally:
            executor.close()


@contextmanager
def _given(text: str) -> Iterator[str]:
    found = _ADDRESS.fullmatch(text)
    assert found is not None
    yield f"{'tcp' if found['protocol'] == DASK else found['protocol']}://{found['place']}"
