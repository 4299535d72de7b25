import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import pytest
from contestant_trials import start_process

from bench.contestants.registry import CONTESTANTS


@pytest.fixture(scope="session")
def in_process():
    """`in_process(name, function, *arguments)`: call it in a fresh process with the environment of the contestant `name`.

    Contestants of one environment share one. A contestant whose packages are missing skips the test.
    """
    pools = {}

    def call(name, function, *arguments):
        spec = CONTESTANTS[name]
        if spec.missing:
            pytest.skip(f"{', '.join(spec.missing)} not installed: {spec.install}")
        key = (*sorted(spec.environment.items()), *spec.packages[-1:])
        if key not in pools:
            context = multiprocessing.get_context("spawn")
            pools[key] = ProcessPoolExecutor(1, context, initializer=start_process, initargs=(dict(spec.environment),))
        return pools[key].submit(function, spec.target, *arguments).result(timeout=300)

    yield call
    for pool in pools.values():
        pool.shutdown()
