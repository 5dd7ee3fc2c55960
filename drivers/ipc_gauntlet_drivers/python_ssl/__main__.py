"""`python -m ipc_gauntlet_drivers.python_ssl`: TLS with the defaults of `SSLSocket`."""

from ipc_gauntlet.sdk import run
from ipc_gauntlet_drivers.python_ssl.driver import TlsDriver

if __name__ == "__main__":
    run(TlsDriver(strict=False))
