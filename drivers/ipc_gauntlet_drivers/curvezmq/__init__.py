"""Driver for CurveZMQ, the encryption of ZeroMQ, with `pyzmq` and the libzmq in it.

What is tested: one ROUTER socket as the server, one DEALER socket for each client connection, CURVE with ZAP
authentication against a list of client public keys (`zmq.auth.thread.ThreadAuthenticator`), over ipc:// and tcp://.

What the driver adds: the client's first message, a greeting that is not delivered, because a ROUTER learns of a peer
only by a message; and no automatic reconnection, because here a connection is one connection. How `established`,
`rejected` and `closed` come about, and what a ROUTER cannot tell, is in docs/drivers/curvezmq.md.
"""
