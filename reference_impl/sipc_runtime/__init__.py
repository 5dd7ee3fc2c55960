"""Package sipc_runtime."""
