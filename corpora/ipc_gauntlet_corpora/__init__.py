"""Package ipc_gauntlet_corpora."""
