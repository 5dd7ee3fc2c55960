"""The parsers' vectors are what the reference does now, and each pins what it says it pins.

After a change to a parser: `ipc-gauntlet fuzz pin --write-vectors corpora/ipc_gauntlet_corpora/vectors/parsers`.
"""

from functools import cache

import pytest

import sipc_targets
from ipc_gauntlet.fuzz import Target
from ipc_gauntlet.fuzz.pin.bench import Bench
from ipc_gauntlet.fuzz.pin.vectors import pin_ids
from ipc_gauntlet_corpora import parser_vectors, parsers_with_vectors
from sipc_driver import parsers
from sipc_driver.statement import PARSERS

# A library's warnings are no verdicts, and are not errors where vectors are made.
pytestmark = pytest.mark.filterwarnings("ignore")

AGAIN = "make the vectors again: ipc-gauntlet fuzz pin --write-vectors"


def target_of(parser: str) -> Target:
    return next(one for one in sipc_targets.TARGETS if one.reference_parser == parser)


@cache
def bench_of(parser: str) -> Bench:
    return Bench(target_of(parser))


def test_every_parser_of_the_driver_has_vectors() -> None:
    assert set(parsers_with_vectors()) == set(PARSERS)


def test_names_are_unique() -> None:
    names = [vector.name for parser in parsers_with_vectors() for vector in parser_vectors(parser)]
    assert len(names) == len(set(names))


def test_there_are_none_for_other_parsers() -> None:
    with pytest.raises(KeyError):
        parser_vectors("pickle")


@pytest.mark.parametrize("parser", parsers_with_vectors())
def test_the_reference_judges_them_as_they_say(parser: str) -> None:
    for vector in parser_vectors(parser):
        answer = parsers.parse(parser, vector.data)
        assert answer["accepted"] is vector.accepted, f"{vector.name}: {AGAIN}"
        assert answer.get("reason", "") == vector.reason, f"{vector.name}: {AGAIN}"
        assert answer.get("value") == vector.value, f"{vector.name}: {AGAIN}"
        verdict = target_of(parser).judge(vector.data)
        assert (verdict.accepted, verdict.reason) == (vector.accepted, vector.reason)


@pytest.mark.parametrize("parser", parsers_with_vectors())
def test_there_are_some_to_accept_and_some_to_refuse(parser: str) -> None:
    vectors = parser_vectors(parser)
    assert {vector.accepted for vector in vectors} == {True, False}
    assert all(vector.why for vector in vectors)
    pins = [pin for vector in vectors for pin in vector.pins]
    assert len(pins) == len(set(pins))


@pytest.mark.parametrize("parser", parsers_with_vectors())
def test_a_parser_without_the_check_fails_on_the_vector_that_pins_it(parser: str) -> None:
    bench = bench_of(parser)
    ids = pin_ids(bench.made.all)
    places = {ids[mutant.name]: at for at, mutant in enumerate(bench.mutants)}
    for vector in parser_vectors(parser):
        gone = [pin for pin in vector.pins if pin not in places]
        assert not gone, f"{vector.name} pins code that is not there any more; {AGAIN}"
        run = bench.run(vector.data)
        noticed = {one.mutant for one in bench.differences(run, range(len(bench.mutants)))}
        assert {places[pin] for pin in vector.pins} <= noticed, vector.name


@pytest.mark.parametrize("parser", parsers_with_vectors())
def test_the_vectors_pin_most_of_the_parser(parser: str) -> None:
    """What is left are shortcuts, caches, and what is beyond the longest input of the target."""
    bench = bench_of(parser)
    pinned = {pin for vector in parser_vectors(parser) for pin in vector.pins}
    assert len(pinned) / len(bench.mutants) > 0.6
