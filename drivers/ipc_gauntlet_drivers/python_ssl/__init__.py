"""Driver for TLS 1.3 as Python's `ssl.SSLSocket` offers it, with its defaults.

What is tested: the interpreter's own `ssl` module and the OpenSSL it was built with, mutual certificates, TLS 1.3 only,
over Unix sockets and loopback TCP, used as its documentation shows. The handshake runs in a thread of each connection,
so that one slow peer does not keep others waiting.

What the driver adds: a 4-byte big-endian length before each message, because TLS moves a stream of bytes, and a bound
of two seconds on waiting for the peer's half of the closing handshake. Nothing else.

`python_ssl_strict` is the same with `suppress_ragged_eofs=False`. More in docs/drivers/python-ssl.md.
"""
