"""Customers and their points."""

import re

_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[a-z]{2,}")


class InvalidAddress(ValueError):
    """Not an e-mail address."""


class Account:
    """A customer who collects points."""

    def __init__(self, email: str) -> None:
        self.email = normalised(email)
        self.points = 0

    def earn(self, cents: int) -> int:
        """A point for each whole euro spent; gives the points there are now."""
        if cents < 0:
            raise ValueError("a purchase cannot be negative")
        self.points += cents // 100
        return self.points

    def level(self) -> str:
        """What the customer is to us."""
        if self.points >= 1000:
            return "gold"
        return "silver" if self.points >= 200 else "basic"


def normalised(email: str) -> str:
    """The address in lower case, without blanks around it."""
    address = email.strip().lower()
    if not _ADDRESS.fullmatch(address):
        raise InvalidAddress(email)
    return address
