"""Ed25519 signatures of approvals: `ed25519:` and 32 bytes in base64 name a key."""

import base64
import binascii

from ..errors import UsageError
from ..model.approval import Approval

PREFIX = "ed25519:"


def key_name(public: bytes) -> str:
    """The public key, as it is written."""
    return PREFIX + base64.b64encode(public).decode("ascii")


def key_bytes(name: str) -> bytes:
    """The 32 bytes of a written key. Raises UsageError."""
    try:
        found = base64.b64decode(name.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        found = b""
    if len(found) != 32 or key_name(found) != name:
        raise UsageError(f"{name[:80]!r} is no public key", fix="`setpoint approvals key` prints one: `ed25519:…`")
    return found


def signed(approval: Approval) -> bool:
    """Whether the key that the approval names has signed exactly these words."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        public = Ed25519PublicKey.from_public_bytes(key_bytes(approval.key))
        public.verify(bytes.fromhex(approval.signature), approval.payload())
    except (InvalidSignature, UsageError, ValueError):
        return False
    return True
