"""Measured code does what it does without: results, exceptions, tracebacks, on real modules and on every construct."""

import importlib
import shutil
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from measured_modules import Modules

from ipc_gauntlet.fuzz.coverage.instrument import Coverage

Pairs: TypeAlias = Callable[[str], tuple[ModuleType, ModuleType, Coverage]]

# Of the standard library: parsers that are pure Python, self-contained, and written by many hands.
CALLS: dict[str, Callable[[Any, str], object]] = {
    "tomllib": lambda m, text: m.loads(text),
    "json": lambda m, text: m.loads(text, object_hook=dict),
    "shlex": lambda m, text: m.split(text),
    "fractions": lambda m, text: m.Fraction(text),
    "ipaddress": lambda m, text: str(m.ip_network(text)),
    "textwrap": lambda m, text: m.wrap(text, width=12),
    "base64": lambda m, text: m.b85decode(m.b85encode(text.encode("utf-8", "replace"))) + m.b32decode(text),
    "configparser": lambda m, text: _sections(m, text),
    "csv": lambda m, text: m.Sniffer().has_header(text),
    "html": lambda m, text: m.unescape(text),
    "difflib": lambda m, text: list(m.unified_diff(text.split("\n"), text.split(","))),
    "string": lambda m, text: m.Template(text).safe_substitute(a=1) + m.Formatter().format(text, 1, 2),
    "statistics": lambda m, text: (m.mode(text), m.multimode(text)),
    "quopri": lambda m, text: m.decodestring(text.encode("utf-8", "replace")),
}
TEXTS = st.one_of(
    st.text(max_size=30),
    st.text(alphabet="[]{}\"'=:,.#\n\\ -_&;$/+0123456789abctrufalsen", max_size=60),
    st.sampled_from(
        [
            '[a]\nb = {c = [1, 2.5, "x\\u00e9"], d = 1979-05-27T07:32:00Z}\n',
            '{"a": [1, 2, {"b": null}], "c": "\\ud834\\udd1e"}',
            'a \'b c\' "d\\"e" # f',
            "3/4",
            "192.168.0.0/16",
            "2001:db8::/32",
            "[s]\nkey: value\n more\n",
            "a,b,c\n1,2,3\n4,5,6\n",
            "&lt;&#x41;&amp;x;&notit;",
        ]
    ),
)


def _sections(module: ModuleType, text: str) -> object:
    parser = module.ConfigParser()
    parser.read_string(text)
    return {name: dict(parser[name]) for name in parser.sections()}


def _outcome(call: Callable[[Any, str], object], module: ModuleType, text: str) -> tuple[str, str]:
    try:
        return "returned", repr(call(module, text))
    except Exception as error:  # noqa: BLE001 - whatever it is, it must be the same
        return type(error).__name__, str(error)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pairs]:
    """Each module of the standard library twice: plain, and a measured copy of its source."""
    modules = Modules(tmp_path_factory.mktemp("modules"))
    made: dict[str, tuple[ModuleType, ModuleType, Coverage]] = {}

    def pair(name: str) -> tuple[ModuleType, ModuleType, Coverage]:
        if name not in made:
            original = importlib.import_module(name)
            assert original.__file__ is not None
            path = Path(original.__file__)
            copy = modules.name()
            if path.name == "__init__.py":
                shutil.copytree(
                    path.parent, modules.folder / copy, ignore=shutil.ignore_patterns("__pycache__")
                )
            else:
                shutil.copy(path, modules.folder / f"{copy}.py")
            importlib.invalidate_caches()
            made[name] = original, *modules.measured(copy)
        return made[name]

    yield pair
    modules.close()


@pytest.mark.parametrize("name", CALLS)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS)
def test_modules_of_the_standard_library(pairs: Pairs, name: str, text: str) -> None:
    """Same results and same errors, whether edges are counted or comparisons are told."""
    plain, measured, coverage = pairs(name)
    expected = _outcome(CALLS[name], plain, text)
    coverage.begin()
    assert _outcome(CALLS[name], measured, text) == expected
    assert coverage.hits()
    told: list[tuple[str, str]] = []
    coverage.compares.capture([lambda: told.append(_outcome(CALLS[name], measured, text))])
    assert told == [expected]


CONSTRUCTS = '''
    """Docstring."""
    from __future__ import annotations
    import asyncio, contextlib, functools, enum
    from dataclasses import dataclass, field, fields

    LOG: list[object] = []

    @dataclass(frozen=True, slots=True, order=True)
    class Point:
        """A point."""
        x: int | None = 3 if True else 4
        y: list[int] = field(default_factory=lambda: [1] if LOG is not None else [])
        def __post_init__(self):
            if self.x is None:
                object.__setattr__(self, "x", 7)
        @property
        def size(self) -> int: return (self.x or 0) and 1 < self.x < 9

    class Kind(enum.Enum):
        A = 1
        B = "b"

    class Base:
        table = {k: v for k, v in [(1, 2)] if k or v}
        __secret = 5
        def __init_subclass__(cls, **kw):
            LOG.append(sorted(kw))
        def who(self):
            """Only a docstring and a value."""
            return self.__secret if self.__secret else __class__

    class Derived(Base, flag=True and 1):
        def who(self):
            return [super().who() for _ in range(1)] if False else super().who()

    def deco(n=1 if LOG is not None else 2, /, *, k=(1 and 2)):
        def wrap(f):
            @functools.wraps(f)
            def inner(*a, **kw):
                return f(*a, **kw), n, k
            return inner
        return wrap

    @deco(5)
    def decorated(a, b=2, *c, d: int | str = 4 if 1 else 2, **e) -> int or None:
        "doc"
        return a or b or c or d or e

    def recursive(n): return 1 if n <= 1 else n * recursive(n - 1)

    def generator(n):
        for i in range(n):
            got = yield i if i % 2 else -i
            if got:
                LOG.append(got)
        else:
            yield "end"
        return (yield from [1, 2])

    async def agen():
        for i in range(3):
            yield i
            await asyncio.sleep(0)

    async def work():
        out = [i async for i in agen() if i and await one(i)]
        async with contextlib.AsyncExitStack() as s:
            async for j in agen():
                if j == 1: continue
                out.append(j)
            else:
                out.append("else")
        return out

    async def one(i):
        return i == 1 or i

    def match(x):
        match x:
            case Kind.A | Kind.B: return "kind"
            case 1 | 2: return "small"
            case [1, *rest] if rest: return rest
            case {"a": a, **others}: return a, others
            case Point(x=3): return "point"
            case str() as s if s.startswith(("a", "b")): return s
            case None: return "none"

    def handlers(x):
        try:
            try:
                if x == 0: raise ValueError(x)
                if x == 1: raise KeyError(x)
                if x == 2: return "returned"
                assert x != 3, f"three {x if x else 0}"
                assert x != 4
            except (ValueError, KeyError) as error:
                return type(error).__name__
            else:
                x += 1
            finally:
                LOG.append(x)
        except AssertionError as error:
            return error.args
        return x

    def flow(n):
        out = []
        while n:
            n -= 1
            if n % 3 == 0: continue
            for a in range(n):
                if a == 3: break
                out += [a]
            else:
                out.append("no break")
        else:
            out.append("done")
        return out

    def scopes(n):
        total = 0
        def add(x):
            nonlocal total
            total += x if x > 1 else 0
            return total
        if (m := n + 1) > 2 and m != 4:
            add(m)
        global SEEN
        SEEN = n
        names = sorted(locals())
        class Inner:
            if n: attr = [q for q in range(n)]
            for z in (): pass
            values = sorted(v for v in vars() if not v.startswith("_"))
        return total, add(3), names, Inner.values, m

    def pieces(x):
        d = {1: "a", 2: "b"}
        fs = [lambda y=i: (y and x) or (not y) for i in range(3)]
        return [f() for f in fs], d.get(x), x in d, not x in (1, 2), 0 < x <= 2 < 9, f"{x!r:>{4 if x else 5}}", \\
            {*range(x)}, {**d}, [*d, *(y for y in d if y)], {a: b for a, b in d.items() if a if b != "a"}, x is None, \\
            d[x] if x in d else None

    def outcome(f, *a):
        try:
            return f(*a)
        except Exception as error:
            return type(error).__name__, str(error)

    def everything():
        LOG.clear()
        out = [Point(), Point(None).size, Point(1) < Point(2), [f.type for f in fields(Point)], Derived().who()]
        out += [decorated(0, 0), decorated(0, b=0, d=0, z=1), decorated.__name__, decorated.__doc__, recursive(6)]
        g = generator(3)
        out += [next(g), g.send("sent"), list(g), asyncio.run(work())]
        out += [match(x) for x in (Kind.A, 2, [1, 2], [1], {"a": 1, "b": 2}, Point(), "abc", "xyz", None, 5)]
        out += [outcome(handlers, x) for x in range(6)] + [flow(n) for n in range(6)] + [scopes(n) for n in range(4)]
        out += [outcome(pieces, x) for x in range(4)]
        out += [Point.__doc__, Base.who.__doc__, decorated.__wrapped__.__annotations__, deco.__kwdefaults__, SEEN]
        return repr((out, LOG, handlers.__code__.co_firstlineno, Point.__module__ == __name__))
'''


def test_every_construct(modules: Modules) -> None:
    """One module with everything that Python has comes to the same end, three times over."""
    name = modules.write(CONSTRUCTS)
    expected = modules.plain(name).everything()
    module, coverage = modules.measured(name)
    assert module.everything() == expected
    told: list[str] = []
    pairs = coverage.compares.capture([lambda: told.append(module.everything())])
    assert told == [expected]
    assert pairs[0]
    assert module.everything() == expected
    assert module.__doc__ == "Docstring."


FAILURES = """
    def plain(x):
        y = 1

        return 1 // x

    def condition(x):
        if x or (
            1 // x
        ):
            pass

    def loop(x):
        for i in range(3):
            while True:
                i + [1 // x][0]

    def comprehension(x):
        return {k: [
            1 // x
            for _ in range(2)] for k in "ab" if k}

    def ternary(x):
        return (None if not x
            else 2) + 1

    def function(x):
        return (lambda y:
            y.nothing)(x)

    def chain(x):
        return 0 <= x < [
            ][5]

    def checked(x):
        assert x, (
            "text")

    def matching(x):
        match x:
            case 0:
                raise KeyError(
                    x)

    def generating(x):
        return sum(1 // x for _ in range(2))

    def again(x, n=2):
        return again(x, n - 1) if n else 1 // x
"""


def _places(call: Callable[[int], object]) -> list[tuple[object, ...]]:
    try:
        call(0)
    except Exception as error:  # noqa: BLE001 - each function fails in its own way
        found = traceback.extract_tb(error.__traceback__)[1:]
        return [(f.filename, f.name, f.lineno, f.end_lineno, f.colno, f.end_colno, f.line) for f in found]
    raise AssertionError("it did not fail")


@pytest.mark.parametrize(
    "function",
    [
        "plain",
        "condition",
        "loop",
        "comprehension",
        "ternary",
        "function",
        "chain",
        "checked",
        "matching",
        "generating",
        "again",
    ],
)
def test_tracebacks_show_the_same_places(modules: Modules, function: str) -> None:
    """Down to the columns."""
    name = modules.write(FAILURES)
    expected = _places(getattr(modules.plain(name), function))
    module, _ = modules.measured(name)
    assert _places(getattr(module, function)) == expected
