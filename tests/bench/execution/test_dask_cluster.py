"""Runs over a real Dask cluster: a scheduler and three workers as processes, whose deaths cost nothing but time."""

import os
import shutil
import subprocess
import sys
import threading
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from dask_processes import Cluster, kill, wait_until
from harness import Watcher, real_machine, run_record, small_split, spec, workload

from bench.execution.executors.dask_cluster import DaskExecutor
from bench.execution.executors.dask_connection import ClusterError, connect, local_cluster
from bench.execution.runner import Job, Runner
from bench.execution.schedule import key_of, plan
from bench.records import append_trial, read_run

MEASURED = {
    *("cold_start_seconds", "build_seconds", "fit_seconds", "epoch_seconds", "turns", "harness_seconds", "latencies"),
    *("started_at", "load", "peak_memory_bytes", "steps", "disturbed", "run_id"),
}
"""Fields that a clock or a meter has a part in; the steps of turns are as many as there was time for."""


@pytest.fixture(autouse=True)
def _light_data(monkeypatch):
    monkeypatch.setattr("bench.execution.request_builder.make_split", small_split)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A cluster for tests that kill none of it."""
    with three_workers(tmp_path_factory.mktemp("cluster")) as made:
        yield made


@contextmanager
def three_workers(folder):
    with Cluster(folder) as made:
        made.start_worker("--resources", "machine=1")
        made.start_worker()
        made.start_worker()
        made.wait(3)
        yield made


def entries(names=("Tiny", "Twin"), **fields):
    asked = {"scored_seeds": 2, "rounds": 1, "launches": 1, "parity": True, "prediction_rows": [1], **fields}
    return [(workload(**asked), [spec(name) for name in names])]


def run(directory, address=None, *, places=2, watcher=None, ended=(), **fields):
    """Make a run on this machine, or on a cluster; return its record, and all records of trials."""
    directory.mkdir(exist_ok=True)
    job = Job(directory, run_record(), entries(**fields), reference="Tiny", ended=ended)
    watcher = watcher or Watcher()
    if address is None:
        made = Runner(job, real_machine(directory, places=places), watcher).run()
    else:
        with connect(address) as client:
            executor = DaskExecutor(client, directory, threads=1, ended=ended)
            executor.require_machine()
            made = Runner(Job(**{**vars(job), "executor": executor}), real_machine(directory), watcher).run()
    return made, read_run(directory).trials


def comparable(trials):
    return sorted(({k: v for k, v in trial.model_dump(mode="json").items() if k not in MEASURED} for trial in trials), key=repr)


def complete(trials, **fields):
    """Whether every planned trial is there, and none twice."""
    planned = {one.key for one in plan(entries(**fields), seed=1, reference="Tiny") if one.kind != "tune"}
    return Counter(map(key_of, trials)) == Counter(planned)


def test_the_records_do_not_depend_on_the_executor_or_its_size(tmp_path, cluster):
    _, alone = run(tmp_path / "one", places=1)
    _, by_two = run(tmp_path / "two", places=2)
    made, on_cluster = run(tmp_path / "cluster", cluster.address)
    assert made.status == "complete", made.stop_reason
    assert complete(on_cluster)
    assert comparable(by_two) == comparable(alone)
    assert comparable(on_cluster) == comparable(alone)
    assert {trial.parity is not None for trial in on_cluster if trial.kind == "parity" and trial.contestant != "Tiny"} == {True}
    arrays, logs = ([path.name for path in sorted((tmp_path / "cluster" / name).iterdir())] for name in ("arrays", "logs"))
    assert arrays == [path.name for path in sorted((tmp_path / "one" / "arrays").iterdir())]
    assert logs == [path.name for path in sorted((tmp_path / "one" / "logs").iterdir())]


@pytest.mark.slow
def test_a_dask_worker_may_have_several_threads(tmp_path):
    _, alone = run(tmp_path / "one", places=1)
    with Cluster(tmp_path) as cluster:
        cluster.start_worker("--resources", "machine=1", "--nthreads", 3)
        cluster.wait(1)
        made, on_cluster = run(tmp_path / "cluster", cluster.address)
    assert made.status == "complete", made.stop_reason
    assert comparable(on_cluster) == comparable(alone)


NAMED = ("unshare", "--map-root-user", "--uts", "sh", "-c", 'hostname machine-b && exec "$@"', "sh")
"""Begins a command whose machine has another name."""
can_rename = pytest.mark.skipif(
    shutil.which("unshare") is None or subprocess.run([*NAMED, "true"], capture_output=True).returncode != 0,
    reason="the system doesn't let a process have a host name of its own",
)


@pytest.mark.slow
@can_rename
def test_a_launch_is_on_one_machine_and_machines_take_launches_by_turns(tmp_path):
    fields = {"scored_seeds": 0, "parity": False, "rounds": 2, "launches": 2}
    with Cluster(tmp_path) as cluster:
        cluster.start_worker("--resources", "machine=1")
        cluster.start_worker("--resources", "machine=1", prefix=NAMED)
        cluster.wait(2)
        made, trials = run(tmp_path / "run", cluster.address, **fields)
        assert made.status == "complete", made.stop_reason
        assert complete(trials, **fields)
        machines = {}
        for trial in trials:
            machines.setdefault(trial.launch, set()).add(trial.machine)
        assert {len(found) for found in machines.values()} == {1}
        assert {machine for found in machines.values() for machine in found} == {None, "machine-b"}
        kept = [trial for trial in trials if trial.launch == min(machines) or trial.kind == "turns"]
        again = {}
        (tmp_path / "again").mkdir()
        for trial in kept:
            append_trial(tmp_path / "again", trial)
        _, trials = run(tmp_path / "again", cluster.address, ended=kept, **fields)
        for trial in trials:
            again.setdefault(trial.launch, set()).add(trial.machine)
    assert again == machines, "the rest of a launch goes to where it began"


@pytest.mark.slow
@can_rename
def test_a_machine_that_dies_has_its_launch_go_on_elsewhere(tmp_path):
    with Cluster(tmp_path) as cluster:
        cluster.start_worker("--resources", "machine=1")
        cluster.start_worker("--resources", "machine=1", prefix=NAMED)
        cluster.wait(2)
        fields = {**MANY, "scored_seeds": 0, "parity": False}
        made, trials = run(tmp_path / "run", cluster.address, watcher=Killer("turns", 3, cluster.workers[1]), **fields)
    assert made.status == "complete", made.stop_reason
    assert complete(trials, **fields)
    assert {trial.status for trial in trials} == {"ok"}


@pytest.mark.slow
def test_an_interrupted_run_leaves_no_process_on_the_cluster(tmp_path):
    class Interrupting(Watcher):
        def ended(self, trial, done, total):
            super().ended(trial, done, total)
            if trial.kind == "scored":
                raise KeyboardInterrupt

    with three_workers(tmp_path) as cluster:
        made, trials = run(tmp_path / "run", cluster.address, watcher=Interrupting(), **MANY)
        assert (made.status, made.stop_reason) == ("interrupted", "interrupted")
        wait_until(lambda: not [child for one in cluster.workers for child in psutil.Process(one.pid).children(recursive=True)], 20)
    assert not complete(trials, **MANY)
    _, trials = run(tmp_path / "run", ended=trials, **MANY)
    assert complete(trials, **MANY)


CUT_NETWORK = Path(__file__).parents[1] / "cut_network.py"
IN_NAMESPACE = ("unshare", "--map-root-user", "--net")
TRY_NETWORK = (*IN_NAMESPACE, "ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1")


@pytest.mark.slow
@pytest.mark.skipif(
    None in (shutil.which("ip"), shutil.which("unshare")) or subprocess.run(TRY_NETWORK, capture_output=True).returncode != 0,
    reason="the system doesn't let a process have a network of its own",
)
@pytest.mark.parametrize("kind", ["scored", "turns"])
def test_a_machine_whose_network_is_cut_costs_its_trial_only(tmp_path, kind):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [*IN_NAMESPACE, sys.executable, CUT_NETWORK, tmp_path, kind]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "complete, and nothing twice"


class Killer(Watcher):
    """Kills a process in the middle of a trial: that of this number, counted from 0, among those of a kind."""

    def __init__(self, kind, number, process):
        super().__init__()
        self.kind, self.number, self.process = kind, number, process
        self.begun = Counter()

    def started(self, planned, done, total, seconds_left):
        super().started(planned, done, total, seconds_left)
        if planned.kind == self.kind and self.begun[self.kind] == self.number:
            threading.Timer(0.2, kill, [self.process]).start()
        self.begun[planned.kind] += 1


MANY = {
    "names": ("Slow", "Tiny"),
    "scored_seeds": 4,
    "rounds": 2,
    "prediction_rows": [],
    "training": {"epochs": 20, "batch_size": 8},
}


def replace_machine(cluster):
    """Start another Dask worker that offers this host as a machine when the first has gone."""
    gone = cluster.workers[0]

    def replace():
        wait_until(lambda: gone.poll() is not None)
        cluster.start_worker("--resources", "machine=1")

    threading.Thread(target=replace, daemon=True).start()


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "place"), [("parity", 1), ("scored", 1), ("turns", 0), ("timed", 0)])
def test_a_worker_that_dies_costs_its_trial_only_which_runs_again_elsewhere(tmp_path, kind, place):
    with three_workers(tmp_path) as cluster:
        watcher = Killer(kind, 1, cluster.workers[place])
        if place == 0:
            replace_machine(cluster)
        made, trials = run(tmp_path / "run", cluster.address, watcher=watcher, **MANY)
        assert cluster.workers[place].poll() == -9
    assert made.status == "complete", made.stop_reason
    assert complete(trials, **MANY)
    assert {(trial.status, trial.error) for trial in trials} == {("ok", None)}


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "number"), [("scored", 5), ("turns", 1)])
def test_a_scheduler_that_dies_ends_the_run_with_everything_kept_and_resume_goes_on(tmp_path, kind, number):
    with three_workers(tmp_path) as cluster:
        watcher = Killer(kind, number, cluster.scheduler)
        made, kept = run(tmp_path / "run", cluster.address, watcher=watcher, **MANY)
    assert made.status == "interrupted"
    assert "scheduler is gone" in made.stop_reason
    assert kept
    (tmp_path / "again").mkdir()
    with three_workers(tmp_path / "again") as cluster:
        made, trials = run(tmp_path / "run", cluster.address, ended=kept, **MANY)
    assert made.status == "complete", made.stop_reason
    assert trials[: len(kept)] == kept
    assert complete(trials, **MANY)


@pytest.mark.slow
def test_a_trial_whose_workers_die_again_and_again_has_failed(tmp_path, monkeypatch):
    monkeypatch.setattr("bench.execution.executors.dask_cluster.MOST_LOSSES", 0)
    with Cluster(tmp_path) as cluster:
        cluster.start_worker("--resources", "machine=1")
        cluster.wait(1)
        replace_machine(cluster)
        fields = {"names": ("Slow",), "scored_seeds": 0, "parity": False}
        made, trials = run(tmp_path / "run", cluster.address, watcher=Killer("turns", 0, cluster.workers[0]), **fields)
    assert made.status == "complete", made.stop_reason
    assert [trial.error for trial in trials if trial.kind == "turns"] == ["1 Dask workers died while they ran it"]
    assert complete(trials, **fields)


def test_a_machine_with_other_versions_is_named_and_refused(tmp_path, cluster, monkeypatch):
    monkeypatch.setattr("bench.execution.environment.versions", lambda: {"numpy": "0.1"})
    with (
        connect(cluster.address) as client,
        pytest.raises(
            ClusterError, match=r"^machine \S+ has .*numpy \S+, not 0\.1.*: all machines of a run need the same software$"
        ),
    ):
        DaskExecutor(client, tmp_path, threads=1)


def test_a_machine_with_fewer_cores_than_threads_is_refused(tmp_path, cluster):
    with connect(cluster.address) as client, pytest.raises(ClusterError, match=r"has \d+ cores, .* get 1000 threads: give  --thr"):
        DaskExecutor(client, tmp_path, threads=1000)


@pytest.mark.slow
def test_a_host_is_one_machine_and_timed_trials_need_one(tmp_path):
    with Cluster(tmp_path) as cluster:
        cluster.start_worker()
        cluster.wait(1)
        with connect(cluster.address) as client:
            executor = DaskExecutor(client, tmp_path, threads=1)
            with pytest.raises(ClusterError, match=r'start one Dask worker on each machine with  --resources "machine=1"$'):
                executor.require_machine()
            executor.close()
            for _ in range(2):
                cluster.start_worker("--resources", "machine=1")
            client.wait_for_workers(3, timeout=60)
            with pytest.raises(ClusterError, match=r"both offer .* as their machine"):
                DaskExecutor(client, tmp_path, threads=1)


def ignores_ctrl_c():
    import signal

    return signal.getsignal(signal.SIGINT) == signal.SIG_IGN


def test_tls_without_certificates_is_one_line():
    error = pytest.raises(ClusterError, match=r"^tls://127\.0\.0\.1:9 needs certificates: name them in Dask's configuration")
    with error, connect("tls://127.0.0.1:9"):
        pass


def test_a_local_cluster_listens_on_loopback_alone_offers_one_machine_and_is_gone_afterwards():
    before = psutil.Process().children(recursive=True)  # other tests' pools
    with local_cluster(2) as address:
        with connect(address) as client:
            client.wait_for_workers(2, timeout=60)
            offers = [worker["resources"] for worker in client.scheduler_info()["workers"].values()]
            assert all(client.run(ignores_ctrl_c).values())
        started = [one for one in psutil.Process().children(recursive=True) if one not in before]
        processes = [psutil.Process(), *started]
        listeners = {one.laddr.ip for process in processes for one in process.net_connections() if one.status == psutil.CONN_LISTEN}
    assert sorted(map(bool, offers)) == [False, True]
    assert listeners == {"127.0.0.1"}
    wait_until(lambda: not [one for one in started if one.is_running() and "spawn_main" in " ".join(one.cmdline())], 20)


def test_no_scheduler_is_one_line(monkeypatch):
    monkeypatch.setattr("bench.execution.executors.dask_connection.CONNECT_SECONDS", 0.5)
    error = pytest.raises(ClusterError, match=r"no Dask scheduler can be reached at tcp://127\.0\.0\.1:9 .*: start one with  dask")
    with error, connect("tcp://127.0.0.1:9"):
        pass
