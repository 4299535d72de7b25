"""The history of runs, and its change points."""
