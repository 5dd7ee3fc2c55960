"""Dictionaries of AFL and libFuzzer: read, kept in the plan, told to every slice."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from fuzz_campaigns import TARGETS, Ear
from hypothesis import given
from hypothesis import strategies as st

from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.fuzz.campaign.dictionary import read_dictionaries, token_of
from ipc_gauntlet.fuzz.campaign.orders import Wishes, make, read_file
from ipc_gauntlet.fuzz.campaign.state import State
from ipc_gauntlet.fuzz.campaign.supervisor import Supervisor
from ipc_gauntlet.fuzz.corpus.store import Store
from ipc_gauntlet.fuzz.scale.export import _dictionary

pytestmark = pytest.mark.usefixtures("toys")


@pytest.mark.parametrize(
    ("line", "token"),
    [
        (rb'"abc"', b"abc"),
        (rb'magic="SIPC\x00"', b"SIPC\0"),
        (rb'length@2 = "\xff\xFF"', b"\xff\xff"),
        (rb'kw="a\"b\\c=d"', b'a"b\\c=d'),
        ('w="\u00fc"'.encode(), b"\xc3\xbc"),
    ],
)
def test_a_line_is_a_token(line: bytes, token: bytes) -> None:
    assert token_of(line) == token


@pytest.mark.parametrize(
    ("line", "word"),
    [
        (b"abc", "no token"),
        (b'"abc', "no token"),
        (b'a="b" c', "no token"),
        (rb'"\n"', "means nothing"),
        (rb'"\x1"', "means nothing"),
        (b'"a"b"', "means nothing"),
        (b'""', "between 1 and 64"),
        (b'"' + b"a" * 65 + b'"', "between 1 and 64"),
    ],
)
def test_what_is_no_token_is_named_with_its_line(line: bytes, word: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.dict"
    path.write_bytes(b"# fine\n\n" + line + b"\n")
    with pytest.raises(UsageError, match=rf"wrong\.dict:3: .*{word}"):
        read_dictionaries([path])


@given(st.lists(st.binary(min_size=1, max_size=64), max_size=20))
def test_what_is_exported_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, tokens: list[bytes]
) -> None:
    path = tmp_path_factory.mktemp("d") / "some.dict"
    path.write_bytes(_dictionary(tokens))
    assert [base64.b64decode(one) for one in read_dictionaries([path, path])] == list(dict.fromkeys(tokens))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.dict"):
        read_dictionaries([tmp_path / "none.dict"])


def test_every_slice_is_told_the_tokens_of_the_plan(tmp_path: Path) -> None:
    """Also when the campaign goes on and nobody names the file again."""
    (tmp_path / "mine.dict").write_bytes(b'"token"\n')
    (tmp_path / "plan.toml").write_text('dictionary = ["mine.dict"]\n', encoding="utf-8")
    wishes = read_file(tmp_path / "plan.toml")
    first = make(
        Wishes(modules=(TARGETS,), patterns=("small.right",), dictionary=wishes.dictionary), None, jobs=1
    )
    plan = make(Wishes(), first, jobs=1)
    with State.open(tmp_path, writable=True) as state:
        state.adopt(plan)
        supervisor = Supervisor(store=Store(tmp_path), state=state, listener=Ear(), budget=1.0)
        spec = supervisor.orders("small.right", "portable")
    assert [base64.b64decode(one) for one in spec.dictionary] == [b"token"]
