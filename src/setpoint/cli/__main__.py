"""`python -m setpoint.cli`."""

from .main import main

main()
