"""Check what users install: builds that are equal, a wheel that holds the source tree, a licence, an sdist.

Usage: python ci/package.py [FOLDER]    (the distributions stay in FOLDER, by default dist/)
"""

import hashlib
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE_ROOTS = ("harness", "suites", "corpora", "reference_impl", "drivers")

# Read in the checkout, not installed: examples in other languages.
NOT_PACKED = ("drivers/examples",)


def tree_files(checkout: Path) -> set[str]:
    """Files that the wheel must hold, named as in the wheel.

    Args:
        checkout: The folder of pyproject.toml.

    Returns:
        Every file below a source root, without byte code and hidden files. All of them: a package or data file
        that the build's configuration forgets shows up as a difference.
    """
    found = set()
    for root in SOURCE_ROOTS:
        for path in (checkout / root).rglob("*"):
            name = path.relative_to(checkout / root)
            if any(path.is_relative_to(checkout / folder) for folder in NOT_PACKED):
                continue
            if path.is_file() and not any(
                part == "__pycache__" or part.startswith(".") for part in name.parts
            ):
                found.add(name.as_posix())
    return found


def wheel_files(wheel: Path) -> dict[str, str]:
    """Names and SHA-256 of the files in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()}


def compare_with_tree(wheel: Path, checkout: Path) -> list[str]:
    """What is wrong with a wheel's list of files.

    Args:
        wheel: The built wheel.
        checkout: The folder it was built from.

    Returns:
        One line for each file that is missing from the wheel, or in it without being in the tree.
    """
    packed = {name for name in wheel_files(wheel) if ".dist-info/" not in name}
    wanted = tree_files(checkout)
    return [
        *(f"in the tree, not in the wheel: {name}" for name in sorted(wanted - packed)),
        *(f"in the wheel, not in the tree: {name}" for name in sorted(packed - wanted)),
    ]


def metadata_problems(wheel: Path, checkout: Path) -> list[str]:
    """Licence, type marker and entry points that a wheel lacks."""
    names = set(wheel_files(wheel))
    info = next(name.partition("/")[0] for name in names if name.endswith(".dist-info/METADATA"))
    project = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    packages = {name.partition("/")[0] for name in names if ".dist-info/" not in name}
    wanted = {
        f"{info}/licenses/LICENSE",
        f"{info}/entry_points.txt",
        *(f"{name}/py.typed" for name in packages),
    }
    problems = [f"not in the wheel: {name}" for name in sorted(wanted - names)]
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(f"{info}/METADATA").decode()
    if f"\nVersion: {project['version']}\n" not in metadata:
        problems.append(f"the wheel's version is not {project['version']}")
    return problems


def build(folder: Path, *options: str) -> None:
    """Run the standard build front end, with the build's dependencies isolated as pip would have them."""
    subprocess.run(
        [sys.executable, "-m", "build", *options, "--outdir", str(folder), str(ROOT)],
        check=True,
        stdout=subprocess.DEVNULL,
    )


def only(folder: Path, pattern: str) -> Path:
    """The one file that matches."""
    (found,) = folder.glob(pattern)
    return found


def check(folder: Path) -> list[str]:
    """Build everything into a folder and return what is wrong with it.

    The first wheel is built from the sdist, the second from the tree, so equality also says that the sdist is
    complete.
    """
    with tempfile.TemporaryDirectory() as name:
        again = Path(name)
        build(folder)
        build(again, "--wheel")
        wheel, other = only(folder, "*.whl"), only(again, "*.whl")
        first, second = wheel_files(wheel), wheel_files(other)
        differing = sorted(
            name for name in first.keys() | second.keys() if first.get(name) != second.get(name)
        )
        problems = [f"differs between two builds: {name}" for name in differing]
    problems += compare_with_tree(wheel, ROOT)
    problems += metadata_problems(wheel, ROOT)
    if subprocess.run(["check-wheel-contents", str(wheel)], check=False).returncode:  # noqa: S607 - from the tox env
        problems.append("check-wheel-contents found something (above)")
    return problems


def main() -> int:
    """Check the distributions; the exit status says whether they are right."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "dist").absolute()
    folder.mkdir(parents=True, exist_ok=True)
    for stale in [*folder.glob("*.whl"), *folder.glob("*.tar.gz")]:
        stale.unlink()
    problems = check(folder)
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{len(problems)} problems with {only(folder, '*.whl').name} and {only(folder, '*.tar.gz').name}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
