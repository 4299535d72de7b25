"""Is `numpy_nn` slower than it was? Two revisions side by side in one process, and the history of the runs.

`commands` is what the command line calls: `compare` (comparison), `certify` (how often is it wrong?) and `track` (history).
"""
