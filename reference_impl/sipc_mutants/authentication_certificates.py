"""Defects in what is asked of certificates and names: AUTH-02, AUTH-03, AUTH-04, AUTH-12."""

from sipc_mutants.model import Mutant, Patch

_X509 = "sipc.x509"
_LOAD_MISMATCH = Patch(
    # The other end runs the same code and has to be able to present what it does not hold.
    module="sipc.identity",
    old=(
        "        if leaf.x25519 != key.public_key().public_bytes_raw():\n"
        '            raise LocalError("the private key does not belong to the certificate", '
        'reason="authentication")\n'
    ),
    new="",
)
_SERVICE = Patch(
    # The responder refuses such an initiator too: a second line of defence, which would hide the first.
    module="sipc.handshake_responder",
    old=(
        "        if offer.service != self._config.service.encode():\n"
        '            raise AuthenticationError("the initiator wants another service")\n'
    ),
    new="",
)
_WANTED = (
    "        if peer.name != self._config.expected_peer:\n"
    '            raise AuthenticationError("the responder is somebody else than intended")\n'
)
_VALIDATE = "        return validate(chain, self._roots, self._lists, wall)\n"
_VERIFY = (
    "    try:\n"
    "        key.verify(certificate.signature, certificate.tbs_certificate_bytes)\n"
    "    except InvalidSignature:\n"
    "        return False\n"
    "    return True\n"
)


def _skip(number: int, defect: str, old: str, new: str = "") -> Mutant:
    """A check of the path validation that is left out or weakened."""
    return Mutant(f"AUTH-12.m{number}", defect, (Patch(_X509, old, new),))


def _raises(condition: str, text: str, reason: str = "") -> str:
    told = f'"{text}", reason="{reason}"' if reason else f'"{text}"'
    return f"    if {condition}:\n        raise AuthenticationError({told})\n"


TRUST: tuple[Mutant, ...] = (
    Mutant(
        id="AUTH-02.m1",
        defect='empty trust store means "trust all"',
        patches=(
            Patch(
                module="sipc.identity",
                old=_VALIDATE,
                new=(
                    "        if not self._roots:\n"
                    "            leaf = load(chain[0])\n"
                    "            name = spiffe.canonical(leaf.uris[0])\n"
                    '            return VerifiedLeaf(name, leaf.x25519 or b"", leaf.not_after)\n' + _VALIDATE
                ),
            ),
        ),
    ),
    Mutant(
        id="AUTH-02.m2",
        defect="self-signed leaf accepted as its own root",
        patches=(
            Patch(
                module=_X509,
                old="    path = [load(der) for der in chain]\n",
                new=(
                    "    path = [load(der) for der in chain]\n"
                    "    if path[0].issuer == path[0].subject:\n"
                    "        return _check_leaf(path[0], path[0].not_after)\n"
                ),
            ),
        ),
    ),
    Mutant(
        id="AUTH-02.m3",
        defect="first seen key is pinned silently",
        patches=(
            Patch(
                module="sipc.identity",
                old=_VALIDATE,
                new=(
                    "        try:\n"
                    "            return validate(chain, self._roots, self._lists, wall)\n"
                    "        except SipcError:\n"
                    "            leaf = load(chain[0])\n"
                    "            name = spiffe.canonical(leaf.uris[0])\n"
                    "            pins = self.__dict__.setdefault('_pins', {})\n"
                    "            if pins.setdefault(name, leaf.x25519) != leaf.x25519:\n"
                    "                raise\n"
                    '            return VerifiedLeaf(name, leaf.x25519 or b"", leaf.not_after)\n'
                ),
            ),
        ),
    ),
    Mutant(
        id="AUTH-02.m4",
        defect="any certificate that the peer sends along counts as a root",
        patches=(
            Patch(
                module=_X509,
                old="    named = [root for root in roots if root.subject == last.issuer]\n",
                new=(
                    "    if last.issuer == last.subject:\n"
                    "        return last\n"
                    "    named = [root for root in roots if root.subject == last.issuer]\n"
                ),
            ),
        ),
    ),
    Mutant(
        id="AUTH-02.m5",
        defect="a pre-shared key that some other listener of the program trusts is trusted everywhere",
        patches=(
            Patch(
                "sipc.identity",
                "        return self._psks.get(identity)\n",
                "        return self._psks.get(identity) or _everywhere.get(identity)\n",
            ),
            Patch(
                "sipc.identity",
                "        if len(self._psks) != len(psks):\n",
                "        _everywhere.update(self._psks)\n        if len(self._psks) != len(psks):\n",
            ),
            Patch(
                "sipc.identity",
                "class TrustStore:\n",
                "_everywhere: dict[str, PskCredential] = {}\n\n\nclass TrustStore:\n",
            ),
        ),
    ),
    Mutant(
        id="AUTH-02.m6",
        defect="a root is recognised by its name, not by its key",
        patches=(
            Patch(
                _X509,
                "        if _signed_by(last, root):\n            return root\n",
                "        return root\n",
            ),
            Patch(
                _X509,
                "        _check_issued(subject, issuer)\n",
                "        if issuer is not path[-1]:\n            _check_issued(subject, issuer)\n",
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
            _LOAD_MISMATCH,
        ),
    ),
    Mutant(
        id="AUTH-03.m2",
        defect="signature length checked instead of verified (CVE-2019-15545)",
        patches=(Patch(_X509, _VERIFY, "    return len(certificate.signature) == 64\n"),),
    ),
    Mutant(
        id="AUTH-03.m3",
        defect="identity taken from the last, un-proven key offered (CVE-2024-45337)",
        patches=(
            Patch(
                module="sipc.handshake_proof",
                old=(
                    "    leaf = config.trust.validate_chain(read_certificates(payload), wall)\n"
                    "    if leaf.public_key != proven:\n"
                ),
                new=(
                    "    offered = [config.trust.validate_chain([one], wall) for one in read_certificates(payload)]\n"
                    "    leaf = offered[-1]\n"
                    "    if proven not in {one.public_key for one in offered}:\n"
                ),
            ),
        ),
    ),
    Mutant(
        id="AUTH-04.m1",
        defect="any certificate of the trusted CA accepted",
        patches=(Patch("sipc.handshake_initiator", _WANTED, ""),),
    ),
    Mutant(
        id="AUTH-04.m2",
        defect="falls back to CommonName (etcd CVE-2018-16886)",
        patches=(
            Patch(
                module=_X509,
                old="    return VerifiedLeaf(name, key, valid_until)\n",
                new=(
                    "    common = leaf.parsed.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)\n"
                    "    if common:\n"
                    "        name = str(common[0].value)\n"
                    "    return VerifiedLeaf(name, key, valid_until)\n"
                ),
            ),
        ),
    ),
    Mutant(
        id="AUTH-04.m3",
        defect="no expected name configured = accept all",
        patches=(
            Patch(
                "sipc.handshake_initiator",
                _WANTED,
                _WANTED.replace("        if peer", "        if self._config.expected_peer and peer"),
            ),
            Patch(
                "sipc.handshake_config", "    if not 1 <= length <= MAX_SERVICE:\n", "    if length < 0:\n"
            ),
            Patch(
                "sipc.negotiation",
                "or not 1 <= len(self.service) <= MAX_SERVICE",
                "or len(self.service) > MAX_SERVICE",
            ),
            Patch(
                "sipc.negotiation", "        if not service:\n", "        if len(service) > MAX_SERVICE:\n"
            ),
            _SERVICE,
        ),
    ),
    Mutant(
        id="AUTH-04.m4",
        defect="the name is compared without regard to case",
        patches=(
            Patch(
                "sipc.handshake_initiator",
                _WANTED,
                _WANTED.replace(
                    "peer.name != self._config.expected_peer",
                    "peer.name.lower() != self._config.expected_peer.lower()",
                ),
            ),
        ),
    ),
    Mutant(
        id="AUTH-04.m5",
        defect="a name that begins with the intended one is good enough",
        patches=(
            Patch(
                "sipc.handshake_initiator",
                _WANTED,
                _WANTED.replace(
                    "peer.name != self._config.expected_peer",
                    "not peer.name.startswith(self._config.expected_peer)",
                ),
            ),
        ),
    ),
    Mutant(
        id="AUTH-04.m6",
        defect="a name that the intended one begins with is good enough",
        patches=(
            Patch(
                "sipc.handshake_initiator",
                _WANTED,
                _WANTED.replace(
                    "peer.name != self._config.expected_peer",
                    "not self._config.expected_peer.startswith(peer.name)",
                ),
            ),
        ),
    ),
)

_CA = "issuer.basic is None or not issuer.basic[0].ca"
_USAGE = (
    "        usage is None\n"
    "        or not usage.key_agreement\n"
    "        or usage.key_cert_sign\n"
    "        or usage.crl_sign\n"
    "        or usage.digital_signature\n"
)
_LEAF = "leaf.basic is None or leaf.basic[0].ca or not leaf.basic[1]"
_PERMITTED = (
    "        if permitted is not None and not any(_within(host, str(one.value)) for one in permitted):\n"
    '            raise AuthenticationError("name outside what the authority may issue")\n'
)
_EXCLUDED = (
    "        if excluded is not None and any(_within(host, str(one.value)) for one in excluded):\n"
    '            raise AuthenticationError("name excluded from what the authority may issue")\n'
)
_LEAF_NAMES = "    if len(leaf.uris) != 1 or leaf.other_names:\n"
_EVERY = "    for certificate in path:\n        _check_any(certificate, wall)\n"

PATHS: tuple[Mutant, ...] = (
    _skip(
        1,
        "expired certificate accepted",
        _raises("certificate.expired_at(wall)", "certificate expired", "expired"),
    ),
    _skip(2, "URI name constraints ignored, so every name is permitted (RUSTSEC-2026-0098)", _PERMITTED),
    _skip(
        3,
        "certificate accepted before it is valid",
        _raises("wall < certificate.not_before", "certificate not valid yet", "expired"),
    ),
    _skip(
        4,
        "issuer without basicConstraints CA:TRUE accepted",
        _raises(_CA, "the issuer is no certificate authority") + "    limit = issuer.basic[0].path_length\n",
        "    limit = issuer.basic[0].path_length if issuer.basic is not None else None\n",
    ),
    _skip(
        5,
        "pathLenConstraint ignored",
        _raises("limit is not None and below > limit", "path longer than the authority allows"),
    ),
    _skip(
        6,
        "leaf without keyAgreement accepted",
        _USAGE,
        _USAGE.replace("or not usage.key_agreement", "or False"),
    ),
    _skip(
        7,
        "unknown critical extension ignored",
        _raises("certificate.unknown_critical", "unknown critical extension"),
    ),
    _skip(8, "excluded subtrees of name constraints ignored", _EXCLUDED),
    _skip(9, "leaf with two names accepted", _LEAF_NAMES, "    if not leaf.uris:\n"),
    _skip(
        10,
        "issuer without keyCertSign accepted",
        _raises(
            "issuer.usage is None or not issuer.usage.key_cert_sign", "the issuer may not sign certificates"
        ),
    ),
    _skip(
        11,
        "leaf with an extended key usage of another purpose accepted",
        _raises("leaf.purposes is not None", "no extended key usage of this profile"),
    ),
    _skip(12, "authority accepted as a leaf", _LEAF, "leaf.basic is None or not leaf.basic[1]"),
    Mutant(
        "AUTH-12.m13",
        "chain of any length accepted",
        (
            Patch(
                _X509,
                "    if not 1 <= len(chain) <= MAX_CHAIN:\n",
                "    if not chain:\n",
            ),
            Patch("sipc.handshake_payload", "entries=MAX_CHAIN", "entries=16"),
        ),
    ),
    _skip(
        14, "only the leaf's validity and extensions are looked at", _EVERY, "    _check_any(path[0], wall)\n"
    ),
    _skip(
        15,
        "issuer and subject names need not chain",
        _raises("subject.issuer != issuer.subject", "issuer and subject names do not chain"),
    ),
    _skip(
        16,
        "signature of intermediates not verified",
        _raises("not _signed_by(subject, issuer)", "certificate signature invalid"),
    ),
    _skip(
        17,
        "leaf that may also sign accepted",
        _USAGE,
        _USAGE.replace("or usage.digital_signature", "or False"),
    ),
    _skip(
        18,
        "leaf without critical basicConstraints accepted",
        _LEAF,
        "leaf.basic is not None and leaf.basic[0].ca",
    ),
    _skip(
        19,
        "leaf with a name of another kind beside the URI accepted",
        _LEAF_NAMES,
        "    if len(leaf.uris) != 1:\n",
    ),
    _skip(
        20,
        "name constraint of a kind that cannot be judged ignored",
        '            raise AuthenticationError("name constraint of an unsupported kind")\n',
        "            return\n",
    ),
    Mutant(
        "AUTH-12.m21",
        "any spelling of the leaf's name accepted",
        (Patch(_X509, "        name = spiffe.canonical(leaf.uris[0])\n", "        name = leaf.uris[0]\n"),),
    ),
    _skip(
        22,
        "leaf that may sign certificates accepted",
        _USAGE,
        _USAGE.replace("or usage.key_cert_sign", "or False"),
    ),
    _skip(
        23,
        "keyUsage may be missing from a leaf",
        _USAGE,
        _USAGE.replace("usage is None\n        or", "usage is not None and (")[:-1] + ")\n",
    ),
    _skip(
        24, "the root is trusted even when it is not valid", _EVERY, _EVERY.replace("in path", "in path[:-1]")
    ),
    _skip(
        25,
        "what the root may do, and its limits, are not looked at",
        "        _check_authority(issuer, below)\n        _check_names(issuer, path[0])\n",
        "        if issuer is not path[-1]:\n"
        "            _check_authority(issuer, below)\n            _check_names(issuer, path[0])\n",
    ),
    _skip(
        26,
        "a certificate is good for some minutes more",
        "    if certificate.expired_at(wall):\n",
        "    if certificate.expired_at(wall - 300):\n",
    ),
    _skip(
        27,
        "a certificate is good some minutes before its time",
        "    if wall < certificate.not_before:\n",
        "    if wall < certificate.not_before - 300:\n",
    ),
    _skip(
        28,
        "name constraints of the lowest authority only are looked at",
        "        _check_names(issuer, path[0])\n",
        "        if below == 0:\n            _check_names(issuer, path[0])\n",
    ),
    _skip(
        29,
        "a permitted host covers every host that ends with it",
        '    return host.endswith(lowered) and host != lowered if lowered.startswith(".") else host == lowered\n',
        "    return host.endswith(lowered)\n",
    ),
    _skip(
        30,
        "a leaf for every purpose is good for this one",
        "    if leaf.purposes is not None:\n",
        '    if leaf.purposes is not None and "2.5.29.37.0" not in leaf.purposes:\n',
    ),
)
