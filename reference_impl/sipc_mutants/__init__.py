"""The reference implementation with one defect at a time, to see whether the suites notice.

A mutant is data: an id of the catalogue, a sentence, and source text to replace. `python -m sipc_mutants ID` runs the
reference's driver with that replacement; nothing of it reaches the reference itself.
"""
