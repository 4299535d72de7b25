"""Changes with a known verdict, by real comparisons of whole repositories: `pytest --slow`."""

import pytest
import seeded_changes
from coverage_of_compare import callers, public_functions


def test_every_seeded_change_is_one(tmp_path):
    for number, (name, change) in enumerate(seeded_changes.CHANGES.items()):
        package = seeded_changes.make_repository(tmp_path / str(number)) / "numpy_nn"
        before = {path: path.read_bytes() for path in package.rglob("*.py")}
        change.edit(package)
        after = {path: path.read_bytes() for path in package.rglob("*.py")}
        assert after != before, name
        for path, source in after.items():
            compile(source, path, "exec")


def test_the_public_functions_that_no_benchmark_calls_are_few_and_known():
    called = set().union(*callers().values())
    functions = public_functions()
    assert len(functions) > 180
    assert "sequential.py:Sequential.fit" in {function.place for function in functions}
    left = {function.place for function in functions} - called
    assert not [place for place in left if place.startswith(("sequential.py", "estimators/"))]
    assert len(left) < len(functions) / 8


@pytest.mark.slow
@pytest.mark.parametrize("name", [*seeded_changes.REGRESSIONS, *seeded_changes.HARMLESS, "train-on-batch x800"])
def test_a_seeded_change_has_its_verdict(name, tmp_path):
    change = seeded_changes.CHANGES[name]
    document = seeded_changes.outcome(name, tmp_path, "--budget", str(change.seconds))
    assert document["verdict"] == change.verdict, document
    assert any(benchmark.startswith(change.benchmark) for benchmark in seeded_changes.named(document))
