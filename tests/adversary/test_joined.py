"""What one step of a link writes to one side leaves it in one piece."""

from ipc_gauntlet.adversary.actions import Close, Finish, Pause, Send, joined


def test_bytes_with_nothing_between_them_are_one_write() -> None:
    """A frame and what was injected behind it arrive together; each side has its own."""
    made = [Send("server", b"offer"), Send("server", b"clear"), Send("client", b"a"), Send("server", b"b")]
    assert list(joined(made)) == [Send("server", b"offerclear"), Send("client", b"a"), Send("server", b"b")]


def test_nothing_moves_past_anything_else() -> None:
    """Ends and stalls stay where they are, and so do pieces that are to be seen as pieces."""
    made = [
        Send("server", b"1"),
        Pause("server"),
        Send("server", b"2"),
        Send("server", b"3", paced=True),
        Send("server", b"4", paced=True),
        Send("server", b"5"),
        Finish("server"),
        Close(),
    ]
    assert list(joined(made)) == made
    assert list(joined([])) == []
