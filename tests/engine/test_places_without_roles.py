"""Cases that connect nothing, and implementations that connect nothing."""

import pytest

from ipc_gauntlet.declaration import CaseSpec
from ipc_gauntlet.engine.places import NONE, Place, gate, places
from ipc_gauntlet.engine.prepare import _transports
from ipc_gauntlet.errors import HarnessError
from ipc_gauntlet.events import Implementation
from ipc_gauntlet.requirements import load_catalogue

PARSING = CaseSpec(requirement="SCH-01", roles=(), needs=("parse",), wire="sipc/1")


def implementation(**members: object) -> Implementation:
    facts = {
        "name": "parsers",
        "version": "1",
        "profile": "channel",
        "roles": (),
        "transports": (),
        "features": ("parse",),
        "wire": "SIPC/1",
        **members,
    }
    return Implementation(**facts)  # type: ignore[arg-type]


def test_a_case_without_roles_has_one_place_wherever_it_could_run() -> None:
    found = places(PARSING, ["unix", "tcp"], [{"kind": "x509"}, {"kind": "psk"}])
    assert found == [Place(NONE, NONE)]
    assert places(PARSING, [], []) == found


def test_it_applies_to_an_implementation_that_has_parsers_only() -> None:
    requirement = load_catalogue()["SCH-01"]
    assert gate(PARSING, requirement, Place(NONE, NONE), implementation()) is None
    assert gate(PARSING, requirement, Place(NONE, NONE), implementation(roles=("client", "server"))) is None


def test_it_does_not_apply_to_other_protocols() -> None:
    found = gate(PARSING, load_catalogue()["SCH-01"], Place(NONE, NONE), implementation(wire="TLS 1.3"))
    assert found is not None
    assert not found.untestable


def test_a_case_with_roles_does_not_apply_without_a_transport() -> None:
    spec = CaseSpec(requirement="REPL-01")
    found = gate(
        spec,
        load_catalogue()["REPL-01"],
        Place(NONE, "x509"),
        implementation(roles=("client", "server")),
    )
    assert found is not None


def test_a_driver_with_parsers_only_can_be_run() -> None:
    assert _transports({"parsers": ["cbor"]}, ()) == ()
    with pytest.raises(HarnessError, match="no transport"):
        _transports({"roles": ["client"]}, ())
