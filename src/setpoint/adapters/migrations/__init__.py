"""How a database of an older setpoint becomes one of this; a new one is made from the metadata and stamped."""
