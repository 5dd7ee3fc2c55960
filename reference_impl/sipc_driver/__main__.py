"""Run the driver: `python -m sipc_driver`."""

from sipc_driver.program import main

main()
