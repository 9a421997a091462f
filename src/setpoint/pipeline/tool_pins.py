"""What servers of tools offered when a person last looked, in the store: one answer for all runs of a repository."""

from collections.abc import Mapping

from ..ports import Store

PLACE = "tool-pins"
"""Where they stand among the store's facts, each under its server's name."""


class KeptPins:
    """Keeps the promises of `tool_servers.pins.Pins`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def known(self, server: str) -> Mapping[str, Mapping[str, str]] | None:
        """What it offered; None when it was never used here."""
        kept = self._store.recall(PLACE, server)
        return None if kept is None else kept["tools"]

    def keep(self, server: str, tools: Mapping[str, Mapping[str, str]]) -> None:
        """From now on this is what it offers."""
        with self._store.transaction() as tx:
            tx.remember(PLACE, server, {"tools": {name: dict(pin) for name, pin in tools.items()}})
