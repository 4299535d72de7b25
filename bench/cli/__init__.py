"""The command line: commands, options, progress, exit codes."""
