"""What a pull request changes, and what its base already showed."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from ipc_gauntlet.errors import GauntletError, UsageError
from ipc_gauntlet.fuzz.campaign.orders import Wishes
from ipc_gauntlet.fuzz.campaign.records import FindingState, TargetPlan
from ipc_gauntlet.fuzz.campaign.state import State
from ipc_gauntlet.fuzz.child.handle import Child
from ipc_gauntlet.fuzz.child.messages import Orders
from ipc_gauntlet.fuzz.modules import modules_of
from ipc_gauntlet.fuzz.registry import Found
from ipc_gauntlet.fuzz.triage.saved import of_signature

ENGINES = ("hypothesis", "portable")
"""What fuzzes a pull request: the first finds shallow bugs at once, the second goes on from there."""


def git(root: Path, *words: str) -> bytes:
    """What a git command prints.

    Args:
        root: A folder within the checkout.
        words: Without `git`.

    Raises:
        UsageError: It fails, with what git says.
        GauntletError: There is no git.
    """
    program = shutil.which("git")
    if program is None:
        raise GauntletError("cannot run git: it is not installed, or not on the PATH")
    try:
        ended = subprocess.run([program, "-C", str(root), *words], capture_output=True, check=False)
    except OSError as error:
        raise GauntletError(f"cannot run git: {error}") from error
    if ended.returncode:
        said = ended.stderr.decode("utf-8", "replace").strip()
        raise UsageError(f"git {words[0]} says: {said or f'status {ended.returncode}'}")
    return ended.stdout


def top(folder: Path) -> Path:
    """The folder of the checkout that a folder is in.

    Raises:
        UsageError: It is in none.
    """
    return Path(git(folder, "rev-parse", "--show-toplevel").decode().strip())


def changed(root: Path, base: str) -> set[str]:
    """Paths that differ from where the work began, below the checkout, with forward slashes; new files are among them.

    Args:
        root: The checkout.
        base: What the work is to be merged into.

    Raises:
        UsageError: There is no such commit, or no common one.
    """
    if base.startswith("-"):
        raise UsageError(f"{base!r} is not the name of a commit")
    fork = git(root, "merge-base", base, "HEAD").decode().strip()
    names = git(root, "diff", "-z", "--name-only", fork) + git(
        root, "ls-files", "-z", "--others", "--exclude-standard"
    )
    return {name.decode("utf-8", "surrogateescape") for name in names.split(b"\0") if name}


def touched(found: Iterable[Found], root: Path, paths: set[str]) -> list[Found]:
    """The targets that changes can make a difference for: to their measured code, their own module, or what they name.

    Args:
        found: All targets.
        root: The checkout.
        paths: What has changed.
    """
    return [one for one in found if not paths.isdisjoint(_sources(one, root)) or _named(one, paths)]


def _sources(found: Found, root: Path) -> Iterator[str]:
    for prefix in (*found.target.measured, found.source.module):
        if prefix.endswith(".py"):
            yield from _below(Path(prefix), root)
            continue
        for module in modules_of(prefix):
            spec = find_spec(module)
            if spec is not None and spec.origin is not None:
                yield from _below(Path(spec.origin), root)


def _below(path: Path, root: Path) -> Iterator[str]:
    resolved, base = path.resolve(), root.resolve()
    if resolved.is_relative_to(base):
        yield resolved.relative_to(base).as_posix()


def _named(found: Found, paths: set[str]) -> bool:
    wanted = [PurePosixPath(name) for name in found.target.changed_with]
    return any(PurePosixPath(path).is_relative_to(one) for path in paths for one in wanted)


@contextmanager
def base_tree(root: Path, base: str) -> Iterator[Path]:
    """The files of where the work began, in a folder that goes away.

    Raises:
        UsageError: There is no such commit.
        GauntletError: The files cannot be written.
    """
    fork = git(root, "merge-base", base, "HEAD").decode().strip()
    content = git(root, "archive", "--format=tar", fork)
    with TemporaryDirectory(prefix="ipc-gauntlet-base-") as folder:
        try:
            with tarfile.open(fileobj=io.BytesIO(content)) as archive:
                archive.extractall(folder, filter="data")
        except (OSError, tarfile.TarError) as error:
            raise GauntletError(f"cannot unpack {base} to compare with: {error}") from error
        yield Path(folder)


def at_base(plan: TargetPlan, root: Path, tree: Path) -> tuple[str, list[str]] | None:
    """Where another tree has a target.

    Args:
        plan: The target.
        root: The checkout.
        tree: The other tree, laid out like the checkout.

    Returns:
        Its module there, and the import path under which its measured code is that of the tree. None if that cannot be
        had: the code is not in the checkout, or the tree does not have it.
    """
    path: list[str] = []
    for prefix in plan.measured:
        there = _source_root(prefix, root, tree)
        if there is None:
            return None
        path.append(there)
    if plan.module.endswith(".py"):
        inside = next(_below(Path(plan.module), root), None)
        if inside is None or not (tree / inside).is_file():
            return None
        return str(tree / inside), list(dict.fromkeys(path))
    there = _source_root(plan.module, root, tree)
    return (plan.module, list(dict.fromkeys([*path, there]))) if there is not None else None


def _source_root(module: str, root: Path, tree: Path) -> str | None:
    """The folder of another tree from which a module of the checkout is imported there."""
    spec = find_spec(module)
    inside = next(_below(Path(spec.origin), root), None) if spec is not None and spec.origin else None
    if inside is None or not (tree / inside).is_file():
        return None
    file = tree / inside
    depth = module.count(".") + (1 if file.name == "__init__.py" else 0)
    return str(file.parents[depth])


def known_before(
    folder: Path, findings: Iterable[FindingState], plans: dict[str, TargetPlan], root: Path, tree: Path
) -> set[str]:
    """Signatures of findings that the code of the base shows as well.

    A target that is new, or whose code cannot be loaded from the base for certain, knew nothing: its findings count.

    Args:
        folder: The campaign's.
        findings: What it found.
        plans: Its targets.
        root: The checkout.
        tree: The files of the base.
    """
    known: set[str] = set()
    for finding in findings:
        plan = plans[finding.target]
        place = at_base(plan, root, tree)
        if place is None:
            continue
        module, path = place
        orders = Orders(target=finding.target, module=module, measured=plan.measured)
        try:
            saved = of_signature(folder, finding.signature)
            with Child(orders, path=path) as child:
                answer = child.one(saved.inputs[0].data)
        except GauntletError:
            continue
        if answer.finding is not None and answer.finding.signature == finding.signature:
            known.add(finding.signature)
    return known


def set_aside(state: State, signatures: Iterable[str]) -> None:
    """Note that findings are not this pull request's.

    Raises:
        GauntletError: The database cannot be written.
    """
    for signature in signatures:
        state.mark(signature, status="ignored")


def wishes_for(found: Sequence[Found], seconds: float, jobs: int | None, seed: int, canary: bool) -> Wishes:
    """What a pull request's campaign is asked for."""
    return Wishes(
        name="pr",
        seconds=seconds,
        jobs=jobs,
        seed=seed,
        engines=ENGINES,
        canary=canary,
        patterns=tuple(one.target.name for one in found),
        modules=tuple(
            dict.fromkeys(one.source.module for one in found if one.source.label == "command line")
        ),
        slice_seconds=max(2.0, seconds / (4 * len(found) or 1)),
    )
