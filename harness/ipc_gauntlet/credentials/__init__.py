"""Credentials the harness issues to implementations under test: the good ones, and each way to spoil them."""

from ipc_gauntlet.credentials.chains import DEFECTS, ROOT_DEFECTS, Defect
from ipc_gauntlet.credentials.deployment import Deployment, Issuer, Side, issuer_for
from ipc_gauntlet.credentials.x509 import CertificateAuthority, LeafOptions

__all__ = [
    "DEFECTS",
    "ROOT_DEFECTS",
    "CertificateAuthority",
    "Defect",
    "Deployment",
    "Issuer",
    "LeafOptions",
    "Side",
    "issuer_for",
]
