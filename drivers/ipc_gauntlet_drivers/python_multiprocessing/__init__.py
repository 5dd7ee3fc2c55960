"""Driver for `multiprocessing.connection` of Python's standard library: `Listener` and `Client` with an `authkey`.

What is tested: the module as its documentation shows it, over Unix sockets and loopback TCP, with one secret for both
sides. Messages go through `send_bytes` and `recv_bytes`, never through `send` and `recv`, which pickle. `Listener.accept`
is called in one thread, so it also does the authentication of each client there.

What the driver adds: nothing; the module has message boundaries of its own. More in
docs/drivers/python-multiprocessing.md.
"""
