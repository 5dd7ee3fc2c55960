"""`python -m ipc_gauntlet_drivers.noise_xx`."""

from ipc_gauntlet.sdk import run
from ipc_gauntlet_drivers.extras import explained

if __name__ == "__main__":
    with explained("noise", "noiseprotocol"):
        from ipc_gauntlet_drivers.noise_xx.driver import NoiseDriver
    run(NoiseDriver())
