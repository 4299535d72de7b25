"""From options to records: run selection, schedule, runner, skip rules, worker processes, measurement, environment."""
