"""Which planned trials are skipped, and for which reason: a list of rules with one interface.

The runner shows each rule every trial that has ended, in a resumed run first those on disk, and asks all rules before a trial
starts. A trial that a rule names a reason against is recorded as `skipped`, with that reason as its error.
"""

from bench.execution.skip_rules.base import SkipRule
from bench.execution.skip_rules.repeated_failures import RepeatedFailures
from bench.execution.skip_rules.scaling_cutoff import ScalingCutoff

__all__ = ["RepeatedFailures", "ScalingCutoff", "SkipRule"]
