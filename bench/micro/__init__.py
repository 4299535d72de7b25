"""The micro-benchmarks: `nox -s micro`. Also for pytest-codspeed: nothing is used that only one of the two plugins has."""
