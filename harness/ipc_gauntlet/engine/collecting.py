"""From pytest's items to cases: what the plugin does while tests are collected."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from pathlib import Path

import pytest

from ipc_gauntlet.declaration import spec_of
from ipc_gauntlet.engine.cases import FoundCase, judged_role
from ipc_gauntlet.engine.naming import case_name, function_name
from ipc_gauntlet.engine.places import Place, gate, places
from ipc_gauntlet.engine.settings import Settings
from ipc_gauntlet.requirements import Catalogue

PLACE = "ipc_place"
"""The fixture through which a case gets its transport and credential."""

CASE = pytest.StashKey[FoundCase]()


def generate(metafunc: pytest.Metafunc, settings: Settings) -> None:
    """Give a case function its places; other functions are left alone."""
    spec = spec_of(metafunc.function)
    if spec is None or PLACE not in metafunc.fixturenames:
        return
    found = places(spec, settings.transports, settings.credentials)
    metafunc.parametrize(PLACE, found, ids=[place.name for place in found])


def package_folder(path: Path) -> Path:
    """The outermost package that contains a file: the folder that suite names are counted from."""
    folder = path.parent
    while (folder.parent / "__init__.py").exists():
        folder = folder.parent
    return folder


def identify(items: Iterable[pytest.Item], settings: Settings, catalogue: Catalogue) -> list[str]:
    """Find the cases among items and put a `FoundCase` into each one's stash.

    Returns:
        One sentence for each item that is no proper case.
    """
    problems: list[str] = []
    roots: dict[Path, Path] = {}
    for item in items:
        if not isinstance(item, pytest.Function):
            problems.append(f"{item.nodeid}: is no test function")
            continue
        spec = spec_of(item.function)
        if spec is None:
            problems.append(f"{item.nodeid}: has no @case")
            continue
        if item.cls is not None or PLACE not in item.fixturenames:
            problems.append(f"{item.nodeid}: a case is a plain function that takes `lab`")
            continue
        if item.path not in roots:
            roots[item.path] = package_folder(item.path)
        item.stash[CASE] = _found(item, roots[item.path], settings, catalogue)
    return sorted(set(problems))


def _found(item: pytest.Function, package: Path, settings: Settings, catalogue: Catalogue) -> FoundCase:
    spec = spec_of(item.function)
    place = item.callspec.params[PLACE]
    assert spec is not None  # noqa: S101 - checked by the caller; for the type checker
    assert isinstance(place, Place)  # noqa: S101 - only `generate` sets it
    function = function_name(package, item.path, item.originalname)
    params = item.callspec.id.removeprefix(place.name).removeprefix("-")
    requirement = catalogue.get(spec.requirement)
    return FoundCase(
        id=case_name(function, place.name, params),
        function=function,
        nodeid=item.nodeid,
        module=str(item.path),
        spec=spec,
        place=place,
        params=params,
        description=inspect.cleandoc(item.function.__doc__ or ""),
        role=judged_role(spec, item.callspec.params),
        gate=gate(spec, requirement, place, settings.implementation) if requirement else None,
    )
