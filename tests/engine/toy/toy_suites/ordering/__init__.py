"""Toy cases."""
