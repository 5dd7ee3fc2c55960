"""DER, JSON and lists of steps."""

import json
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st
from structures import chance, check_laws

from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.fuzz.mutate.fields_der import Der, der_length
from ipc_gauntlet.fuzz.mutate.schema import Bytes, Int, Schema
from ipc_gauntlet.fuzz.mutate.schema_json import JsonStructure
from ipc_gauntlet.fuzz.mutate.sequence import Sequence, Step, number

VECTORS = Path(__file__).parents[3] / "corpora/ipc_gauntlet_corpora/vectors/sipc1.json"
LEAF = bytes.fromhex(json.loads(VECTORS.read_bytes())["leaf_i_der"])
certificates = Schema(Der("certificate", (LEAF,)))
seeds = st.integers(0, 2**32)

LINE = {
    "jsonrpc": "2.0",
    "id": 7,
    "method": "parse",
    "params": {"parser": "cbor", "data": ["", None, 1.5, True]},
}
lines = JsonStructure((LINE,))

steps = Sequence(
    (Step("say", (Bytes("text"),), often=3), Step("wait", (Int("seconds", 2),))), prefix=(Int("mode"),)
)


def test_lengths_of_der() -> None:
    """Shortest forms, and longer ones."""
    assert [der_length(size).hex() for size in (0, 127, 128, 256)] == ["00", "7f", "8180", "820100"]
    assert der_length(5, longer=1) == b"\x81\x05"
    assert der_length(5, longer=2) == b"\x82\x00\x05"
    assert der_length(200, longer=1) == b"\x82\x00\xc8"


@given(st.binary(max_size=60) | seeds.map(lambda seed: certificates.mutate(LEAF, chance(seed))), seeds)
def test_der_of_any_bytes(data: bytes, seed: int) -> None:
    """Also lengths without an end."""
    assert certificates.read(data).joined() == data
    if len(data) < 100:
        check_laws(certificates, data, seed)


def test_changed_certificates_are_mostly_der_still() -> None:
    """A length that does not fit is refused before anything else is looked at."""
    rng, well_formed = chance(2), 0
    for _ in range(400):
        try:
            x509.load_der_x509_certificate(certificates.mutate(LEAF, rng))
        except ValueError as error:
            well_formed += "length" not in str(error).lower() and "ShortData" not in str(error)
        except Exception:  # noqa: BLE001 - understood well enough to be refused for what it says
            well_formed += 1
        else:
            well_formed += 1
    assert well_formed > 200


def test_certificates_are_explained() -> None:
    """By the names of ASN.1."""
    parts = certificates.explain(LEAF)
    assert parts[0].value == "sequence"
    assert any(part.value == "oid" for part in parts)
    check_laws(certificates, LEAF[:90], 1)


@given(
    st.binary(max_size=60) | seeds.map(lambda seed: lines.mutate(json.dumps(LINE).encode(), chance(seed))),
    seeds,
)
def test_json_of_any_bytes(data: bytes, seed: int) -> None:
    """Also what is no JSON."""
    check_laws(lines, data[:400], seed)


def test_changed_json_is_mostly_json() -> None:
    """And now and then it is not, or is nested too deep."""
    rng, read, deep = chance(4), 0, 0
    for _ in range(1500):
        data = lines.mutate(json.dumps(LINE).encode(), rng)
        try:
            json.loads(data)
            read += 1
        except RecursionError:
            deep += 1
        except ValueError:
            pass
    assert 1000 < read < 1490
    assert deep > 0


def test_json_is_reduced() -> None:
    """To the one member that matters."""
    data = json.dumps(LINE).encode()
    while (
        less := next((one for one in lines.smaller(data) if b'"cbor"' in one and _is_json(one)), None)
    ) is not None:
        data = less
    assert data == b'"cbor"'


def _is_json(data: bytes) -> bool:
    try:
        json.loads(data)
    except ValueError:
        return False
    return True


def test_json_is_explained() -> None:
    """By the way to each value."""
    told = {part.value: part.path for part in lines.explain(b'{"a": {"b": [1, 22]}}')}
    assert told["22"] == ".a.b[1]"


def test_steps_are_written_and_read() -> None:
    """With the prefix in front."""
    data = steps.encode((("say", b"hello"), ("wait", b"\0\x05")), b"\x02")
    assert [(call.step.name, call.body) for call in steps.decode(data)] == [
        ("say", b"hello"),
        ("wait", b"\0\x05"),
    ]
    assert steps.values(data) == (2,)
    assert steps.values(b"") == (0,)
    told = {part.path: part.value for part in steps.schema.explain(data)}
    assert told["steps.step[1].kind"] == "1 (wait)"
    assert told["steps.step[1].arguments.wait.seconds"] == "5"


@given(st.binary(max_size=100), seeds)
def test_any_bytes_are_steps(data: bytes, seed: int) -> None:
    """Whatever they are, a list of known steps comes of it."""
    assert all(call.step in steps.steps for call in steps.decode(data))
    check_laws(steps.schema, data, seed)


def test_lists_of_steps_are_made_and_limited() -> None:
    """As often as they are meant to be, and no more of them than are looked at."""
    names = [
        call.step.name for seed in range(300) for call in steps.decode(steps.schema.generate(chance(seed)))
    ]
    assert names.count("say") > names.count("wait") > 0
    assert len(list(Sequence((Step("x"),), most=3).decode(bytes(30)))) == 3
    assert number(b"\x01\x00", 5, 9) == 5 + 256 % 5
    assert number(b"") == 0


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: Sequence(()), "1 to 256 kinds"),
        (lambda: Sequence((Step("x"), Step("x"))), "a name of its own"),
        (lambda: steps.encode((("shout", b""),), b"\0"), "no step 'shout'"),
        (lambda: steps.encode((("say", b""),)), "has 1 bytes"),
    ],
)
def test_mistakes_are_told(wrong: object, said: str) -> None:
    """To who writes a target."""
    with pytest.raises(UsageError, match=said):
        wrong()  # type: ignore[operator]
