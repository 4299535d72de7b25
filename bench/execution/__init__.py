"""From a plan to records: what is run, in which order, in which processes, and how it is measured."""
