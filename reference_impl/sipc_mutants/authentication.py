"""Defects in authentication."""

from sipc_mutants.model import Mutant, Patch

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        id="AUTH-02.m1",
        defect='empty trust store means "trust all"',
        patches=(
            Patch(
                module="sipc.identity",
                old="        return validate(chain, self._roots, self._lists, wall)\n",
                new=(
                    "        if not self._roots:\n"
                    "            leaf = load(chain[0])\n"
                    "            name = spiffe.canonical(leaf.uris[0])\n"
                    '            return VerifiedLeaf(name, leaf.x25519 or b"", leaf.not_after)\n'
                    "        return validate(chain, self._roots, self._lists, wall)\n"
                ),
            ),
        ),
    ),
    Mutant(
        id="AUTH-03.m1",
        defect="certificate verified but its key never compared with Noise `rs`",
        patches=(
            Patch(
                module="sipc.handshake_proof",
                old=(
                    "    if leaf.public_key != proven:\n"
                    '        raise AuthenticationError("the certificate is for another key than the peer proved")\n'
                ),
                new="",
            ),
            # The other end runs the same code and has to be able to present what it does not hold.
            Patch(
                module="sipc.identity",
                old=(
                    "        if leaf.x25519 != key.public_key().public_bytes_raw():\n"
                    '            raise LocalError("the private key does not belong to the certificate", '
                    'reason="authentication")\n'
                ),
                new="",
            ),
        ),
    ),
    Mutant(
        id="AUTH-04.m1",
        defect="any certificate of the trusted CA accepted",
        patches=(
            Patch(
                module="sipc.handshake_initiator",
                old=(
                    "        if peer.name != self._config.expected_peer:\n"
                    '            raise AuthenticationError("the responder is somebody else than intended")\n'
                ),
                new="",
            ),
            # The responder refuses such an initiator too: a second line of defence, which would hide the first.
            Patch(
                module="sipc.handshake_responder",
                old=(
                    "        if offer.service != self._config.service.encode():\n"
                    '            raise AuthenticationError("the initiator wants another service")\n'
                ),
                new="",
            ),
        ),
    ),
)
