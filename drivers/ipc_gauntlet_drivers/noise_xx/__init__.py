"""Driver for `noiseprotocol`, with the pattern Noise_XX_25519_ChaChaPoly_SHA256.

What is tested: the library's `NoiseConnection`, over Unix sockets and loopback TCP, both sides with a static X25519 key
and a list of known public keys of peers.

What the driver adds: a 2-byte big-endian length before each Noise message, which the Noise specification recommends
and the library leaves to its user; and the comparison of the peer's static key with the known ones, which is the
user's duty in XX. The library forgets its handshake state, and with it the peer's key, when the handshake ends, and
has no accessor; the driver keeps a reference to that state from before. More in docs/drivers/noise-xx.md.
"""
