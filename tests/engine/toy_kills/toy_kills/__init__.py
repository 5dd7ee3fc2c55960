"""Suites whose cases do what the mutant's command says."""
