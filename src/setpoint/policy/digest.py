"""The digest of what a run may do: bound to its evidence and to what people approve."""

from ..model.record import Record, digest_of


def policy_digest(*parts: Record) -> str:
    """SHA-256 of the records that say what is allowed, in hex: rules, boundaries, or both."""
    return digest_of([part.model_dump(mode="json") for part in parts])
