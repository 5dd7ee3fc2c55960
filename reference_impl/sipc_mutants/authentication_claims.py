"""Defects in what is believed of a message's own words about its sender: AUTH-09, and of signatures: AUTH-15."""

from sipc_mutants.model import Mutant, Patch

_SIGNING = "sipc.signing"
_COVERED = "key: value for key, value in fields.items() if key not in HOP_BY_HOP}"
_PARTS = "    if any(part not in fields for part in _PARTS):\n"
_INVALID = '    except InvalidSignature:\n        raise AuthenticationError("the signature is not valid") from None\n'
_SIGNER = "    if signer is None or (reader.peer != sender and reader.peer not in signer.via):\n"

CLAIMS: tuple[Mutant, ...] = (
    Mutant(
        "AUTH-09.m1",
        "name read from the unauthenticated part (CVE-2017-11103)",
        (
            Patch(
                _SIGNING,
                _PARTS,
                "    if Field.SIG not in fields and Field.FROM in fields:\n"
                "        import os\n"
                "\n"
                "        sender = cast('str', fields[Field.FROM])\n"
                "        return Claim(sender, reader.own, os.urandom(16), int(reader.wall) + 60)\n" + _PARTS,
            ),
        ),
    ),
    Mutant(
        "AUTH-09.m2",
        "signature checked but over a re-serialised copy",
        (
            Patch(
                _SIGNING,
                _COVERED,
                "key: value for key, value in fields.items() if key not in HOP_BY_HOP and int(key) < 64}",
            ),
        ),
    ),
    Mutant(
        "AUTH-09.m3",
        "whoever is connected may pass on the messages of any signer",
        (Patch(_SIGNING, _SIGNER, "    if signer is None:\n"),),
    ),
    Mutant(
        "AUTH-09.m4",
        "a message signed for somebody else is taken",
        (Patch(_SIGNING, "    if receiver != reader.own:\n", "    if not receiver:\n"),),
    ),
    Mutant(
        "AUTH-09.m5",
        "what a request may do is decided by who signed it, not by who sent it",
        (
            Patch(
                "sipc_runtime.service",
                "            allowed = not silent and self._around.allows(self.peer, envelope.method) is True\n",
                "            import dataclasses\n"
                "\n"
                "            name = str(envelope.fields.get(18, self.peer.peer))\n"
                "            speaker = dataclasses.replace(self.peer, peer=name)\n"
                "            allowed = not silent and self._around.allows(speaker, envelope.method) is True\n",
            ),
        ),
    ),
    Mutant(
        "AUTH-09.m6",
        "a signature that is not valid is only noted",
        (Patch(_SIGNING, _INVALID, "    except InvalidSignature:\n        pass\n"),),
    ),
    Mutant(
        "AUTH-09.m7",
        "the end of a signed message is not looked at",
        (
            Patch(
                _SIGNING,
                "    if not reader.wall < expires <= reader.wall + LONGEST_S:\n",
                "    if not expires:\n",
            ),
        ),
    ),
    Mutant(
        "AUTH-09.m8",
        "only method, body and names are covered by the signature",
        (
            Patch(
                _SIGNING,
                _COVERED,
                "key: value for key, value in fields.items() if key in (0, 1, 4, 14, 18, 19, 21)}",
            ),
        ),
    ),
)

_OCTETS = "    Field.SIG: Rule(_octets(64, 64), _NONE, _CONTENT),\n"
_VERIFY = "        Ed25519PublicKey.from_public_bytes(signer.public).verify(\n"
_SIGNED = '            cast("bytes", fields[Field.SIG]), signed_octets(fields)\n'
_WHOLE = "len(signature) != 64"
_VERIFIES = "        Ed25519PublicKey.from_public_bytes(public).verify(signature, _to_be_signed(payload))\n"

SIGNATURES: tuple[Mutant, ...] = (
    Mutant(
        "AUTH-15.m6",
        "a signature of a message that is empty is not verified",
        (
            Patch("sipc.envelope", _OCTETS, _OCTETS.replace("64, 64", "0, 64")),
            Patch(
                _SIGNING,
                _VERIFY,
                "        if fields[Field.SIG]: Ed25519PublicKey.from_public_bytes(signer.public).verify(\n",
            ),
        ),
    ),
    Mutant(
        "AUTH-15.m7",
        "bytes behind a message's signature are ignored",
        (
            Patch("sipc.envelope", _OCTETS, _OCTETS.replace("64, 64", "64, 128")),
            Patch(_SIGNING, _SIGNED, _SIGNED.replace("fields[Field.SIG])", "fields[Field.SIG])[:64]")),
        ),
    ),
    Mutant(
        "AUTH-15.m8",
        "a token whose signature is empty is believed",
        (
            Patch("sipc.tokens", _WHOLE, "len(signature) not in (0, 64)"),
            Patch("sipc.tokens", _VERIFIES, "        if signature:\n    " + _VERIFIES),
        ),
    ),
    Mutant(
        "AUTH-15.m9",
        "bytes behind a token's signature are ignored",
        (
            Patch("sipc.tokens", _WHOLE, "len(signature) < 64"),
            Patch("sipc.tokens", _VERIFIES, _VERIFIES.replace("(signature,", "(signature[:64],")),
        ),
    ),
)
