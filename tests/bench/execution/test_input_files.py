"""What a run reads is known by its hashes; a change under it is seen, and nothing is executed to find out."""

import os
from pathlib import Path

import pytest
from harness import FakeLaunch, Watcher, fake_machine, run_record, spec, workload

from bench.execution.input_files import ChangedInputError, InputFiles, contestant_files, describe, differences, sources_sha256
from bench.execution.runner import Job, Runner
from bench.records import read_run
from bench.workloads.models import Data


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text("a,b,y\n" + "".join(f"{row % 7},{row % 5},{row % 2}\n" for row in range(40)))
    return path


def on_file(path, **fields):
    return workload(data=Data(name="file", parameters={"path": str(path), "target": "y"}, test_size=0.2).model_dump(), **fields)


def test_data_are_known_by_hash_rows_and_features(table):
    (record,) = describe([(on_file(table), [])], [])
    assert (record.kind, record.used_by, record.path, record.rows, record.features) == ("data", "small", str(table), 40, 2)
    assert differences(run_record(inputs=[record])) == []
    table.write_text(table.read_text() + "1,2,0\n")
    (difference,) = differences(run_record(inputs=[record]))
    assert "d.csv (data of small) isn't the file that the run began with" in difference
    assert "40 rows of 2 features" in difference
    table.unlink()
    assert "can't be read: No such file" in differences(run_record(inputs=[record]))[0]


def test_a_contestants_files_are_those_that_it_imports_from_beside_it_and_none_is_executed(tmp_path):
    (tmp_path / "net.py").write_text("import helper, numpy\nfrom other.part import x\nraise SystemExit('executed')\n")
    (tmp_path / "helper.py").write_text("from third import y\nimport net\n")
    (tmp_path / "third.py").write_text("not Python at all (\n")
    (tmp_path / "unused.py").write_text("")
    assert [path.name for path in contestant_files(f"{tmp_path / 'net.py'}:Net")] == ["net.py", "helper.py", "third.py"]
    (tmp_path / "third.py").write_text("from . import fourth\nfrom parts.core import y\n")
    (tmp_path / "fourth.py").write_text("")
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "core.py").write_text("raise SystemExit('executed')\n")
    found = [path.name for path in contestant_files(f"{tmp_path / 'net.py'}:Net")]
    assert found == ["net.py", "fourth.py", "helper.py", "core.py", "third.py"]


def test_a_module_is_found_without_being_imported(tmp_path, monkeypatch):
    (tmp_path / "package_of_nobody" / "part").mkdir(parents=True)
    for name in ("__init__.py", "part/__init__.py", "part/net.py"):
        (tmp_path / "package_of_nobody" / name).write_text("raise SystemExit('executed')\n")
    monkeypatch.syspath_prepend(tmp_path)
    (path,) = contestant_files("package_of_nobody.part.net:Net")
    assert path == tmp_path / "package_of_nobody" / "part" / "net.py"
    assert contestant_files("package_of_nobody.nothing:Net") == []
    assert contestant_files("json:Net")[0].name == "__init__.py"


def test_the_code_has_a_hash_that_each_change_changes(tmp_path):
    (tmp_path / "numpy_nn").mkdir()
    (tmp_path / "numpy_nn" / "a.py").write_text("x = 1\n")
    first = sources_sha256(tmp_path)
    (tmp_path / "numpy_nn" / "notes.txt").write_text("no code")
    assert sources_sha256(tmp_path) == first
    (tmp_path / "numpy_nn" / "a.py").write_text("x = 2\n")
    second = sources_sha256(tmp_path)
    (tmp_path / "numpy_nn" / "a.py").rename(tmp_path / "numpy_nn" / "b.py")
    assert len({first, second, sources_sha256(tmp_path)}) == 3


def test_a_file_that_is_only_touched_is_the_same_and_one_that_changes_is_not(table):
    files = InputFiles(describe([(on_file(table), [])], []))
    os.utime(table, (1, 1))
    files.check()
    table.write_text(table.read_text().replace("1", "3", 1))
    with pytest.raises(ChangedInputError, match=r"d\.csv"):
        files.check()


def test_a_run_ends_when_its_data_change_under_it(tmp_path, table):
    entry = on_file(table, rounds=4, launches=1)
    record = run_record(inputs=describe([(entry, [])], []), workloads=[entry.model_dump(mode="json")])

    class Changing(FakeLaunch):
        def __call__(self, *arguments):
            Path(table).write_text("a,b,y\n" + "1,2,0\n3,4,1\n" * 30)
            return super().__call__(*arguments)

    launch = Changing()
    run = Runner(Job(tmp_path / "run", record, [(entry, [spec("Tiny")])]), fake_machine(launch), Watcher())
    (tmp_path / "run").mkdir()
    made = run.run()
    assert made.status == "interrupted"
    assert "d.csv (data of small) isn't the file that the run began with" in made.stop_reason
    assert len(read_run(tmp_path / "run").trials) <= 1
