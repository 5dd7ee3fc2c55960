"""Makes the plan of a campaign: from the command line, a TOML file, and what the campaign was asked before.

What the command line says counts most, then the file, then the campaign's last plan, then the defaults. The file:

    time = "8h"
    jobs = 4
    engines = ["portable"]
    modules = ["my_targets.py"]      # beside the installed targets

    [[target]]
    name = "sipc.*"                  # a glob; without any [[target]], all
    weight = 2.0                     # gets twice the time
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.fuzz.campaign.canaries import code_of
from ipc_gauntlet.fuzz.campaign.dictionary import read_dictionaries
from ipc_gauntlet.fuzz.campaign.records import Plan, TargetPlan
from ipc_gauntlet.fuzz.corpus.store import is_name
from ipc_gauntlet.fuzz.engines.base import engine
from ipc_gauntlet.fuzz.reached import sources
from ipc_gauntlet.fuzz.registry import Found, find

DEFAULT_NAME = "default"
DEFAULT_SECONDS = 300.0

MOST_JOBS = 256

_DURATION = re.compile(
    r"(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?"
)
_UNITS = (86400.0, 3600.0, 60.0, 1.0)
_LONGEST = 366 * 86400.0


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody asks for; None or empty where nothing was said.

    Attributes:
        name: Of the campaign.
        seconds: Budget; 0 for without end.
        jobs: Slices at once.
        seed: Of every random choice.
        engines: Names.
        patterns: Globs of targets.
        modules: Modules or files of further targets.
        weights: Share by glob.
        slice_seconds: Longest slice.
        hang_seconds: One execution may take so long.
        memory_mb: Limit of a slice; 0 for none.
        driver: Command line of an implementation under test.
        dictionary: Further tokens, in base64: see `dictionary`.
        canary: Whether canaries fly.
        stop_at_first: End with the first finding.
    """

    name: str | None = None
    seconds: float | None = None
    jobs: int | None = None
    seed: int | None = None
    engines: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    weights: dict[str, float] = {}
    slice_seconds: float | None = None
    hang_seconds: float | None = None
    memory_mb: int | None = None
    driver: str | None = None
    dictionary: tuple[str, ...] = ()
    canary: bool | None = None
    stop_at_first: bool | None = None


class _FileTarget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    weight: float = 1.0


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str | None = None
    time: str | float | None = None
    jobs: int | None = None
    seed: int | None = None
    engines: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    slice: str | float | None = None
    hang: float | None = None
    memory: int | None = None
    driver: str | None = None
    dictionary: tuple[str, ...] = ()
    canary: bool | None = None
    stop_at_first: bool | None = None
    target: tuple[_FileTarget, ...] = ()


def duration(text: str | float) -> float:
    """Seconds out of `8h`, `90m`, `1h30m`, `45s` or `45`; 0 out of `forever`.

    Raises:
        UsageError: It is none of these.
    """
    if isinstance(text, (int, float)):
        seconds = float(text)
    elif text.strip() == "forever":
        return 0.0
    else:
        found = _DURATION.fullmatch(text.strip().lower())
        if found is None or not any(found.groups()):
            raise UsageError(f"{text!r} is not a time; write 8h, 90m, 1h30m, 45s or forever")
        seconds = sum(float(part) * unit for part, unit in zip(found.groups(), _UNITS, strict=True) if part)
    if not 0 < seconds <= _LONGEST:
        raise UsageError(f"{text!r} is not a time between a moment and a year; for no end write forever")
    return seconds


def read_file(path: Path) -> Wishes:
    """Read a plan from TOML. Dictionaries, and modules that are files, are meant relative to it.

    Raises:
        UsageError: It cannot be read, or says something that no plan has.
    """
    try:
        text = path.read_text(encoding="utf-8")
        file = msgspec.convert(tomllib.loads(text), _File)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise UsageError(f"cannot use the plan {path}: {error}") from error
    return Wishes(
        name=file.name,
        seconds=None if file.time is None else duration(file.time),
        jobs=file.jobs,
        seed=file.seed,
        engines=file.engines,
        patterns=tuple(one.name for one in file.target),
        modules=tuple(str(path.parent / name) if name.endswith(".py") else name for name in file.modules),
        weights={one.name: one.weight for one in file.target},
        slice_seconds=None if file.slice is None else duration(file.slice),
        hang_seconds=file.hang,
        memory_mb=file.memory,
        driver=file.driver,
        dictionary=read_dictionaries(path.parent / name for name in file.dictionary),
        canary=file.canary,
        stop_at_first=file.stop_at_first,
    )


def over(first: Wishes, second: Wishes) -> Wishes:
    """What the first says, and where it says nothing, what the second says."""
    said = {
        field: value
        for field in Wishes.__struct_fields__
        if (value := getattr(first, field)) not in (None, (), {})
    }
    return msgspec.structs.replace(second, **said)


def name_of(wishes: Wishes) -> str:
    """Name of the campaign that is meant.

    Raises:
        UsageError: It cannot be the name of a folder.
    """
    name = wishes.name if wishes.name is not None else DEFAULT_NAME
    if not is_name(name):
        raise UsageError(f"--name {name!r}: use lower-case letters, digits, dots, dashes and underscores")
    return name


def make(wishes: Wishes, before: Plan | None, jobs: int) -> Plan:
    """Make a plan, or bring one up to date. Imports the modules of targets, and with them the code under test.

    Args:
        wishes: What is asked for now.
        before: What the campaign was asked before; None for a new one.
        jobs: Slices at once if nobody says.

    Raises:
        UsageError: It cannot be done.
    """
    whole = over(wishes, _as_wishes(before)) if before is not None else wishes
    engines = whole.engines or (("driver",) if whole.driver else ("portable",))
    if "driver" in engines and not whole.driver:
        raise UsageError("the engine driver needs --driver CMD")
    found = _suited(_targets(wishes, before), engines)
    targets = {one.target.name: _target(one) for one in found}
    plan = Plan(
        name=name_of(whole),
        seconds=DEFAULT_SECONDS if whole.seconds is None else whole.seconds,
        targets=targets,
        jobs=whole.jobs or jobs,
        seed=1 if whole.seed is None else whole.seed,
        engines=engines,
        weights=_weights(whole.weights, list(targets)),
        slice_seconds=whole.slice_seconds or 30.0,
        hang_seconds=whole.hang_seconds or 0.5,
        memory_mb=512 if whole.memory_mb is None else whole.memory_mb,
        driver=whole.driver or "",
        dictionary=whole.dictionary,
        canary=whole.canary is not False,
        stop_at_first=bool(whole.stop_at_first),
        modules=tuple(map(_absolute, whole.modules)),
    )
    _check(plan)
    return plan


def _as_wishes(plan: Plan) -> Wishes:
    """A plan as what was asked for; the targets are looked up anew."""
    return Wishes(
        name=plan.name,
        seconds=plan.seconds,
        jobs=plan.jobs,
        seed=plan.seed,
        engines=plan.engines,
        modules=plan.modules,
        weights=plan.weights,
        slice_seconds=plan.slice_seconds,
        hang_seconds=plan.hang_seconds,
        memory_mb=plan.memory_mb,
        driver=plan.driver,
        dictionary=plan.dictionary,
        canary=plan.canary,
    )


def _targets(wishes: Wishes, before: Plan | None) -> list[Found]:
    modules = wishes.modules or (before.modules if before is not None else ())
    if wishes.patterns or before is None or wishes.modules:
        return find(wishes.patterns, modules)
    found = find((), modules)
    there = {one.target.name for one in found}
    gone = [name for name in before.targets if name not in there]
    if gone:
        raise UsageError(
            f"the campaign {before.name} has targets that are no more: {', '.join(gone)}; choose with --target, "
            "or begin again with --fresh"
        )
    return [one for one in found if one.target.name in before.targets]


def _suited(found: list[Found], engines: Sequence[str]) -> list[Found]:
    """Those that an engine can fuzz: `driver` needs a parser of the driver protocol."""
    if set(engines) != {"driver"}:
        return found
    suited = [one for one in found if one.target.reference_parser]
    if not suited:
        raise UsageError(
            "none of these targets has a parser of the driver protocol, which the engine driver needs"
        )
    return suited


def _target(found: Found) -> TargetPlan:
    target, module = found.target, found.source.module
    try:
        seeds = len({bytes(seed) for seed in target.seeds()})
    except Exception as error:
        raise UsageError(
            f"the seeds of {target.name} cannot be made: {type(error).__name__}: {error}"
        ) from error
    return TargetPlan(
        module=_absolute(module),
        measured=target.measured,
        longest=target.longest,
        reach=target.reach,
        seeds=seeds,
        code=code_of({**sources(target.measured), module: _text(module)}),
    )


def _text(module: str) -> str:
    """The source of a module of targets; of a package only its own file."""
    if module.endswith(".py"):
        return Path(module).read_text(encoding="utf-8", errors="replace")
    return sources((module,)).get(module, "")


def _absolute(module: str) -> str:
    return str(Path(module).resolve()) if module.endswith(".py") else module


def _weights(wanted: dict[str, float], names: Sequence[str]) -> dict[str, float]:
    """The weight of each target that has another than 1; the last glob that matches counts."""
    for pattern, weight in wanted.items():
        if not 0 < weight <= 1000:
            raise UsageError(f"the weight of {pattern} must be above 0, at most 1000, not {weight}")
    found = {
        name: weight for name in names for pattern, weight in wanted.items() if fnmatchcase(name, pattern)
    }
    return {name: weight for name, weight in found.items() if weight != 1.0}


def _check(plan: Plan) -> None:
    if not 1 <= plan.jobs <= MOST_JOBS:
        raise UsageError(f"from 1 to {MOST_JOBS} jobs, not {plan.jobs}")
    if not 0.05 <= plan.hang_seconds <= 600:
        raise UsageError(f"a hang is between 0.05 and 600 seconds, not {plan.hang_seconds}")
    if plan.memory_mb < 0:
        raise UsageError(f"a limit of memory in MB, 0 for none, not {plan.memory_mb}")
    for name in plan.engines:
        engine(name)
    for name in plan.targets:
        if not is_name(name):
            raise UsageError(f"{name!r} cannot be the name of a folder on every system; rename the target")
