"""Thin drivers for stacks made by others: each folder is one, run as `python -m ipc_gauntlet_drivers.<name>`."""
