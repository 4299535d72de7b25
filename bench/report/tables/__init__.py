"""The tables of the report, as text: each function takes the analysis and a workload, and returns a `document.Table`.

Called by `bench.report.sections`. A table has a row per contestant unless its docstring says otherwise, and is None without rows.
"""
