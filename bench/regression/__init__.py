"""Is `numpy_nn` slower than it was? `compare` two revisions, `history` of runs, `certify` how often `compare` is wrong."""
