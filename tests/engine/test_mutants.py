"""Flawed implementations by name."""

import sys
from pathlib import Path

import pytest

from ipc_gauntlet.engine.implementations import Target, bundled
from ipc_gauntlet.engine.mutants import Listed, flawed, from_file, from_module, installed
from ipc_gauntlet.errors import HarnessError, UsageError


def test_the_installed_mutants() -> None:
    """The reference's mutants are announced, with the unflawed one apart."""
    (collection,) = installed()
    assert collection.name == "sipc_mutants"
    assert collection.unflawed.command.argv == (sys.executable, "-P", "-m", "sipc_mutants", "none")
    assert "ORD-07.m1" in {one.facts.id for one in collection.mutants}
    assert all(one.facts.fingerprint and one.facts.mark for one in collection.mutants)


def test_a_mutant_where_an_implementation_is_named() -> None:
    """`mutant:ID` is a command of this interpreter, for both roles or one."""
    command = bundled("mutant:ORD-07.m1")
    assert command.argv == (sys.executable, "-P", "-m", "sipc_mutants", "ORD-07.m1")
    assert command.name == "mutant:ORD-07.m1"
    client, server = Target(name="mutant:ORD-07.m1").commands()
    assert client == server == command
    client, server = Target(client="mutant:ORD-07.m1").commands()
    assert (client, server.name) == (command, "reference")
    assert Target(name="mutant:ORD-07.m1").options() == "mutant:ORD-07.m1"


def test_no_such_mutant() -> None:
    """A similar one is named."""
    with pytest.raises(UsageError, match=r"no installed mutant .*did you mean"):
        flawed("mutant:ORD-07.m")


def test_a_module_that_lists_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is wrong with a listing is an error of that module, and said."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    for name, text, what in (
        ("prints_junk", "print('hello')", "prints no list"),
        ("fails", "raise SystemExit('no way')", "no way"),
        ("lists_no_unflawed", "print('[]')", "does not list the unflawed"),
        ("lists_twice", """print('[{"id":"none"},{"id":"a"},{"id":"a"}]')""", "two mutants a"),
        ("is_nowhere", None, "No module named"),
    ):
        if text is not None:
            (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        with pytest.raises(HarnessError, match=what):
            from_module(name)


def test_a_file(tmp_path: Path) -> None:
    """JSON and TOML say the same; what counts for all mutants is written once."""
    toml, other = tmp_path / "m.toml", tmp_path / "m.json"
    toml.write_text(
        "driver='good'\nmark='M'\n[[mutants]]\nid='a'\nrequirement='R'\ndefect='d'\ndriver='bad --x \"y z\"'\n",
        encoding="utf-8",
    )
    other.write_text(
        '{"driver":"good","mark":"M","mutants":[{"id":"a","requirement":"R","defect":"d",'
        '"driver":"bad --x \'y z\'"}]}',
        encoding="utf-8",
    )
    for path in (toml, other):
        collection = from_file(path)
        assert collection.unflawed.command.argv == ("good",)
        (mutant,) = collection.mutants
        assert mutant.command.argv == ("bad", "--x", "y z")
        assert mutant.facts.mark == "M"
        assert isinstance(mutant.facts, Listed)


def test_what_only_other_machines_show(tmp_path: Path) -> None:
    """It is kept apart with its reason, and has nothing to run."""
    file = tmp_path / "mutants.toml"
    file.write_text(
        'driver = "./good"\n[[mutants]]\nid = "A.m1"\nrequirement = "A"\ndriver = "./bad"\n'
        '[[mutants]]\nid = "A.m2"\nrequirement = "A"\ndriver = "./worse"\nelsewhere = "no pipes here"\n',
        encoding="utf-8",
    )
    collection = from_file(file)
    assert [one.facts.id for one in collection.mutants] == ["A.m1"]
    assert [(one.id, one.elsewhere) for one in collection.elsewhere] == [("A.m2", "no pipes here")]


@pytest.mark.skipif(sys.platform == "win32", reason="there are pipes here")
def test_a_mutant_that_shows_nothing_here_says_so() -> None:
    """Named by hand it would pass everything, which would look like a case that is missing."""
    with pytest.raises(UsageError, match="shows nothing on this machine: it is one of named pipes"):
        flawed("mutant:XPT-08.m1")
