"""Run a flawed driver: `python -m sipc_mutants ID`."""

from sipc_mutants.program import main

main()
