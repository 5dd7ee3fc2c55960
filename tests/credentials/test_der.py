"""Another signature in a certificate, of any length."""

import datetime

import pytest
from cryptography import x509

from ipc_gauntlet.credentials import CertificateAuthority
from ipc_gauntlet.credentials.der import with_signature
from ipc_gauntlet.errors import HarnessError

NOW = datetime.datetime(2026, 11, 27, tzinfo=datetime.UTC)


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 128, 300, 70_000])
def test_any_length(size: int) -> None:
    """The rest of the certificate stays what it was, and it is still DER."""
    root = CertificateAuthority(1, "der", NOW).root_der
    changed = x509.load_der_x509_certificate(with_signature(root, lambda _: bytes(size)))
    before = x509.load_der_x509_certificate(root)
    assert changed.signature == bytes(size)
    assert changed.tbs_certificate_bytes == before.tbs_certificate_bytes


def test_the_same_signature_changes_nothing() -> None:
    """Taken apart and put together again."""
    root = CertificateAuthority(1, "der", NOW).root_der
    assert with_signature(root, lambda good: good) == root


@pytest.mark.parametrize("data", [b"\x31\x00", b"\x30\x00x", b"\x30\x06\x30\x00\x30\x00\x04\x00"])
def test_what_is_no_certificate(data: bytes) -> None:
    """The tester's own mistake is said as one."""
    with pytest.raises(HarnessError):
        with_signature(data, lambda good: good)
