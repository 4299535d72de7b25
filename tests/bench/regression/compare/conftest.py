"""A repository that several files compare commits of."""

import pytest
from compare_calls import COMMITS
from repositories import commit, git, make_repository


@pytest.fixture(scope="session")
def repository(tmp_path_factory):
    """Commits `good`, those of COMMITS, each on top of `good`, and `empty`."""
    folder = make_repository(tmp_path_factory.mktemp("repositories") / "repository")
    for tag, addition in COMMITS.items():
        git(folder, "checkout", "-q", "good")
        with (folder / "numpy_nn" / "__init__.py").open("a") as file:
            file.write("\n" + addition + "\n")
        commit(folder, tag)
    git(folder, "checkout", "-q", "good")
    git(folder, "rm", "-rq", "numpy_nn")
    commit(folder, "empty")
    git(folder, "checkout", "-q", "good")
    return folder
