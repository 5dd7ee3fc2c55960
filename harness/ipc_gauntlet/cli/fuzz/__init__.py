"""`ipc-gauntlet fuzz ...`: one module for each command."""
