"""The ipc-gauntlet harness."""
