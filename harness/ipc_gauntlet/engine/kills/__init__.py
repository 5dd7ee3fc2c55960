"""Hunting mutants: whether the cases of a requirement notice an implementation that violates it."""
