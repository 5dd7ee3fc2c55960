"""Planted defects: which are offered, in what order, and that each is what it says."""

import ast
import importlib
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from ipc_gauntlet.errors import GauntletError, UsageError
from ipc_gauntlet.fuzz import Target
from ipc_gauntlet.fuzz.plant import PlantedDefect, canary, plants, transform
from ipc_gauntlet.fuzz.reached import reached

PARSER = '''
"""A parser."""

class Refused(Exception):
    pass

class Reader:
    def __init__(self, data):
        self.data = data

    def head(self):
        if len(self.data) < 2:
            raise Refused("short")
        return self.data[0]

def parse(data):
    """Read a number."""
    kind = Reader(data).head()
    if kind == 1:
        if data[1] > 9:
            raise Refused("large")
        if len(data) > 4:
            raise AssertionError("never")
        return data[1]
    elif kind == 2:
        try:
            if data[1] == 7:
                raise Refused("sheltered")
        except Exception:
            raise Refused("seven") from None
        return -data[1]
    raise Refused("kind")

def encode(value):
    if value < 0:
        raise Refused("negative")
    return bytes((1, value))
'''


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ModuleType]]:
    monkeypatch.syspath_prepend(tmp_path)
    names: list[str] = []

    def make(source: str) -> ModuleType:
        name = f"planted_{tmp_path.name}_{len(names)}"
        names.append(name)
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(source), encoding="utf-8")
        importlib.invalidate_caches()
        return importlib.import_module(name)

    yield make
    for name in names:
        sys.modules.pop(name, None)


def target(module: ModuleType, *seeds: bytes) -> Target:
    return Target(
        name="planted",
        title="A parser.",
        layer="other",
        parse=module.parse,
        rejects=(module.Refused,),
        measured=(module.__name__,),
        seeds=lambda: seeds,
    )


def copy_with(module: ModuleType, name: str) -> ModuleType:
    """The module again, with a defect in it."""
    assert module.__file__ is not None
    tree = transform(name)(module.__name__, ast.parse(Path(module.__file__).read_text(encoding="utf-8")))
    copy = ModuleType(module.__name__)
    exec(compile(tree, module.__file__, "exec"), copy.__dict__)  # noqa: S102
    return copy


def lines(module: ModuleType, names: list[str]) -> list[str]:
    """The source line that each name is about, and its kind."""
    assert module.__file__ is not None
    source = Path(module.__file__).read_text(encoding="utf-8").splitlines()
    return [f"{name.split(':')[2]} {source[int(name.split(':')[1]) - 1].strip()}" for name in names]


def test_rejections_that_no_seed_reaches_come_first_the_shallowest_before_the_deeper(
    made: Callable[..., ModuleType],
) -> None:
    module = made(PARSER)
    offered = lines(module, plants(target(module, b"\x01\x02")))
    assert [line for line in offered if line.startswith("raise")] == [
        'raise raise Refused("kind")',
        'raise raise Refused("short")',
        'raise raise Refused("large")',
        'raise raise Refused("seven") from None',
    ]


def test_a_rejection_that_a_seed_or_an_input_reaches_is_not_offered(made: Callable[..., ModuleType]) -> None:
    module = made(PARSER)
    assert any("short" in line for line in lines(module, plants(target(module, b"\x01\x02"))))
    assert not any("short" in line for line in lines(module, plants(target(module, b"\x01\x02", b""))))
    assert not any("short" in line for line in lines(module, plants(target(module, b"\x01\x02"), [b"\x01"])))


def test_neither_the_other_direction_nor_assertions_nor_what_would_be_caught_are_offered(
    made: Callable[..., ModuleType],
) -> None:
    module = made(PARSER)
    offered = lines(module, plants(target(module, b"\x01\x02")))
    assert not [
        line for line in offered if line.startswith("raise") and ("never" in line or "sheltered" in line)
    ]
    assert not [line for line in offered if "negative" in line]


@pytest.mark.parametrize(
    ("which", "caught_by"),
    [("short", b""), ("kind", b"\x05\x05"), ("large", b"\x01\x0a"), ("seven", b"\x02\x07")],
)
def test_a_planted_rejection_raises_what_nobody_declares(
    made: Callable[..., ModuleType], which: str, caught_by: bytes
) -> None:
    module = made(PARSER)
    names = plants(target(module, b"\x01\x02"))
    name = next(name for name, line in zip(names, lines(module, names), strict=True) if which in line)
    flawed = copy_with(module, name)
    with pytest.raises(module.Refused, match=which):
        module.parse(caught_by)
    with pytest.raises(PlantedDefect, match=name.split("+")[0]):
        flawed.parse(caught_by)
    assert flawed.parse(b"\x01\x02") == 2


def test_where_seeds_reach_every_rejection_branches_are_offered(made: Callable[..., ModuleType]) -> None:
    module = made(
        """
        class Refused(Exception):
            pass
        def parse(data):
            if not data:
                raise Refused
            total = 0
            if data[0] > 100:
                total = 5
            for byte in data[1:]:
                total += byte
            return total
        """
    )
    names = plants(target(module, b"", b"\x01"))
    assert lines(module, names)[:2] == ["branch total = 5", "branch total += byte"]
    flawed = copy_with(module, names[0])
    with pytest.raises(PlantedDefect):
        flawed.parse(b"\xff")
    assert flawed.parse(b"\x01") == 0


def test_where_seeds_take_every_branch_a_condition_is_offered_that_none_meets(
    made: Callable[..., ModuleType],
) -> None:
    module = made(
        """
        class Refused(Exception):
            pass
        def parse(data):
            "Its docstring stays."
            if not data:
                raise Refused
            return data
        """
    )
    seeds = (b"", b"\x01", b"abc")
    names = plants(target(module, *seeds))
    assert [name.split(":")[2].split("-")[0] for name in names] == ["rare"]
    flawed = copy_with(module, names[0])
    assert flawed.parse.__doc__ == "Its docstring stays."
    for seed in seeds[1:]:
        assert flawed.parse(seed) == seed
    met = 0
    for number in range(4096):
        try:
            flawed.parse(number.to_bytes(2))
        except PlantedDefect:
            met += 1
    assert 4 <= met <= 64


def test_a_canary_plants_several_of_the_best_kind_there_is(made: Callable[..., ModuleType]) -> None:
    module = made(PARSER)
    name = canary(target(module, b"\x01\x02"), most=3)
    assert [one.split(":")[2] for one in name.split("+")] == ["raise"] * 3
    flawed = copy_with(module, name)
    for data in (b"", b"\x05\x05"):
        with pytest.raises(PlantedDefect):
            flawed.parse(data)


def test_a_target_without_seeds_has_plants_too(made: Callable[..., ModuleType]) -> None:
    module = made(PARSER)
    assert plants(target(module))


def test_a_target_whose_code_has_no_source_has_none() -> None:
    blind = Target(
        name="blind", title="", layer="other", parse=len, measured=("zlib",), seeds=lambda: (b"x",)
    )
    assert plants(blind) == []
    assert canary(blind) == ""


def test_names_are_the_same_each_time(made: Callable[..., ModuleType]) -> None:
    module = made(PARSER)
    one = target(module, b"\x01\x02", b"\x02\x03")
    assert plants(one) == plants(one)


@pytest.mark.parametrize("name", ["", "cbor", "a:b:c:d", "a:1:raise:0+"])
def test_what_is_not_a_name_is_a_wrong_use(name: str) -> None:
    with pytest.raises(UsageError, match="name of a planted defect"):
        transform(name)


@pytest.mark.parametrize("name", ["m:99:raise:0", "m:1:branch:0", "m:99:rare-ff-0:0"])
def test_code_that_has_changed_is_said(name: str) -> None:
    with pytest.raises(GauntletError, match="the code has changed"):
        transform(name)("m", ast.parse("x = 1"))


def test_other_modules_are_left_alone() -> None:
    tree = ast.parse("x = 1")
    assert ast.dump(transform("m:1:raise:0")("n", tree)) == ast.dump(ast.parse("x = 1"))


def test_a_parser_that_never_ends_does_not_stop_the_tracing(made: Callable[..., ModuleType]) -> None:
    module = made(
        """
        class Refused(Exception):
            pass
        def parse(data):
            while data == b"loop":
                pass
            return 1
        """
    )
    one = target(module)
    before = sys.gettrace()
    seen = reached(one, [b"loop", b"x"])
    assert sys.gettrace() is before
    assert seen.lines[module.__name__] >= {5, 7}


def test_the_reference_has_canaries_that_a_few_broken_inputs_find() -> None:
    import sipc_targets
    from sipc import cbor

    one = next(target for target in sipc_targets.TARGETS if target.name == "sipc.cbor")
    flawed = copy_with(cbor, canary(one))
    caught = 0
    for seed in one.seeds():
        for end in range(len(seed)):
            try:
                flawed.decode(seed[:end])
            except PlantedDefect:
                caught += 1
            except flawed.MalformedError:
                pass
    assert caught
