"""SIPC/1 as a sans-IO core: bytes, times and entropy go in, bytes and events come out.

From the bottom up: `noise*` (ciphers and handshake patterns), `cbor`, `suites` and `negotiation`, `identity` with
`certificates`, `x509` and `crl`, `handshake`, `records` and `fragments`, `envelope`, `session`, and `connection`,
which joins them. docs/sipc1.md is the protocol. Nothing in here opens a socket, reads a clock or draws randomness.
"""
