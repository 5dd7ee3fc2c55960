"""Timeouts and deadlines."""
