"""Write the seeds and dictionaries of the reference's fuzz targets into the corpora, or check that they are these.

    python ci/make_fuzz_seeds.py            write the files
    python ci/make_fuzz_seeds.py --check    exit 1 if a file differs, is missing, or belongs to no target

They are for fuzzers that do not run in this project: `sipc_targets` itself makes its seeds when it is imported.
"""

import argparse
import json
import sys
import warnings
from pathlib import Path

from ipc_gauntlet.fuzz import Target
from sipc_targets import TARGETS

CORPORA = Path(__file__).resolve().parent.parent / "corpora/ipc_gauntlet_corpora"
ENDING = ".json"
# Targets that hold two implementations against each other read the same bytes as one of these.
OWN = tuple(target for target in TARGETS if target.name.startswith("sipc."))


def seeds_of(target: Target) -> dict[str, object]:
    """What stands in the file of a target's seeds."""
    found = []
    for data in dict.fromkeys(target.seeds()):
        verdict = target.judge(data)
        found.append(
            {"verdict": "accepted" if verdict.accepted else f"rejected:{verdict.reason}", "hex": data.hex()}
        )
    return {
        "target": target.name,
        "layer": target.layer,
        "title": target.title,
        "parser": target.reference_parser,
        "seeds": found,
    }


def files() -> dict[Path, str]:
    """Every file and what stands in it."""
    made: dict[Path, object] = {}
    for target in OWN:
        made[CORPORA / "seeds" / f"{target.name}{ENDING}"] = seeds_of(target)
        tokens = sorted({token.hex() for token in target.tokens})
        made[CORPORA / "dictionaries" / f"{target.name}{ENDING}"] = {"target": target.name, "tokens": tokens}
    return {
        path: json.dumps(document, indent=1, ensure_ascii=False) + "\n" for path, document in made.items()
    }


def present() -> set[Path]:
    """The files that are there."""
    return {path for name in ("seeds", "dictionaries") for path in (CORPORA / name).glob(f"*{ENDING}")}


def differences() -> list[str]:
    """What is not as it has to be."""
    expected = files()
    wrong = [f"{path.name}: belongs to no target" for path in sorted(present() - set(expected))]
    for path, text in expected.items():
        if not path.exists():
            wrong.append(f"{path.parent.name}/{path.name}: missing")
        elif path.read_text(encoding="utf-8") != text:
            wrong.append(f"{path.parent.name}/{path.name}: differs")
    return wrong


def main() -> int:
    """Write, or check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="change nothing; exit 1 if something would change"
    )
    arguments = parser.parse_args()
    # What the library for certificates warns about is no concern of the seeds.
    warnings.simplefilter("ignore")
    if arguments.check:
        wrong = differences()
        print("\n".join([*wrong, "run: python ci/make_fuzz_seeds.py"]) if wrong else "seeds are up to date")
        return 1 if wrong else 0
    expected = files()
    for path in present() - set(expected):
        path.unlink()
    for path, text in expected.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    print(f"{len(OWN)} targets")
    return 0


if __name__ == "__main__":
    sys.exit(main())
