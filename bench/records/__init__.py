"""Records of trials, environments and runs on disk: typed, versioned, validated.

Other packages import from here: execution writes records, analysis and report read them.
"""

from bench.records.models import (
    HEADLINE_REFERENCES,
    HEADLINE_WORKLOAD,
    LARGEST_DIFFERENCE,
    OURS,
    REFERENCE,
    SCHEMA_VERSION,
    ContestantRecord,
    Environment,
    InputRecord,
    Latency,
    MachineRecord,
    Parity,
    Record,
    Run,
    Trial,
    TrialKind,
    TrialStatus,
    Turn,
)
from bench.records.store import (
    ARRAYS_FOLDER,
    RUN_FILE,
    TRIALS_FILE,
    RecordError,
    RunData,
    append_trial,
    read_run,
    write_run,
)

__all__ = [
    "ARRAYS_FOLDER",
    "HEADLINE_REFERENCES",
    "HEADLINE_WORKLOAD",
    "LARGEST_DIFFERENCE",
    "OURS",
    "REFERENCE",
    "RUN_FILE",
    "SCHEMA_VERSION",
    "TRIALS_FILE",
    "ContestantRecord",
    "Environment",
    "InputRecord",
    "Latency",
    "MachineRecord",
    "Parity",
    "Record",
    "RecordError",
    "Run",
    "RunData",
    "Trial",
    "TrialKind",
    "TrialStatus",
    "Turn",
    "append_trial",
    "read_run",
    "write_run",
]
