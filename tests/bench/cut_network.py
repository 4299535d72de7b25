"""A run on a cluster, one worker of which is in a network of its own that is cut in the middle: `cut_network.py FOLDER KIND`.

Called inside a network namespace, as root of it: `unshare --map-root-user --net`. The worker offers the second machine.
"""

import os
import subprocess
import sys
from pathlib import Path

import dask
from dask_processes import Cluster, wait_until
from harness import Watcher, small_split
from test_dask_cluster import MANY, complete, run

import bench.execution.request_builder

OUTSIDE, INSIDE = "10.7.0.1", "10.7.0.2"
WAITING = f"""hostname machine-b
until ip link set v1 up 2>/dev/null; do sleep 0.1; done
ip addr add {INSIDE}/24 dev v1 && ip link set lo up && exec "$@"
"""
FAST = {"distributed.comm.timeouts.tcp": "12s", "distributed.comm.timeouts.connect": "5s"}


def ip(*words):
    subprocess.run(["ip", *map(str, words)], check=True)


class Cutter(Watcher):
    """Cuts the network when a trial of a kind begins for the second time."""

    def __init__(self, kind):
        super().__init__()
        self.kind, self.count = kind, 0

    def started(self, planned, done, total, seconds_left):
        self.count += planned.kind == self.kind
        if planned.kind == self.kind and self.count == 2:
            ip("link", "set", "v0", "down")


def main(folder, kind):
    bench.execution.request_builder.make_split = small_split
    ip("link", "set", "lo", "up")
    ip("link", "add", "v0", "type", "veth", "peer", "name", "v1")
    ip("addr", "add", f"{OUTSIDE}/24", "dev", "v0")
    ip("link", "set", "v0", "up")
    with Cluster(folder, host=OUTSIDE) as cluster:
        cluster.start_worker("--resources", "machine=1")
        cluster.start_worker(
            "--host", INSIDE, "--resources", "machine=1", prefix=("unshare", "--net", "--uts", "sh", "-c", WAITING, "sh")
        )
        wait_until(lambda: subprocess.run(["ip", "link", "set", "v1", "netns", str(cluster.workers[1].pid)]).returncode == 0)
        cluster.wait(2)
        watcher = Cutter(kind)
        made, trials = run(folder / "run", cluster.address, watcher=watcher, **MANY)
    assert watcher.count >= 2
    assert made.status == "complete", made.stop_reason
    assert {(trial.status, trial.error) for trial in trials} == {("ok", None)}
    print("complete, and nothing twice" if complete(trials, **MANY) else "not complete, or something twice")


if __name__ == "__main__":
    os.environ |= {f"DASK_{name.upper().replace('.', '__')}": value for name, value in FAST.items()}
    with dask.config.set(FAST):
        main(Path(sys.argv[1]), sys.argv[2])
