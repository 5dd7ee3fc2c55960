"""What the installed distribution announces is there."""

import importlib.metadata
import importlib.util

import pytest


def announced(group: str) -> list[importlib.metadata.EntryPoint]:
    """Entry points of our own distribution in a group."""
    return [
        point
        for point in importlib.metadata.distribution("ipc-gauntlet").entry_points
        if point.group == group
    ]


def test_the_command_loads() -> None:
    """`ipc-gauntlet` is a callable."""
    (command,) = announced("console_scripts")
    assert command.name == "ipc-gauntlet"
    assert callable(command.load())


@pytest.mark.parametrize("group", ["implementations", "mutants", "suites", "corpora"])
def test_every_announced_module_exists(group: str) -> None:
    """The harness reads these names as text and starts them with `python -m`: a typing error would show late."""
    points = announced(f"ipc_gauntlet.{group}")
    assert points
    missing = [point.value for point in points if importlib.util.find_spec(point.value) is None]
    assert missing == []


def test_every_implementation_can_be_run_as_a_module() -> None:
    """An implementation's entry point names a module, or a package with a `__main__`."""
    for point in announced("ipc_gauntlet.implementations"):
        spec = importlib.util.find_spec(point.value)
        assert spec is not None, point
        if spec.submodule_search_locations is not None:
            assert importlib.util.find_spec(f"{point.value}.__main__") is not None, point
