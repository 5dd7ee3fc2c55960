"""The taxonomy of errors."""

import pytest

from sipc import errors
from sipc.errors import LocalError, RemoteError, SipcError, require


def test_every_error_says_whose_fault_it_is() -> None:
    """Each class is either the local side's or the peer's, and has a reason and a stage."""
    classes = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, SipcError)
    ]
    assert len(classes) > 8
    for kind in classes:
        assert kind is SipcError or issubclass(kind, LocalError) != issubclass(kind, RemoteError)
        assert kind("text").reason in errors.Reason.__args__  # type: ignore[attr-defined]
        assert kind("text").stage in errors.Stage.__args__  # type: ignore[attr-defined]


def test_reason_and_stage_can_be_told_more_exactly() -> None:
    """An instance may know better than its class; the class keeps its default."""
    error = RemoteError("text", reason="revoked", stage="closing")
    assert (error.reason, error.stage, str(error)) == ("revoked", "closing", "text")
    assert (RemoteError("x").reason, RemoteError("x").stage) == ("protocol", "established")


def test_require_gives_the_value_or_a_local_error() -> None:
    """False and zero are values; None is none."""
    assert require(0, "number") == 0
    assert require(False, "flag") is False
    with pytest.raises(LocalError, match="thing"):
        require(None, "thing")
