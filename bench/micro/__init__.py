"""The benchmarks of `numpy_nn`: one definition for `nox -s micro` (pytest-benchmark, pytest-codspeed), `compare` and `certify`.

`benchmark` says what a benchmark is, `suite` holds all of them. Everything but the tests imports NumPy, greenlet and the standard
library only, since it runs in the processes in which two revisions take turns.
"""
