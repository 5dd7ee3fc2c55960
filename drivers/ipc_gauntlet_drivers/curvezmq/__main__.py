"""`python -m ipc_gauntlet_drivers.curvezmq`."""

from ipc_gauntlet.sdk import run
from ipc_gauntlet_drivers.extras import explained

if __name__ == "__main__":
    with explained("zmq", "pyzmq"):
        from ipc_gauntlet_drivers.curvezmq.driver import CurveDriver
    run(CurveDriver())
