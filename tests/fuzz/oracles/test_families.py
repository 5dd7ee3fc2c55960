"""Members of a family have about the size that was asked for, and what the schema derives is right in them."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_gauntlet.fuzz import Target
from ipc_gauntlet.fuzz.mutate.cbor import CborAny
from ipc_gauntlet.fuzz.mutate.schema import Bytes, Const, Length, Record, Schema
from ipc_gauntlet.fuzz.oracles.families import Family, families

FRAME = Schema(Record("frame", (Const("magic", b"M1"), Length("size", 2, of=("body",)), Bytes("body"))))


def target(structure: Schema | None = None) -> Target:
    return Target(
        name="t.t", title="t", layer="other", parse=bytes, measured=(__name__,), structure=structure
    )


def members(base: bytes, structure: Schema | None, size: int) -> Iterable[tuple[str, bytes]]:
    chosen = target(structure)
    for family in families(base, chosen):
        made = family.member(size, chosen)
        if made is not None:
            yield family.recipe, made


@given(st.binary(min_size=1, max_size=40), st.integers(64, 4096))
def test_bytes_are_repeated_up_to_the_size(base: bytes, size: int) -> None:
    made = dict(members(base, None, size))
    assert made
    for recipe, data in made.items():
        _, offset, length = recipe.split(":")
        assert size <= len(data) < size + int(length)
        piece = base[int(offset) : int(offset) + int(length)]
        assert data.startswith(base[: int(offset)] + piece)
        assert data.endswith(base[int(offset) + int(length) :])


def test_a_string_in_a_schema_grows_with_its_length() -> None:
    base = b"M1\x00\x03abc"
    made = dict(members(base, FRAME, 500))
    grown = [
        data for recipe, data in made.items() if recipe.startswith("fill") and data[4:].startswith(b"abcabca")
    ]
    assert grown
    assert all(int.from_bytes(data[2:4], "big") == len(data) - 4 for data in grown)


def cbor_depth(data: bytes) -> int:
    return len(data) - len(data.lstrip(b"\x81"))


def test_cbor_is_filled_and_deepened() -> None:
    cbor = Schema(CborAny("value"))
    base = bytes.fromhex("8181820102")
    made = dict(members(base, cbor, 300))
    assert any(cbor_depth(data) > 100 for data in made.values())
    assert any(
        data[:2] == b"\x81\x81" and data[2] == 0x99 for data in made.values()
    )  # an array of more than 255


@given(
    st.recursive(st.integers(0, 99), lambda inner: st.lists(inner, max_size=3), max_leaves=12),
    st.integers(64, 2000),
)
def test_whatever_is_nested_what_grows_stays_cbor(value: object, size: int) -> None:
    """Every recipe of the schema makes an input that is well-formed, whatever the order in which fields are named."""
    cbor = Schema(CborAny("value"))
    for recipe, data in members(cbor2.dumps(value, canonical=True), cbor, size):
        if recipe.startswith(("many", "deep")) and recipe != "many:0":
            with io.BytesIO(data) as stream:
                cbor2.CBORDecoder(stream).decode()


def test_pairs_of_a_map_get_keys_of_their_own() -> None:
    cbor = Schema(CborAny("value"))
    made = dict(members(bytes.fromhex("a10102"), cbor, 300))
    filled = [data for recipe, data in made.items() if recipe.startswith("many") and data[0] == 0xB8]
    assert len(filled) == 1
    assert filled[0][1] > 60


@pytest.mark.parametrize(
    "recipe",
    [
        "",
        "bytes",
        "bytes:x:1",
        "fill:99999",
        "many:-1",
        "deep:0",
        "deep:0:0",
        "deep:0:999",
        "deep:-1:1",
        "fill:-1",
        "other:1",
        "bytes:90:1",
    ],
)
def test_a_recipe_that_does_not_fit_makes_nothing(recipe: str) -> None:
    assert Family(b"M1\x00\x03abc", recipe).member(100, target(FRAME)) is None


@given(st.binary(max_size=60), st.integers(1, 600))
def test_no_input_makes_it_fail(base: bytes, size: int) -> None:
    for _, data in members(base, FRAME, size):
        assert len(data) < 5 * size + sys.getsizeof(base)
