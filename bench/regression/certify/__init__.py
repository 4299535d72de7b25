"""How often `compare` is wrong, measured."""
