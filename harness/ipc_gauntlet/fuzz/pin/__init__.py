"""Which check of a parser does which input pin? Mutants of a parser, the score of a corpus, and vectors for each check.

A parser's checks are taken away one at a time. An input on which the parser and such a mutant judge differently *pins*
the check: whoever leaves it out fails on that input. `mutants` makes them, `copies` loads them side by side, `search`
looks for the inputs, `cover` chooses the few that are needed, `vectors` writes them down.
"""
