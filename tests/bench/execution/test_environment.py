import subprocess
import sys

import psutil

from bench.execution import environment


def test_the_environment_names_machine_libraries_and_blas():
    found = environment.describe(1)
    assert found.cpu
    assert 1 <= found.cores <= psutil.cpu_count()
    assert found.memory_bytes > 2**28
    assert {"numpy", "pandas"} <= found.versions.keys()
    assert "unknown" not in found.blas
    assert 0 < found.clock_resolution_seconds < 1e-3


def test_describing_the_environment_imports_no_framework():
    code = "import sys; from bench.execution.environment import describe; describe(1); print({'keras', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_revision_is_that_of_the_folder_itself(tmp_path):
    assert environment.revision(tmp_path) == (None, None)

    def git(*arguments):
        subprocess.run(
            ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b", *arguments], check=True, capture_output=True
        )

    git("init")
    (tmp_path / "inner").mkdir()
    (tmp_path / "file").write_text("")
    git("add", ".")
    git("commit", "-m", "first")
    commit, dirty = environment.revision(tmp_path)
    assert (len(commit), dirty) == (40, False)
    (tmp_path / "file").write_text("changed")
    assert environment.revision(tmp_path) == (commit, True)
    assert environment.revision(tmp_path / "inner") == (None, None)


def test_the_clocks_resolution_is_the_smallest_step_between_readings():
    readings = iter([0.0, 0.0, 0.5, 0.75, 0.75, 2.0])
    assert environment.clock_resolution_seconds(lambda: next(readings), readings=5) == 0.25
