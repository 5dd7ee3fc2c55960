"""Tokens in which somebody does not count, and what the operating system grants to them; asks Windows, or Wine."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator

import pytest
from systems import WINE, needs_pipes

from ipc_gauntlet.errors import NotVerifiable
from ipc_gauntlet.lab import Lab, sddl

if sys.platform == "win32":
    from ipc_gauntlet.windows import pipe, security, strangers, tokens

pytestmark = needs_pipes

ADMINISTRATORS = "S-1-5-32-544"
LOGON = "S-1-5-5-"
CLIENT = 0x19B


if sys.platform == "win32":

    def sids() -> list[str]:
        """What this process's token consists of."""
        seen: list[str] = []

        def keep(sid: str) -> bool:
            seen.append(sid)
            return True

        tokens.Token(keep).close()
        return seen

    def granted(entries: str, token: tokens.Token) -> int | None:
        """What an access list grants, of something that is the system's."""
        return token.granted_by(f"O:SYG:SYD:P{entries}")

    @contextlib.contextmanager
    def three() -> Iterator[tuple[tokens.Token, tokens.Token, tokens.Token]]:
        """We, a client of ours that is no administrator, and somebody else."""
        made = (
            tokens.Token(lambda _: True),
            tokens.Token(lambda sid: sid != ADMINISTRATORS),
            tokens.Token(sddl.is_crowd),
        )
        yield made
        for one in made:
            one.close()

    def test_a_token_tells_what_it_consists_of() -> None:
        """The user comes first, and integrity is nobody's name."""
        first, *groups = sids()
        assert first == security.user_sid()
        assert "S-1-1-0" in groups
        assert not [one for one in groups if one.startswith("S-1-16-")]

    def test_what_is_granted_to_whom() -> None:
        """To the user, to his session, to administrators and to everybody; with and without the right to make instances."""
        (session,) = [one for one in sids() if one.startswith(LOGON)]
        with three() as (we, client, stranger):
            for entries, expected in (
                ("", (0, 0, 0)),
                (f"(A;;0x12019b;;;{session})(A;;RC;;;OW)", (CLIENT, CLIENT, 0)),
                (f"(A;;0x12019f;;;{session})", (CLIENT | 0x4, CLIENT | 0x4, 0)),
                ("(A;;0x120089;;;WD)", (0x89, 0x89, 0x89)),
                ("(D;;FR;;;AU)(A;;0x120089;;;WD)", (0, 0, 0)),
            ):
                assert tuple(granted(entries, one) for one in (we, client, stranger)) == expected, entries
            assert granted("(A;;FA;;;BA)", client) == granted("(A;;FA;;;BA)", stranger) == 0

    def test_a_descriptor_that_is_none() -> None:
        """Without an owner there is nothing to be weighed."""
        with three() as (we, _, _):
            assert we.granted_by("D:P(A;;FA;;;WD)") is None

    def test_a_pipe_is_weighed_as_it_is_now() -> None:
        """What is read through a client's end is what the pipe has."""
        from ipc_gauntlet.windows import inspect

        (session,) = [one for one in sids() if one.startswith(LOGON)]
        me = security.user_sid()
        name = pipe.new_name("weighed")
        making = pipe.Making(sddl=f"O:{me}G:{me}D:P(A;;0x12019b;;;{session})(A;;RC;;;OW)")
        with contextlib.closing(pipe.create(name, making)), three() as (we, client, stranger):
            watched = inspect.Watched(name)
            assert [watched.granted(one) for one in (we, client, stranger)] == [CLIENT, CLIENT, 0]
            watched.close()

    def test_a_squatter_hears_what_is_said_to_him() -> None:
        """A client that does not look whose pipe it is finds one that lets it in."""
        from ipc_gauntlet.windows import inspect

        name = pipe.new_name("squatted")
        try:
            made = strangers.Squatter(name)
        except PermissionError as error:
            pytest.skip(f"takes a privilege: {error}")
        with contextlib.closing(made) as squatter:
            assert squatter.heard() is None
            with three() as (we, _, _):
                talk = strangers.Talk(strangers.opened(name, we))
            talk.send(b"secret")
            while not squatter.heard():
                continue
            assert squatter.heard() == b"secret"
            talk.close()
            with contextlib.suppress(OSError):
                watched = inspect.Watched(name)
                assert sddl.read(watched.sddl(), security.user_sid()).owner == "S-1-5-32-546"

    def test_somebody_else_is_kept_out_or_it_is_said(lab: Lab) -> None:
        """Wine lets everybody in, and so nothing is claimed there."""
        if WINE:
            with pytest.raises(NotVerifiable, match="keep nobody out"):
                lab.stranger()
        else:
            name = lab.pipe_name()
            lab.squat_pipe(name)
            assert not lab.stranger()(name, b"words").connected

    @pytest.mark.parametrize(("answer", "status"), [(1, 0), (0, 70)])
    def test_whoever_cannot_be_himself_again_does_not_go_on(answer: int, status: int) -> None:
        """The next thing that this process did would be done as somebody else."""
        program = (
            "from ipc_gauntlet.windows import tokens\n"
            f"tokens._revert = lambda: {answer}\n"
            "token = tokens.Token(lambda _: True)\n"
            "try:\n"
            "    with token.acting():\n"
            "        raise SystemExit(0)\n"
            "finally:\n"
            "    pass\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        assert done.returncode == status, done.stderr
        assert (b"RevertToSelf" in done.stderr) == bool(status)
