"""The table of cases is checked before it is believed."""

from collections.abc import Callable

import pytest

from ipc_gauntlet.engine.cases import FoundCase
from ipc_gauntlet.engine.lint import lint
from ipc_gauntlet.requirements import load_catalogue

Maker = Callable[..., FoundCase]


def test_a_good_table(make_case: Maker) -> None:
    """A table in which all is well has no problems."""
    good = make_case(
        reasons=("replay",), needs=("push",), credentials=("psk",), stage="established", role="server"
    )
    assert lint([good, make_case("ordering/plain/many/unix-x509", "ORD-01")], load_catalogue()) == []


@pytest.mark.parametrize(
    ("facts", "problem"),
    [
        ({"description": "  "}, "has no docstring"),
        ({"requirement": "REPL-99"}, "REPL-99, which is not in the catalogue"),
        ({"requirement": "ORD-01"}, "is in the folder replay, but ORD-01 belongs to ordering"),
        ({"reasons": ("wrath",)}, "unknown reason class 'wrath'"),
        ({"reasons": ("replay",), "control": False}, "must have a positive control"),
        ({"needs": ("teleport",)}, "unknown feature 'teleport'"),
        ({"observes": ("seen",)}, "unknown notification 'seen'"),
        ({"credentials": ("password",)}, "unknown credential kind 'password'"),
        ({"transports": ("pigeon",)}, "unknown transport 'pigeon'"),
        ({"role": "judge"}, "unknown role 'judge'"),
        ({"roles": ("both",)}, "unknown role 'both'"),
        ({"stage": "late"}, "unknown stage 'late'"),
    ],
)
def test_each_mistake_is_found(make_case: Maker, facts: dict[str, object], problem: str) -> None:
    """One mistake gives one problem, which names the function."""
    (found,) = lint([make_case(**facts)], load_catalogue())
    assert found.startswith("replay/records/good: ")
    assert problem in found


def test_two_cases_with_one_name(make_case: Maker) -> None:
    """A name that occurs twice is a problem: one of the two would hide the other."""
    (found,) = lint([make_case(), make_case()], load_catalogue())
    assert "2 cases have this id" in found


def test_a_function_is_blamed_once(make_case: Maker) -> None:
    """Many variants of a bad function are one problem."""
    cases = [
        make_case(f"replay/records/bad/{name}", description="")
        for name in ("unix-x509", "unix-psk", "tcp-psk")
    ]
    assert len(lint(cases, load_catalogue())) == 1
