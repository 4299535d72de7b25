"""From records to figures: statistics, parity, times, limits, scaling, warnings, the verdict. `summary.analyse` makes them all.

Called by the report and the command line, which get tables and sentences; nothing here measures, draws or writes.
"""
