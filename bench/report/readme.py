"""Writes the README's table from a published report's records: `python -m bench.report.readme results/reference`.

The table stands between two comments in `README.md`; a test holds that it is what this command writes.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bench.analysis.summary import Analysis, analyse
from bench.files import write_whole
from bench.records import OURS, RecordError, read_run
from bench.report import units
from bench.report.document import Ranking
from bench.report.markdown_table import markdown_table
from bench.report.tables.ranking import ranking
from bench.report.verdict import ARTICLE_ACCURACY, answer, like_for_like, row_of, same_computation

BEGIN, END = "<!-- results: written by `python -m bench.report.readme` -->", "<!-- end of results -->"
_LABELS = {
    "numpy_nn": "**`numpy_nn`**, plain NumPy",
    "jax": "JAX, the epoch as one compiled scan",
    "tensorflow": "TensorFlow by hand, the epoch compiled",
    "keras-jax": "Keras `fit` on JAX, its fastest settings",
    "torch-compile": "PyTorch, compiled",
    "sklearn": "scikit-learn's `MLPClassifier`",
    "keras-tuned": "Keras `fit` on TensorFlow, at its best",
    "keras": "Keras `fit`, as it comes",
}
"""The contestants of the table; the report has all of them."""


def results(directory: Path) -> str:
    """The answer, the table and the line under it, of the run in `directory`."""
    analysis = analyse(read_run(directory))
    workload = like_for_like(analysis)
    table = ranking(analysis, workload, "", f"to {ARTICLE_ACCURACY:g}")
    if table is None:
        raise ValueError(f"{directory} has no times or accuracies to make a table of")
    return "\n\n".join([f"**{answer(analysis)}**", _table(table, workload), _below(analysis, table)])


def rewritten(readme: str, text: str) -> str:
    """`readme` with `text` between the two comments."""
    if readme.count(BEGIN) != 1 or readme.count(END) != 1:
        raise ValueError(f"the README was without exactly one {BEGIN!r} and one {END!r}")
    before, rest = readme.split(BEGIN)
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.split(END)[1]}"


def _table(table: Ranking, workload: str) -> str:
    kept = [0, 2, 3, 4, 5]
    columns = [f"on `{workload}`", *(table.columns[column] for column in kept[1:])]
    rows = []
    for row in table.rows:
        if row.cells[0] in _LABELS:
            name, score, *others = (row.cells[column] for column in kept)
            rows.append([_LABELS[name], f"{score} ¹" if "one seed" in row.doubt else score, *others])
    return markdown_table(columns, rows, "<" + ">" * (len(kept) - 1))


def _below(analysis: Analysis, table: Ranking) -> str:
    limit = row_of(analysis.limits, workload=like_for_like(analysis), contestant=OURS)
    floor = [] if limit is None else [units.multiple(limit["times_floor"], limit["low"], limit["high"])]
    run = analysis.data.run
    commit = f", commit `{run.environment.commit[:7]}`" if run.environment.commit else ""
    machine = f"{units.counted(run.environment.cores, 'core')}, {units.seconds(run.elapsed_seconds)}{commit}"
    seeds = max(int(row.cells[1].split(" · ")[2]) for row in table.rows)
    return " ".join(
        [
            *same_computation(analysis),
            *(f"A step takes {text} its matrix products alone." for text in floor),
            f"Brackets are {units.INTERVAL}s ({machine}).",
            f"¹ One seed; the others are means over {seeds}.",
        ]
    )


def main(arguments: list[str]) -> int:
    """Write the table into README.md of the current folder, and return the exit code."""
    try:
        directory, readme = Path(*arguments), Path("README.md")
        write_whole(readme, rewritten(readme.read_text(encoding="utf-8"), results(directory)))
    except (OSError, TypeError, ValueError, RecordError) as error:
        print(f"error: {error}; say  python -m bench.report.readme DIR", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
