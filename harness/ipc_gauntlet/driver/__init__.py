"""Driver processes."""
