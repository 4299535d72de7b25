"""Checks of the machine, of the harness and of its intervals."""
