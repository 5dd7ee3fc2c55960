"""Import every module of each source root in a process that can see this root and what it may use, nothing else.

The import contracts say which package may import which; this shows it by running: a forbidden import, also one
inside a function that runs at import time, ends with ModuleNotFoundError.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OURS = (
    "ipc_gauntlet",
    "ipc_gauntlet_suites",
    "ipc_gauntlet_corpora",
    "ipc_gauntlet_drivers",
    "sipc",
    "sipc_runtime",
    "sipc_driver",
    "sipc_mutants",
    "sipc_targets",
)


@dataclass(frozen=True)
class Part:
    """Packages that are imported together, and what they may see.

    Args:
        root: The source root that goes on sys.path.
        packages: Packages whose modules are all imported.
        also: Source roots that these packages may use.
        hidden: Packages of the visible roots that must not be used all the same.
    """

    root: str
    packages: tuple[str, ...]
    also: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()


PARTS = (
    Part("reference_impl", ("sipc",), hidden=("sipc_runtime", "sipc_driver", "sipc_mutants", "sipc_targets")),
    Part("reference_impl", ("sipc_runtime",), hidden=("sipc_driver", "sipc_mutants", "sipc_targets")),
    Part("reference_impl", ("sipc_driver",), hidden=("sipc_mutants", "sipc_targets")),
    Part("reference_impl", ("sipc_mutants",), hidden=("sipc_targets",)),
    Part("reference_impl", ("sipc_targets",), also=("harness", "corpora"), hidden=("sipc_mutants",)),
    Part("harness", ("ipc_gauntlet",)),
    Part("corpora", ("ipc_gauntlet_corpora",)),
    Part("suites", ("ipc_gauntlet_suites",), also=("harness", "corpora")),
    Part("drivers", ("ipc_gauntlet_drivers",), also=("harness",)),
)

# Runs in the child. sys.path keeps the standard library and site-packages; source roots that an editable
# installation added are taken out; an installed copy of ours (a wheel) is refused by the finder. A module that says to
# the type checker on which systems it counts is imported on those only.
CHILD = """
import importlib, importlib.abc, json, pathlib, pkgutil, re, sys
packages, visible, refused, roots = json.loads(sys.argv[1])
sys.path[:] = visible + [entry for entry in sys.path if entry not in roots]

class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in refused:
            raise ModuleNotFoundError(f"{name} is out of reach of {packages[0]}", name=name)

def counts_here(found):
    text = pathlib.Path(found.module_finder.find_spec(found.name).origin).read_text(encoding="utf-8")
    said = re.search(r"^assert not TYPE_CHECKING or (sys[.]platform [^#]*)", text, re.MULTILINE)
    return said is None or eval(said[1], {"sys": sys})

sys.meta_path.insert(0, Refuse())
count = 0
for package in packages:
    module = importlib.import_module(package)
    assert pathlib.Path(module.__file__).is_relative_to(visible[0]), f"{package} is {module.__file__}"
    for found in pkgutil.walk_packages(module.__path__, package + "."):
        if not found.name.endswith("__main__") and counts_here(found):
            importlib.import_module(found.name)
            count += 1
loaded = sorted({name.partition(".")[0] for name in sys.modules} & set(refused))
assert not loaded, f"{packages} loaded {loaded}"
print(f"{packages[0]}: {count} modules alone")
"""


def command(part: Part, checkout: Path) -> list[str]:
    """The child's command line for one part."""
    visible = [str(checkout / root) for root in (part.root, *part.also)]
    reachable = {
        package.parent.name
        for root in visible
        for package in Path(root).glob("*/__init__.py")
        if package.parent.name not in part.hidden
    }
    refused = [name for name in OURS if name not in reachable]
    roots = [str(checkout / root) for root in ("harness", "suites", "corpora", "reference_impl", "drivers")]
    return [sys.executable, "-I", "-c", CHILD, json.dumps([part.packages, visible, refused, roots])]


def main() -> int:
    """Check every part; the exit status says whether all stand alone."""
    failed = [part for part in PARTS if subprocess.run(command(part, ROOT), check=False).returncode]
    for part in failed:
        print(f"NOT ALONE: {', '.join(part.packages)} (source root {part.root})", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
