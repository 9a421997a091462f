"""The counter of a small shop."""
