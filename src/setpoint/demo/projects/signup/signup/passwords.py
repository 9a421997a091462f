"""Passwords are kept as salted scrypt hashes."""

import hashlib
import hmac
import os

MINIMUM = 8
_COST = {"n": 2**12, "r": 8, "p": 1}


def hashed(password: str) -> str:
    """`salt$hash` of a password, in hex; different each time."""
    salt = os.urandom(16)
    return f"{salt.hex()}${_derive(password, salt).hex()}"


def matches(password: str, kept: str) -> bool:
    """Whether `password` is the one that `kept` was made from."""
    salt, _, digest = kept.partition("$")
    return hmac.compare_digest(_derive(password, bytes.fromhex(salt)).hex(), digest)


def _derive(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, **_COST)
