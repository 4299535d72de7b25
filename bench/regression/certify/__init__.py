"""How often `compare` is wrong, measured by real, resampled and simulated comparisons."""
