"""Measurements of the reference implementation beside other stacks, and of the harness. Not part of the wheel."""
