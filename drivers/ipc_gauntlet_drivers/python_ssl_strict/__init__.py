"""Driver for TLS 1.3 as Python's `ssl.SSLSocket` offers it, with `suppress_ragged_eofs=False`.

The code is that of `python_ssl`; the one difference is that argument of `SSLContext.wrap_socket`, which makes the end
of a stream without a closing handshake an error instead of an ordinary end. More in docs/drivers/python-ssl.md.
"""
