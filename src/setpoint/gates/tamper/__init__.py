"""The tamper guard: what in a change makes tests, gates or their configuration see less than they did."""

from .guard import tamper

__all__ = ["tamper"]
