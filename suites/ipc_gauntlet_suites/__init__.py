"""The conformance suites: one folder per suite, one requirement per case."""
