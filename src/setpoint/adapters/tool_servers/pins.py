"""What a server offers, held against what it offered when a person last looked: a tool that is trusted for what it said
once can be told anew by whoever writes the server."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from ...model.record import digest_of

LONGEST_SAID = 300
Pin = Mapping[str, str]
"""Of one tool: `sha256` of its name, description and schema, and how its description began (`said`)."""


class Pins(Protocol):
    """What the servers of a repository offered when a person last looked, by the name of each tool."""

    def known(self, server: str) -> Mapping[str, Pin] | None:
        """None: it was never used here."""
        ...

    def keep(self, server: str, tools: Mapping[str, Pin]) -> None:
        """From now on this is what it offers."""
        ...


class Unpinned:
    """Where nothing is remembered: all is seen for the first time."""

    def known(self, server: str) -> Mapping[str, Pin] | None:
        """It was never used here."""
        return None

    def keep(self, server: str, tools: Mapping[str, Pin]) -> None:
        """It will not be remembered."""


def pinned(tools: Sequence[Any]) -> dict[str, Pin]:
    """The list as it is remembered. Several tools of one name are held as one: it is another when any of them is."""
    found: dict[str, Pin] = {}
    for tool in tools:
        before = found.get(tool.name)
        told = [tool.name, tool.description or "", tool.input_schema, *([before["sha256"]] if before else [])]
        said = before["said"] if before else " ".join((tool.description or "").split())[:LONGEST_SAID]
        found[tool.name] = {"sha256": digest_of(told), "said": said}
    return found


def differences(known: Mapping[str, Pin], now: Mapping[str, Pin], offered: Collection[str]) -> dict[str, list[str]]:
    """What of the tools that are offered is new or otherwise than it was; empty where nothing is. One that is gone
    harms nobody."""
    found = {
        "added": sorted(name for name in offered if name not in known),
        "rewritten": sorted(n for n in offered if n in known and known[n]["sha256"] != now[n]["sha256"]),
    }
    return {how: names for how, names in found.items() if names}


def in_words(changed: Mapping[str, Sequence[str]]) -> str:
    """The differences in one line."""
    return "; ".join(f"{how}: {', '.join(name[:80] for name in names[:10])}" for how, names in changed.items())
