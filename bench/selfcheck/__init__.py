"""Whether the machine, the harness and its intervals can be trusted here."""
