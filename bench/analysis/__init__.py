"""From records to figures: statistics, parity, times, limits, scaling and warnings. `summary.analyse` computes all of them.

Called by the report and the command line. Nothing here measures, draws or writes.
"""
