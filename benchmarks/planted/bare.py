"""The planted parser under atheris as its documentation has it, for comparison: `python -m benchmarks.planted.bare BUG`.

Only the bug that is named ends the process; the others count as refusals, as they do for a campaign that knows them.
"""

import sys

import atheris

with atheris.instrument_imports(include=["benchmarks.planted.parser"]):
    from benchmarks.planted import parser

WANTED = sys.argv.pop(1)


def one(data: bytes) -> None:
    """Parse one input."""
    try:
        parser.parse(data)
    except parser.Refused:
        pass
    except (parser.MagicBug, parser.NestedBug, parser.SessionBug) as error:
        if type(error).__name__ == WANTED:
            raise


atheris.Setup(sys.argv, one)
atheris.Fuzz()
