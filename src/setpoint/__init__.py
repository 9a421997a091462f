"""setpoint carries a ticket to a reviewed, proven and released change, as a closed control loop."""

__version__ = "0.1.0"
