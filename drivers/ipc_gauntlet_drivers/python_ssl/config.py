"""From the driver protocol's credentials to an `SSLContext`, and from OpenSSL's errors to reason classes."""

from __future__ import annotations

import base64
import ssl
import tempfile
import textwrap
from dataclasses import dataclass
from pathlib import Path

from ipc_gauntlet.sdk import ConnectParams, Failed, ListenParams, raw, raws

# X509_V_ERR_CERT_HAS_EXPIRED, X509_V_ERR_CERT_REVOKED
_VERIFY_CODES = {10: "expired", 23: "revoked"}

# OpenSSL names its errors after the check or the alert that failed; the first part of a name that fits decides.
_REASONS = (
    ("EXPIRED", "expired"),
    ("REVOKED", "revoked"),
    ("BAD_RECORD_MAC", "integrity"),
    ("DECRYPTION_FAILED", "integrity"),
    ("DIGEST_CHECK_FAILED", "integrity"),
    ("CERTIFICATE", "authentication"),
    ("UNKNOWN_CA", "authentication"),
    ("SIGNATURE", "authentication"),
    ("DECRYPT_ERROR", "authentication"),
    ("INAPPROPRIATE_FALLBACK", "downgrade"),
    ("UNSUPPORTED_PROTOCOL", "protocol"),
    ("PROTOCOL_VERSION", "protocol"),
    ("NO_SHARED", "protocol"),
    ("NO_SUITABLE", "protocol"),
    ("HANDSHAKE_FAILURE", "protocol"),
    ("UNEXPECTED", "protocol"),
    ("ILLEGAL_PARAMETER", "protocol"),
    ("AFTER_CLOSE_NOTIFY", "protocol"),
    ("LENGTH", "malformed"),
    ("DECODE", "malformed"),
    ("RECORD", "malformed"),
    ("BAD_", "malformed"),
    ("WRONG_VERSION_NUMBER", "malformed"),
)


@dataclass(frozen=True)
class Settings:
    """What all connections of one endpoint share."""

    context: ssl.SSLContext
    strict: bool
    server_name: str | None
    client_name: str | None
    handshake_s: float | None

    @classmethod
    def of(cls, params: ListenParams | ConnectParams, strict: bool) -> Settings:
        """Read them from the parameters of `listen` or `connect`."""
        client = isinstance(params, ConnectParams)
        server_name, client_name = (params.service, None) if client else (None, params.peer)
        timer = params.options.get("timeouts", {}).get("handshake_ms")
        seconds = timer / 1000 if timer else None
        return cls(make_context(params), strict, server_name, client_name, seconds)


def make_context(params: ListenParams | ConnectParams) -> ssl.SSLContext:
    """Configure TLS 1.3 with mutual certificates.

    Args:
        params: Credential and trust. Without a credential no certificate is loaded, without trust nobody is trusted.

    Raises:
        Failed: OpenSSL refuses the credential or the trust.
        BadParams: They are not encoded as the driver protocol says.
    """
    try:
        return _make_context(params)
    except ssl.SSLError as error:
        raise Failed("malformed", str(error)) from error


def _make_context(params: ListenParams | ConnectParams) -> ssl.SSLContext:
    server = isinstance(params, ListenParams)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    with tempfile.TemporaryDirectory() as folder:  # the module loads private keys and CRLs from files only
        if params.credential is not None:
            chain, key = Path(folder, "chain.pem"), Path(folder, "key.pem")
            chain.write_text(
                "".join(map(ssl.DER_cert_to_PEM_cert, raws(params.credential, "chain"))), "ascii"
            )
            key.write_text(_pem("PRIVATE KEY", raw(params.credential, "private_key")), "ascii")
            context.load_cert_chain(chain, key)
        if params.trust is not None:
            if roots := raws(params.trust, "roots"):
                context.load_verify_locations(cadata=b"".join(roots))
            if crls := raws(params.trust, "crls"):
                revoked = Path(folder, "crls.pem")
                revoked.write_text("".join(_pem("X509 CRL", crl) for crl in crls), "ascii")
                context.load_verify_locations(revoked)
                context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    return context


def reason_of(error: ssl.SSLError) -> str:
    """Return the reason class of an error of OpenSSL."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _VERIFY_CODES.get(error.verify_code, "authentication")
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return "peer-closed"
    name = error.reason or ""
    return next((reason for part, reason in _REASONS if part in name), "unspecified")


def _pem(label: str, der: bytes) -> str:
    body = "\n".join(textwrap.wrap(base64.b64encode(der).decode("ascii"), 64))
    return f"-----BEGIN {label}-----\n{body}\n-----END {label}-----\n"
