"""The reference's parsers as fuzz targets."""

from ipc_gauntlet.fuzz import Target
from sipc import cbor
from sipc.errors import SipcError

TARGETS = (
    Target(
        name="sipc.cbor",
        title="Deterministic CBOR: one encoding for each value, everything else is refused as malformed.",
        layer="cbor",
        parse=cbor.decode,
        rejects=(SipcError,),
        measured=("sipc.cbor",),
        encode=cbor.encode,
        canonical=True,
        seeds=lambda: (cbor.encode({1: b"x", 2: [1, None, True]}), cbor.encode("text")),
        reference_parser="cbor",
    ),
)
