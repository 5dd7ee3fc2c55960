"""Package ipc_gauntlet_drivers."""
