"""Every mutant can be made: its text fits the present source, and what comes out is still a program."""

import sys
from types import ModuleType

import pytest

import ipc_gauntlet_corpora
from sipc_mutants.hook import MutantLoader
from sipc_mutants.model import Mutant
from sipc_mutants.patching import patched_modules, source_file, unified_diff
from sipc_mutants.registry import MUTANTS, by_id

AREAS = ("AUTH", "DOWN", "REPL", "ORD", "IDEM", "TIME", "SCH", "XPT")
DEFECTS = {defect.id: defect for item in ipc_gauntlet_corpora.requirements() for defect in item.mutants}


def test_ids_are_unique() -> None:
    """Two mutants of one id would hide each other."""
    assert len(by_id()) == len(MUTANTS)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.id)
def test_it_is_the_catalogues(mutant: Mutant) -> None:
    """The catalogue has its id, says the same of it, and does not say that it cannot be."""
    assert mutant.id.partition("-")[0] in AREAS
    assert mutant.id in DEFECTS
    assert mutant.defect == DEFECTS[mutant.id].defect
    assert not DEFECTS[mutant.id].not_expressible


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.id)
def test_it_says_how_it_shows(mutant: Mutant) -> None:
    """Its requirement says how cases fail; otherwise nothing could kill it."""
    failure = ipc_gauntlet_corpora.requirement(mutant.requirement).failure
    assert failure is not None
    assert failure.stages
    assert failure.reasons


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.id)
def test_its_patches_fit(mutant: Mutant) -> None:
    """Each old text is there exactly once, something changes, and only in the reference."""
    assert mutant.patches
    changed = patched_modules(mutant)
    assert all(name.partition(".")[0] in {"sipc", "sipc_runtime", "sipc_driver"} for name in changed)
    assert all(patched.text != source and patched.changes for source, patched in changed.values())
    assert unified_diff(mutant).count("\n@@ ") >= len(changed)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.id)
def test_its_modules_can_be_imported(mutant: Mutant) -> None:
    """Each patched module compiles and runs, with marks in it; the real one stays as it is."""
    for name in mutant.modules:
        __import__(name)
        before = sys.modules[name]
        loader = MutantLoader(name, str(source_file(name)), mutant.patches_of(name), mutant.id, lambda: None)
        module = ModuleType(name)
        module.__dict__.update(__file__=str(source_file(name)), __package__=name.rpartition(".")[0])
        loader.exec_module(module)
        assert sys.modules[name] is before
        assert "__sipc_mutant_mark__" in loader.get_code(name).co_names or _inner_names(loader, name)


def _inner_names(loader: MutantLoader, name: str) -> bool:
    """Whether a mark is inside a function or class of a module."""
    waiting = [loader.get_code(name)]
    while waiting:
        code = waiting.pop()
        if "__sipc_mutant_mark__" in code.co_names:
            return True
        waiting += [one for one in code.co_consts if isinstance(one, type(code))]
    return False
