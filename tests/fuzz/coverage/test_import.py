"""The import hook: every kind of module, nothing written, clear errors."""

import ast
import importlib
import importlib.resources
import inspect
import py_compile
import sys
import zipfile

import pytest
from measured_modules import Modules

from ipc_gauntlet.errors import GauntletError
from ipc_gauntlet.fuzz.coverage.instrument import install
from ipc_gauntlet.fuzz.coverage.monitor import AVAILABLE

FUNCTION = """
    def f(x):
        if x:
            return 1
        return 0
"""


def test_a_module_that_was_imported_before_is_refused(modules: Modules) -> None:
    """It would run unmeasured; the error names it."""
    name = modules.write(FUNCTION)
    importlib.import_module(name)
    try:
        with pytest.raises(GauntletError, match=f"{name}: imported before"):
            install([name])
    finally:
        del sys.modules[name]
    assert not any("_Finder" in type(finder).__name__ for finder in sys.meta_path)


def test_packages_and_what_is_below_them(modules: Modules) -> None:
    """A prefix means a package, its modules, relative imports, and its data; nothing that is only named alike."""
    package = modules.name()
    modules.write("from .inner import f\nfrom . import deep\n", f"{package}.__init__")
    modules.write(FUNCTION, f"{package}.inner")
    modules.write("from ..inner import f", f"{package}.deep.__init__")
    (modules.folder / package / "data.txt").write_text("data", encoding="utf-8")
    other = modules.write(FUNCTION, f"{package}x")
    module, coverage = modules.measured(package)
    importlib.import_module(other).f(1)
    assert not coverage.hits()
    module.f(1)
    assert coverage.functions() == {f"{package}.inner:f"}
    assert importlib.resources.files(package).joinpath("data.txt").read_text(encoding="utf-8") == "data"
    assert inspect.getsource(module.f).startswith("def f(x):")
    del sys.modules[other]


def test_namespace_packages(modules: Modules) -> None:
    """A folder without __init__ has no code of its own; what is in it is measured."""
    package = modules.name()
    modules.write(FUNCTION, f"{package}.part")
    _, coverage = modules.measured(package)
    importlib.import_module(f"{package}.part").f(0)
    assert coverage.covered() == {f"{package}.part:2:enter:0", f"{package}.part:3:else:0"}


def test_modules_in_a_zip_file(modules: Modules) -> None:
    """Whatever loader has source will do."""
    name = modules.name()
    with zipfile.ZipFile(modules.folder / "modules.zip", "w") as archive:
        archive.writestr(f"{name}.py", inspect.cleandoc(FUNCTION))
    sys.path.insert(0, str(modules.folder / "modules.zip"))
    try:
        module, coverage = modules.measured(name)
    finally:
        sys.path.remove(str(modules.folder / "modules.zip"))
    module.f(1)
    assert len(coverage.hits()) == 2


def test_compiled_files_are_neither_read_nor_written(modules: Modules) -> None:
    """A stale __pycache__ changes nothing, and none appears."""
    name = modules.write(FUNCTION)
    modules.measured(name)[0].f(1)
    assert not (modules.folder / "__pycache__").exists()
    other = modules.write("def f(x): return 'old'")
    py_compile.compile(str(modules.folder / f"{other}.py"), doraise=True)
    cached = {path: path.read_bytes() for path in (modules.folder / "__pycache__").iterdir()}
    modules.write("def f(x): return 'new'", other)
    assert modules.measured(other)[0].f(1) == "new"
    assert {path: path.read_bytes() for path in (modules.folder / "__pycache__").iterdir()} == cached


def test_transforms_come_before(modules: Modules) -> None:
    """Each gets the module's name and tree, in order; what they make is what runs and what is measured."""
    seen: list[str] = []

    class OneMore(ast.NodeTransformer):
        def visit_Constant(self, node: ast.Constant) -> ast.Constant:
            return ast.copy_location(ast.Constant(node.value + 1), node) if node.value == 1 else node

    def more(name: str, tree: ast.Module) -> ast.Module:
        seen.append(name)
        return OneMore().visit(tree)

    def double(name: str, tree: ast.Module) -> ast.Module:
        seen.append(ast.dump(tree.body[0])[:8] + name)
        return tree

    name = modules.write(FUNCTION)
    module, coverage = modules.measured(name, [more, double])
    assert module.f(1) == 2
    assert seen == [name, f"Function{name}"]
    assert b"\x02" in coverage.constants


def test_a_module_can_be_imported_again(modules: Modules) -> None:
    """Its edges keep their numbers."""
    name = modules.write(FUNCTION)
    module, coverage = modules.measured(name)
    module.f(1)
    first, total = coverage.hits(), coverage.total
    importlib.reload(module)
    coverage.begin()
    module.f(1)
    assert coverage.hits() == first
    assert coverage.total == total


def test_uninstalled_it_measures_no_more_modules(modules: Modules) -> None:
    """What is imported afterwards runs as it is."""
    _, coverage = modules.measured(modules.write(FUNCTION))
    coverage.uninstall()
    total = coverage.total
    modules.plain(modules.write(FUNCTION)).f(1)
    assert coverage.total == total


def test_syntax_errors_are_the_module_s(modules: Modules) -> None:
    """They name its file, as ever."""
    name = modules.write("def f(:\n    pass\n")
    with pytest.raises(SyntaxError) as caught:
        modules.measured(name)
    assert caught.value.filename is not None
    assert caught.value.filename.endswith(f"{name}.py")


def test_a_module_without_source(modules: Modules) -> None:
    """From Python 3.12 on it is measured; before, it is said that it is not."""
    name = modules.write(FUNCTION)
    source = modules.folder / f"{name}.py"
    py_compile.compile(str(source), cfile=str(source.with_suffix(".pyc")), doraise=True)
    source.unlink()
    importlib.invalidate_caches()
    module, coverage = modules.measured(name)
    assert (module.f(0), module.f(1)) == (0, 1)
    if not AVAILABLE:
        assert "3.12" in coverage.unmeasured[name]
        assert not coverage.total
        return
    assert not coverage.unmeasured
    ways = []
    for x in (0, 1, 0):
        coverage.begin()
        module.f(x)
        ways.append(coverage.path())
    assert ways[0] == ways[2] != ways[1]
    assert coverage.functions() == {f"{name}:f"}
    assert {edge.kind for edge in map(coverage.edges.__getitem__, range(coverage.total))} == {"enter", "jump"}
    assert {coverage.where(edge)[1] for edge in coverage.hits()} == {2, 3}


def test_a_module_of_machine_code(modules: Modules) -> None:
    """It cannot be measured, and that is said."""
    extension = next(
        (n for n in ("_elementtree", "_zoneinfo", "_csv", "audioop") if _can_load_again(n)), None
    )
    if extension is None:
        pytest.fail("this Python has none of the extension modules that the test knows")
    before = sys.modules.pop(extension, None)
    try:
        _, coverage = modules.measured(extension)
        assert coverage.unmeasured == {extension: "it is compiled to machine code"}
    finally:
        if before is not None:
            sys.modules[extension] = before


def _can_load_again(name: str) -> bool:
    spec = importlib.util.find_spec(name)
    return spec is not None and bool(spec.origin) and str(spec.origin).endswith((".so", ".pyd"))
