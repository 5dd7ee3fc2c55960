"""What is signed, and two implementations judge: the reference, and the harness's peer. Tokens, messages, certificates.

For tokens and messages not only the verdict is compared, but also the reason of a refusal: each is one of the words of
docs/sipc1.md, and the first check that fails decides. The checks of a path of certificates have no order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import cast

from ipc_gauntlet.fuzz import Target
from ipc_gauntlet.fuzz.differential.pair import Second, both
from ipc_gauntlet.fuzz.target import reason_of
from ipc_gauntlet.peer import cbor as peer_cbor
from ipc_gauntlet.peer.judging import Receiver, Refused, judge_signed, judge_token
from ipc_gauntlet.peer.paths import Leaf, PathRefused, judge_path
from sipc.signing import Claim
from sipc.x509 import VerifiedLeaf
from sipc_targets.credentials import path_of
from sipc_targets.grants import HOLDER, ISSUERS, READER, REQUEST, signed_message, signed_token

_MEASURED = ("ipc_gauntlet.peer.judging", "ipc_gauntlet.peer.cbor")
_FOR_TOKENS = Receiver(HOLDER.service, HOLDER.name, HOLDER.binding, HOLDER.wall, ISSUERS)
_SIGNERS = {name: signer.public for name, signer in READER.signers.items()}
_FOR_MESSAGES = Receiver(READER.own, READER.peer, b"", READER.wall, _SIGNERS)
_NAMED_REQUEST = {int(cast("int", key)): value for key, value in REQUEST.fields.items()}


def _token(data: bytes) -> object:
    return judge_token(data, _NAMED_REQUEST, _FOR_TOKENS)


def _claims(data: bytes) -> object:
    return _token(signed_token(data))


def _message(data: bytes) -> object:
    fields = peer_cbor.decode(signed_message(data))
    if not isinstance(fields, dict):
        raise Refused("malformed", "a message that is no map")
    return judge_signed(fields, _FOR_MESSAGES)


def _path(data: bytes) -> Leaf:
    path = path_of(data)
    return judge_path(path.chain, path.roots, path.lists, path.wall)


def _same_leaf(mine: object, theirs: Leaf) -> bool:
    read = (theirs.name, theirs.public_key, theirs.until)
    return isinstance(mine, VerifiedLeaf) and (mine.name, mine.public_key, mine.valid_until) == read


def _same_claim(mine: object, theirs: object) -> bool:
    if isinstance(mine, Claim):
        return repr((mine.sender, mine.receiver, mine.ident, mine.expires)) == repr(theirs)
    return mine is None and theirs is None


def _mine(error: BaseException) -> str:
    """What is too long is malformed, too: the page has one check for both."""
    reason = reason_of(error)
    return "malformed" if reason == "limit" else reason


def _theirs(error: BaseException) -> str:
    return error.reason if isinstance(error, Refused) else "malformed"


def _pair(known: Mapping[str, Target], name: str, second: Second) -> Target:
    first = replace(known[f"sipc.{name}"], reason=_mine)
    return both(first, second, name=f"differential.{name}", measured=_MEASURED)


def targets(known: Mapping[str, Target]) -> Iterator[Target]:
    """All of them.

    Args:
        known: The reference's own targets, by name.
    """
    yield _pair(known, "token", Second("the peer", _token, (Refused,), reason=_theirs))
    yield _pair(known, "token.claims", Second("the peer", _claims, (Refused,), reason=_theirs))
    rejects = (Refused, peer_cbor.CborError)
    yield _pair(known, "signing", Second("the peer", _message, rejects, _same_claim, _theirs))
    path = Second("the peer", _path, (PathRefused,), _same_leaf)
    yield both(known["sipc.x509"], path, name="differential.x509", measured=("ipc_gauntlet.peer.paths",))
