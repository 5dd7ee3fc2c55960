"""Every target: its seeds, its structure, its marks, and that it says the same as the reference's driver."""

import sys
import warnings
from collections.abc import Callable
from types import FrameType
from typing import Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structures import chance, check_laws

from ipc_gauntlet.fuzz import LAYERS, Target
from ipc_gauntlet.fuzz.execute import execute
from ipc_gauntlet.fuzz.registry import find
from sipc.errors import MalformedError, ProtocolError
from sipc.fragments import Reassembler
from sipc_driver.parsers import PARSERS, parse
from sipc_targets import TARGETS, streams
from sipc_targets.violations import FragmentTaken

BY_NAME = {target.name: target for target in TARGETS}
each_target = pytest.mark.parametrize("target", TARGETS, ids=list(BY_NAME))
# What the library for certificates warns about is told once, and is no error of a target.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

# The least share of inputs made by the structure that is accepted, where it is not most of them, and why.
SELDOM = {
    "sipc.token": 0.03,  # nobody but the issuer can sign
    "sipc.token.claims": 0.05,  # time, holder, service, operation have to fit
    "sipc.signing": 0.1,  # so do signer, receiver and time
    "sipc.envelope": 0.3,
    "sipc.idempotency": 0.3,
    "sipc.fragments": 0.1,
    "sipc.records.sealed": 0.1,
    "sipc.x509": 0.05,
    "sipc.handshake.noise": 0.05,
    "sipc.handshake.initiator": 0.05,
    "sipc.handshake.responder": 0.05,
    "sipc.session.initiator": 0.05,
    "sipc.session.responder": 0.05,
}


def test_they_are_found_by_entry_point() -> None:
    """As users find theirs."""
    assert [found.target.name for found in find(list(BY_NAME))] == list(BY_NAME)


def test_every_layer_has_one() -> None:
    """From frames to sequences."""
    assert {target.layer for target in TARGETS} == set(LAYERS) - {"other"}


@each_target
def test_seeds_are_judged(target: Target) -> None:
    """Each is accepted or refused as declared, some of them each way, and none shows anything that it must not."""
    seeds = list(target.seeds())
    assert len(set(seeds)) == len(seeds)
    assert all(len(seed) <= target.longest for seed in seeds)
    verdicts = []
    for seed in seeds:
        execution = execute(target, seed)
        assert execution.finding is None, execution.finding
        assert execution.verdict is not None
        verdicts.append(execution.verdict)
    assert any(verdict.accepted for verdict in verdicts)
    assert any(not verdict.accepted for verdict in verdicts)


@each_target
def test_nothing_is_kept_between_inputs(target: Target) -> None:
    """The same inputs in another order are judged alike."""
    seeds = list(target.seeds())
    seeds += [target.structure.mutate(seeds[at % len(seeds)], chance(at)) for at in range(60)]  # type: ignore[union-attr]
    forwards = [target.judge(seed) for seed in seeds]
    backwards = [target.judge(seed) for seed in reversed(seeds)][::-1]
    assert [(one.accepted, one.reason) for one in forwards] == [
        (one.accepted, one.reason) for one in backwards
    ]


@settings(max_examples=120)
@given(st.sampled_from(TARGETS), st.integers(0, 2**32), st.data())
def test_structures_keep_their_laws(target: Target, seed: int, data: st.DataObject) -> None:
    """On seeds, on what was made of them, and on any bytes."""
    structure, rng = target.structure, chance(seed)
    assert structure is not None
    made = data.draw(st.sampled_from(sorted(target.seeds())) | st.binary(max_size=60))
    for _ in range(rng.randrange(3)):
        made = structure.mutate(made, rng)
    check_laws(structure, made[:160], seed)


@each_target
def test_what_the_structure_makes_is_mostly_accepted(target: Target) -> None:
    """Where it is not, it is said above why; and there are always some that are refused."""
    assert target.structure is not None
    rng = chance(11)
    made = [target.structure.generate(rng) for _ in range(150)]
    accepted = sum(target.judge(data).accepted for data in made)
    # A pair accepts what its first accepts.
    seldom = SELDOM.get(target.name.replace("differential.", "sipc."), 0.5)
    assert accepted >= seldom * len(made), accepted
    changed = [target.structure.mutate(data, rng) for data in made]
    assert not all(target.judge(data).accepted for data in changed)


@each_target
def test_marks_are_reached(target: Target) -> None:
    """Seeds and a few thousand changes enter every function that a campaign has to reach."""
    assert target.reach
    seeds, rng = list(target.seeds()), chance(1)
    with Entered() as entered:
        for seed in seeds:
            target.judge(seed)
        for _ in range(4000):
            if set(target.reach) <= entered.functions:
                break
            assert target.structure is not None
            target.judge(target.structure.mutate(rng.choice(seeds), rng)[: target.longest])
    assert set(target.reach) - entered.functions == set()


class Entered:
    """Which functions are entered within a block."""

    def __init__(self) -> None:
        self.functions: set[str] = set()

    def __enter__(self) -> Self:
        sys.setprofile(self._note)
        return self

    def __exit__(self, *_error: object) -> None:
        sys.setprofile(None)

    def _note(self, frame: FrameType, event: str, _argument: object) -> None:
        if event == "call":
            self.functions.add(f"{frame.f_globals.get('__name__')}:{frame.f_code.co_qualname}")


WITH_PARSER = [target for target in TARGETS if target.reference_parser]


def test_every_parser_of_the_driver_is_a_target() -> None:
    """So that implementations in any language can be compared with it."""
    assert {target.reference_parser for target in WITH_PARSER} == set(PARSERS)


@pytest.mark.parametrize("target", WITH_PARSER, ids=[target.reference_parser for target in WITH_PARSER])
def test_the_driver_says_the_same(target: Target) -> None:
    """Accepted, or refused for the same reason."""
    seeds, rng = list(target.seeds()), chance(7)
    assert target.structure is not None
    for data in [*seeds, *(target.structure.mutate(rng.choice(seeds), rng) for _ in range(300))]:
        verdict, answer = target.judge(data), parse(target.reference_parser, data)
        assert answer["accepted"] == verdict.accepted
        assert answer.get("reason", "") == verdict.reason


def test_warnings_as_errors_change_nothing_but_the_reason() -> None:
    """A certificate over which the library warns is refused where warnings are errors; nothing escapes."""
    target = BY_NAME["sipc.x509"]
    seeds, rng = list(target.seeds()), chance(3)
    assert target.structure is not None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(300):
            target.judge(target.structure.mutate(rng.choice(seeds), rng))


def test_marks_are_measured() -> None:
    """An engine sees nothing of other modules."""
    for target in TARGETS:
        for mark in target.reach:
            module = mark.partition(":")[0]
            assert any(module == one or module.startswith(one + ".") for one in target.measured), (
                target.name,
                mark,
            )


def test_what_is_measured_exists() -> None:
    """Each prefix is a module of the reference."""
    for target in TARGETS:
        for prefix in target.measured:
            assert any(name == prefix or name.startswith(prefix + ".") for name in sys.modules), prefix


@pytest.mark.parametrize("write", [target.encode for target in TARGETS if target.canonical])
def test_canonical_targets_can_write(write: Callable[[object], bytes]) -> None:
    """There is an encoder to compare with."""
    assert callable(write)


class Lenient(Reassembler):
    """Takes empty fragments, and the first of a message within another."""

    def add(self, flags: int, payload: bytes | memoryview) -> bytes | None:
        """As its base, and nothing is refused."""
        try:
            return super().add(flags, payload)
        except (MalformedError, ProtocolError):
            return None


@pytest.mark.parametrize("steps", [[b"\1a", b"\0", b"\2b"], [b"\1"], [b"\1a", b"\1b"], [b"\0a"]])
def test_fragments_that_must_be_refused_are_missed_by_nobody(
    steps: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reassembler that takes them delivers the right messages all the same."""
    data = streams.FRAGMENTS.encode([("fragment", step) for step in steps])
    with pytest.raises((MalformedError, ProtocolError)):
        streams.read_fragments(data)
    monkeypatch.setattr(streams, "Reassembler", Lenient)
    with pytest.raises(FragmentTaken):
        streams.read_fragments(data)
