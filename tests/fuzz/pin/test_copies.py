"""Copies of modules: side by side, bound to a target, and invisible to everybody else."""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import pin_demo
import pytest

from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.fuzz import Target
from ipc_gauntlet.fuzz.pin.bench import Bench
from ipc_gauntlet.fuzz.pin.copies import Workshop
from ipc_gauntlet.fuzz.pin.mutants import Mutants
from ipc_gauntlet.fuzz.pin.plain import plain
from ipc_gauntlet.fuzz.pin.probes import Compared
from sipc import cbor, envelope, negotiation, shapes
from sipc.errors import SipcError

PAIRS = pin_demo.TARGETS[0]


def of(parse: Callable[[bytes], object], *measured: str) -> Target:
    return Target(name="t", title="", layer="other", parse=parse, measured=measured, rejects=(SipcError,))


def by_text(made: Mutants, before: str, after: str) -> object:
    found = [one for one in made.all if (one.before, one.after) == (before, after)]
    assert len(found) == 1, [(one.before, one.after) for one in made.all]
    return made.load(found[0])


def test_a_mutant_lacks_its_check_and_the_original_has_it() -> None:
    made = Mutants(Workshop(PAIRS))
    copy = made.load(next(one for one in made.all if one.before == "raise Refused('names out of order')"))
    twice = b"PD\x02\x01b\x00\x01a\x00"
    assert copy.judge(twice, 1000)[0] == "accepted"
    with pytest.raises(pin_demo.Refused, match="order"):
        pin_demo.parse(twice)
    assert copy.judge(b"PD\x00!", 1000) == ("rejected", "malformed", None)


def test_nobody_else_sees_a_copy() -> None:
    before = {name: sys.modules[name] for name in ("sipc.cbor", "sipc.envelope", "sipc.shapes", "sipc")}
    made = Mutants(Workshop(of(envelope.decode, "sipc.cbor")))
    made.load(made.all[0])
    assert {name: sys.modules[name] for name in before} == before
    import sipc

    assert sipc.cbor is cbor
    assert envelope.cbor is cbor
    assert shapes.cbor is cbor


def test_modules_between_the_parser_and_what_is_measured_are_copied_too() -> None:
    workshop = Workshop(of(envelope.decode, "sipc.cbor"))
    assert workshop.closure == {"sipc.cbor", "sipc.envelope", "sipc.shapes"}
    assert workshop.measured == ["sipc.cbor"]
    made = Mutants(workshop)
    loose = made.load(next(one for one in made.all if "bytes behind the CBOR value" in one.before))
    message = envelope.encode(envelope.build(envelope.Kind.CANCEL, 1, {3: 1}))
    assert loose.judge(message + b"!", 1000)[0] == "accepted"


@pytest.mark.parametrize(
    "parse",
    [
        negotiation.Offer.parse,
        lambda data: negotiation.Offer.parse(data),
        (lambda read: lambda data: read(data))(negotiation.Offer.parse),
        (lambda module: lambda data: module.Offer.parse(data))(negotiation),
    ],
    ids=["classmethod", "lambda", "closure over a method", "closure over a module"],
)
def test_parsers_of_many_shapes_are_bound_to_their_copies(parse: Callable[[bytes], object]) -> None:
    made = Mutants(Workshop(of(parse, "sipc.negotiation")))
    offer = negotiation.Offer((1, 1), 1, (1,), b"", b"x").encode()
    loose = made.load(next(one for one in made.all if "bytes behind an offer" in one.before))
    assert made.original(bytearray(made.blocks)).judge(offer + b"!", 1000) == ("rejected", "malformed", None)
    assert loose.judge(offer + b"!", 1000)[0] == "accepted"


def test_a_function_that_another_one_made_is_bound_too() -> None:
    made = Mutants(Workshop(of(made_by_another(), "sipc.cbor")))
    loose = made.load(next(one for one in made.all if "bytes behind the CBOR value" in one.before))
    assert loose.judge(b"\x01\x02", 1000)[0] == "accepted"


def made_by_another() -> Callable[[bytes], object]:
    def play(data: bytes) -> object:
        return cbor.decode(data)

    return play


def test_a_parser_that_uses_nothing_measured_is_a_wrong_use() -> None:
    with pytest.raises(UsageError, match="uses none of the modules"):
        Workshop(of(len, "sipc.cbor"))


def test_code_that_the_parser_never_runs_has_no_mutants() -> None:
    made = Mutants(Workshop(PAIRS))
    functions = {one.function for one in made.all}
    assert {"parse", "_pair", ""} <= functions
    assert not functions & {"encode", "power"}


def test_an_endless_loop_is_a_hang() -> None:
    made = Mutants(Workshop(PAIRS))
    copy = made.load(next(one for one in made.all if one.before == "found.append(pair)"))
    assert copy.judge(b"PD\x01" + b"\x01a\x00" * 20, 10)[0] == "hang"


def test_only_mutants_of_entered_blocks_are_run() -> None:
    bench = Bench(PAIRS)
    run = bench.run(b"")
    may = {bench.mutants[at].function for at in range(len(bench.mutants)) if bench.may_differ(at, run)}
    assert may == {"", "parse", "Refused.__init__"}
    everything = {one.mutant for one in bench.differences(run, range(len(bench.mutants)))}
    assert everything
    # What is skipped would not have differed.
    for at in range(len(bench.mutants)):
        if not bench.may_differ(at, run):
            assert bench._copies[at].judge(b"", 1000) == run.outcome


def test_what_is_compared_is_told_and_nothing_changes() -> None:
    made = Mutants(Workshop(PAIRS))
    compared = Compared()
    watched = made.watched(compared)
    for data in (*pin_demo.SEEDS, b"PD\x01\x0d", b"", b"PD\x01\x02aa", b"PD\x02\x01b\x00\x01a\x00"):
        compared.pairs.clear()
        assert watched.judge(data, 1000) == made.original(bytearray(made.blocks)).judge(data, 1000)
        assert compared.pairs
    watched.judge(b"PD\x01\x0d", 1000)
    assert (13, 12) in [(left, right) for _, left, right in compared.pairs]


def test_values_of_two_copies_are_compared_by_what_they_say() -> None:
    assert plain(True) != plain(1)
    assert plain([1, b"x"]) == plain([1, b"x"])
    assert plain([1]) != plain((1,))
    assert plain(pin_demo.Pair(b"a", 1)) != plain(pin_demo.Pair(b"a", 2))
    assert plain(memoryview(b"abc")) == b"abc"
    assert plain({1: None}) != plain({1: False})
    deep: list[object] = []
    for _ in range(500):
        deep = [deep]
    assert plain(deep)


def test_mutants_and_their_order_are_the_same_each_time() -> None:
    one, other = Mutants(Workshop(PAIRS)), Mutants(Workshop(PAIRS))
    assert one.all == other.all
    assert len({mutant.name for mutant in one.all}) == len(one.all)


def test_what_a_parser_remembers_does_not_hide_what_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Functions with a cache, and a dictionary that is one: the same input enters the same blocks each time."""
    name = f"remembering_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(
        "from functools import lru_cache\n"
        "_known = {}\n"
        "def parse(data):\n"
        "    if data in _known:\n        return _known[data]\n"
        "    _known[data] = first(data)\n"
        "    return _known[data]\n"
        "@lru_cache\n"
        "def first(data):\n"
        "    if not data:\n        return -1\n"
        "    return data[0]\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)
    bench = Bench(of(importlib.import_module(name).parse, name))
    runs = [bench.run(b"x") for _ in range(3)]
    assert runs[0].seen == runs[1].seen == runs[2].seen
    assert sum(runs[0].seen) == 2
    sys.modules.pop(name)
