"""The program: lists and shows mutants, and runs the reference's driver as one of them.

python -m sipc_mutants --list            all mutants as JSON
python -m sipc_mutants --show ID         one mutant's change as a unified diff
python -m sipc_mutants ID [ARGUMENTS]    the driver with this defect
python -m sipc_mutants none [ARGUMENTS]  the driver as it is
"""

import json
import sys
from difflib import get_close_matches
from typing import NoReturn

from sipc_mutants.fingerprint import fingerprint
from sipc_mutants.here import this_machine, why_not
from sipc_mutants.hook import VARIABLE, install
from sipc_mutants.model import Mutant
from sipc_mutants.patching import PatchError, unified_diff
from sipc_mutants.registry import by_id

UNFLAWED = "none"
_USAGE = 2
_BROKEN = 3


def main() -> NoReturn:
    """Do what the command line says; never returns."""
    words = sys.argv[1:]
    try:
        if words == ["--list"]:
            sys.stdout.write(json.dumps(listing(), indent=1) + "\n")
            sys.exit(0)
        if len(words) == 2 and words[0] == "--show":
            sys.stdout.write(unified_diff(_find(words[1])))
            sys.exit(0)
        if not words or words[0].startswith("-"):
            sys.stderr.write(__doc__)
            sys.exit(_USAGE)
        if words[0] != UNFLAWED:
            install(_find(words[0]))
        run_driver(words[1:])
    except PatchError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(_BROKEN)


def run_driver(arguments: list[str]) -> NoReturn:
    """Run the reference's driver as `python -m sipc_driver` would."""
    sys.argv = ["sipc_driver", *arguments]
    # Imported late: a hook that was installed has to be there first.
    from sipc_driver.program import main as drive

    drive()


def listing() -> list[dict[str, str]]:
    """What `--list` prints: also the unflawed reference, so that it can be run beside its mutants.

    A mutant whose patches do not fit the present source is listed with the reason, and the others are not lost.
    """
    entries = [_entry(mutant) for mutant in by_id().values()]
    unflawed = {"id": UNFLAWED, "requirement": "", "defect": "", "diff": "", "mark": ""}
    return [unflawed | {"fingerprint": fingerprint(None)}, *entries]


def _entry(mutant: Mutant) -> dict[str, str]:
    entry = {
        "id": mutant.id,
        "requirement": mutant.requirement,
        "defect": mutant.defect,
        "diff": "",
        "mark": VARIABLE,
        "fingerprint": fingerprint(mutant),
        "elsewhere": why_not(mutant.system, this_machine()),
    }
    try:
        entry["diff"] = unified_diff(mutant)
    except PatchError as error:
        entry["broken"] = str(error)
    return entry


def _find(name: str) -> Mutant:
    known = by_id()
    if name not in known:
        close = get_close_matches(name.upper(), [one.upper() for one in known], n=1)
        hint = f"; did you mean {next(one for one in known if one.upper() == close[0])}?" if close else ""
        sys.stderr.write(f"there is no mutant {name}{hint}\n")
        sys.exit(_USAGE)
    return known[name]
