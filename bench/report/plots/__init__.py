"""From tables to figures: each function gets a table and returns a matplotlib Figure, and touches no file and no global state.

Called by `bench.report.figures`, which also says what each plot shows to those who can't see it.
"""
