"""Suites whose cases do what their names say; for tests of the engine."""
