"""Downgrade resistance."""
