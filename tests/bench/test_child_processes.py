"""The environment of children: what they get, and what the record says that they don't."""

import os

import pytest

from bench.child_processes import clean_environment, dropped_variables, signal_name

USERS = {
    "PATH": "/bin",
    "LC_ALL": "C",
    "COVERAGE_PROCESS_CONFIG": "x",
    "CUDA_VISIBLE_DEVICES": "-1",
    "PYTHONPATH": os.pathsep.join(["", ".", "mine"]),
    "PYTHONWARNINGS": "error",
    "PYTHONOPTIMIZE": "2",
    "PYTHONSTARTUP": "x.py",
    "KERAS_BACKEND": "torch",
    "OMP_NUM_THREADS": "7",
    "LD_PRELOAD": "x.so",
    "SECRET_TOKEN": "s",
}


def test_a_child_gets_no_setting_of_python_or_a_library():
    child = clean_environment(USERS)
    assert child.keys() == {"PATH", "LC_ALL", "COVERAGE_PROCESS_CONFIG", "CUDA_VISIBLE_DEVICES", "PYTHONPATH"}
    assert "mine" not in child["PYTHONPATH"].split(os.pathsep)


def test_the_record_names_what_was_dropped_and_could_matter_and_no_secret():
    found = dropped_variables(USERS)
    assert found == ["KERAS_BACKEND", "LD_PRELOAD", "OMP_NUM_THREADS", "PYTHONOPTIMIZE", "PYTHONSTARTUP", "PYTHONWARNINGS"]


@pytest.mark.parametrize(("number", "name"), [(9, "SIGKILL"), (40, "signal 40"), (1000, "signal 1000")])
def test_a_signal_without_a_name_has_its_number(number, name):
    assert signal_name(number) == name
