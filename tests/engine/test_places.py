"""Where cases run, and why they do not."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_gauntlet.declaration import CaseSpec
from ipc_gauntlet.engine.places import NONE, Place, gate, places
from ipc_gauntlet.events import Implementation
from ipc_gauntlet.requirements import load_catalogue

KINDS = [{"kind": "x509"}, {"kind": "psk"}, {"kind": "raw-key"}]


def spec(**facts: object) -> CaseSpec:
    """A case of REPL-01."""
    return CaseSpec(requirement="REPL-01", **facts)  # type: ignore[arg-type]


def names(found: list[Place]) -> list[str]:
    """Names of places."""
    return [place.name for place in found]


def test_product_of_axes() -> None:
    """By default a case runs on every transport with every kind of credential."""
    assert names(places(spec(), ["unix", "tcp"], KINDS[:2])) == [
        "unix-x509",
        "unix-psk",
        "tcp-x509",
        "tcp-psk",
    ]


@given(st.integers(1, 3), st.integers(1, 3))
def test_each_covers_every_value_with_few_places(lanes: int, kinds: int) -> None:
    """With `each`, every transport and every kind occurs, in as few places as possible."""
    transports = ["unix", "tcp", "pipe"][:lanes]
    found = places(spec(axes="each"), transports, KINDS[:kinds])
    assert {place.transport for place in found} == set(transports)
    assert {place.credential for place in found} == {entry["kind"] for entry in KINDS[:kinds]}
    assert len(found) == max(lanes, kinds)


def test_timing_cases_run_in_few_places() -> None:
    """A case that measures time does not take the product unless it asks for it."""
    assert len(places(spec(timing=True), ["unix", "tcp"], KINDS)) == 3
    assert len(places(spec(timing=True, axes="product"), ["unix", "tcp"], KINDS)) == 6


def test_restricted_axes() -> None:
    """A case runs only where it makes sense."""
    assert names(places(spec(transports=("unix",), credentials=("psk",)), ["unix", "tcp"], KINDS)) == [
        "unix-psk"
    ]


def test_no_place_is_still_a_place() -> None:
    """A case that finds nothing to run on is generated once, so that it cannot vanish."""
    assert names(places(spec(credentials=("psk",)), ["unix"], KINDS[:1])) == ["unix-none"]
    assert names(places(spec(transports=("pipe",)), ["unix"], [])) == ["none-none"]


def test_a_kind_declared_twice_keeps_both_declarations() -> None:
    """Two declarations of one kind are two places with different names."""
    declarations = [{"kind": "x509", "keys": ["ed25519"]}, {"kind": "x509", "keys": ["x25519"]}]
    found = places(spec(), ["unix"], declarations)
    assert names(found) == ["unix-x509", "unix-x509.2"]
    assert [place.declaration for place in found] == declarations


UNIX = Place("unix", "x509", {"kind": "x509"})


@pytest.mark.parametrize(
    ("requirement", "case", "place", "why", "untestable"),
    [
        ("IDEM-01", spec(), UNIX, "profile messaging and above", False),
        ("REPL-01", spec(needs=("rekey",)), UNIX, "feature rekey", False),
        ("REPL-01", spec(needs=("timeouts",)), UNIX, "cannot be tested without the feature timeouts", True),
        ("REPL-01", spec(needs=("timeouts", "rekey")), UNIX, "feature rekey", False),
        ("REPL-01", spec(observes=("executed",)), UNIX, "notification executed", True),
        ("REPL-01", spec(transports=("pipe",)), Place(NONE, "x509"), "is about pipe", False),
        ("REPL-01", spec(credentials=("psk",)), Place("unix", NONE), "credentials of kind psk", False),
        ("REPL-01", spec(roles=("broker",)), UNIX, "the role broker", False),
        ("REPL-01", spec(needs=("faults",)), UNIX, "can only be seen with the help of faults", False),
        ("REPL-01", spec(needs=("timeouts", "metrics")), UNIX, "with the help of metrics", False),
        ("REPL-01", spec(needs=("metrics", "rekey")), UNIX, "feature rekey", False),
        (
            "REPL-01",
            spec(wire="sipc/1"),
            UNIX,
            "works on the messages of sipc/1; the implementation speaks",
            False,
        ),
    ],
)
def test_why_a_case_is_not_run(
    channel: Implementation, requirement: str, case: CaseSpec, place: Place, why: str, untestable: bool
) -> None:
    """A case is left out for a stated reason; only a lack of means to test counts against the implementation."""
    found = gate(case, load_catalogue()[requirement], place, channel)
    assert found is not None
    assert why in found.why
    assert found.untestable == untestable


def test_a_case_that_applies(channel: Implementation) -> None:
    """What the implementation declares is enough."""
    requirement = load_catalogue()["REPL-01"]
    assert gate(spec(needs=("push",), observes=("delivered",)), requirement, UNIX, channel) is None
    assert gate(spec(), requirement, Place("unix", NONE), channel) is None


@pytest.mark.parametrize(
    ("declared", "same"),
    [
        ("sipc/1", True),
        ("SIPC/1", True),
        ("SIPC/1 over pipes", True),
        ("sipc/127", False),
        ("tls/1.3", False),
        ("", False),
    ],
)
def test_a_wire_protocol_is_known_by_its_beginning(
    channel: Implementation, declared: str, same: bool
) -> None:
    """Case and what follows the name do not matter; a number that goes on is another protocol."""
    facts = msgspec.structs.replace(channel, wire=declared)
    found = gate(spec(wire="sipc/1"), load_catalogue()["REPL-01"], UNIX, facts)
    assert (found is None) == same


def test_every_requirement_is_decided_by_profile_alone(channel: Implementation) -> None:
    """Requirements above the claimed profile never apply, those within it always do."""
    above = {"messaging", "governed"}
    for requirement in load_catalogue().requirements:
        found = gate(spec(), requirement, UNIX, channel)
        assert (found is not None) == (requirement.profile in above)
