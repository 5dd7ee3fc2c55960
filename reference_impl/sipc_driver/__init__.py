"""Package sipc_driver."""
