"""Records of trials, environments and runs on disk: typed, versioned, validated.

Other packages import from here: execution writes records, analysis and report read them.
"""

from bench.records.models import (
    REFERENCE,
    SCHEMA_VERSION,
    ContestantRecord,
    Environment,
    InputRecord,
    Latency,
    Parity,
    PartParity,
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
    RunReader,
    TrialWriter,
    append_trial,
    read_run,
    read_run_record,
    write_run,
)

__all__ = [
    "ARRAYS_FOLDER",
    "REFERENCE",
    "RUN_FILE",
    "SCHEMA_VERSION",
    "TRIALS_FILE",
    "ContestantRecord",
    "Environment",
    "InputRecord",
    "Latency",
    "Parity",
    "PartParity",
    "Record",
    "RecordError",
    "Run",
    "RunData",
    "RunReader",
    "Trial",
    "TrialKind",
    "TrialStatus",
    "TrialWriter",
    "Turn",
    "append_trial",
    "read_run",
    "read_run_record",
    "write_run",
]
