"""`python -m ipc_gauntlet_drivers.python_ssl_strict`: TLS where an end without a farewell is an error."""

from ipc_gauntlet.sdk import run
from ipc_gauntlet_drivers.python_ssl.driver import TlsDriver

if __name__ == "__main__":
    run(TlsDriver(strict=True))
