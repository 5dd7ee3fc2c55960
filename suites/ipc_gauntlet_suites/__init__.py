"""Package ipc_gauntlet_suites."""
