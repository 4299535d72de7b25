"""Who trains: the table of contestants, found by name. Importing it imports none of them.

Called by the runner (which process to launch, with what environment), by `bench list`, and by the worker (which class).
"""

from bench.contestants.registry import CONTESTANTS, Spec, find, load

__all__ = ["CONTESTANTS", "Spec", "find", "load"]
