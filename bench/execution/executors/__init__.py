"""Where trials run: on this machine, or on the machines of a Dask cluster.

The runner hands each trial, or all turns of a launch, to an `Executor` as one piece of work, and writes the records itself.
`station` is a machine's side of it, `local` and `dask_cluster` are executors, and `parcels` carry files to another machine.
"""
