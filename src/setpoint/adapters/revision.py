"""Which form of the database this code reads and writes."""

REVISIONS = ("0001", "0002", "0003")
"""Every revision this code can read, oldest first; the last one is the tables' own."""
STAMP = "setpoint_revision"
"""The table that says at which revision a database is."""
