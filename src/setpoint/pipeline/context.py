"""What a session is given besides its deliverables: the repository's own rules and its map, capped."""

from collections.abc import Sequence

from ..model.boundary import Boundaries
from ..model.settings import Config
from ..ports import Room
from .bench import Ground
from .prompts import section, untrusted

RULE_FILES = (".setpoint/SYSTEM.md", "SYSTEM.md", "AGENTS.md", "CLAUDE.md")
RULES_CAP = 24_576
"""Bytes of instruction files in one session."""
MAP_CAP = 200
"""Paths listed in the map of the repository."""


def rules(ground: Ground, room: Room) -> str:
    """The repository's instruction files and the phase's own rules, whole, up to the cap."""
    left, parts = RULES_CAP, []
    files = set(room.files())
    own = ground.config.settings(ground.position.stage).prompt
    for name in (*RULE_FILES, *((own,) if own else ())):
        if name not in files:
            continue
        text = room.read(name).decode("utf-8", "replace")
        if len(text.encode()) > left:
            parts.append(
                section(
                    f"Rules: {name}", f"(left out: longer than the {RULES_CAP} bytes that fit; read it if you need it)"
                )
            )
            continue
        left -= len(text.encode())
        parts.append(section(f"Rules: {name}", text))
    return "\n\n".join(parts)


def repository_map(room: Room) -> str:
    """The paths of the repository, capped."""
    files = room.files()
    more = f"\n(and {len(files) - MAP_CAP} more: use search)" if len(files) > MAP_CAP else ""
    return untrusted("Files", "\n".join(_named(path) for path in files[:MAP_CAP]) + more)


def _named(path: str) -> str:
    return path if path.isprintable() else ascii(path)


def commands(config: Config) -> str:
    """How this repository is checked."""
    lines = [
        f"- {name}: `{' '.join(gate.run)}`".replace(" --junit-xml={report}", "") for name, gate in config.gates.items()
    ]
    return section("Commands that decide", "\n".join(lines) or "none configured")


def boundaries_text(boundaries: Boundaries) -> str:
    """The run's boundaries, as the session must know them; they are enforced, whatever it does."""
    yes = {True: "allowed", False: "not allowed"}
    lines = [
        f"- files you may change: {', '.join(boundaries.paths) or 'none'}",
        f"- never: {', '.join(boundaries.protected) or 'nothing more'}",
        f"- dependencies: {yes[boundaries.dependencies]}; migrations: {yes[boundaries.migrations]}; network: off",
        f"- must stay as it is: {', '.join(boundaries.frozen) or 'nothing named'}",
        f"- size: at most {boundaries.max_files} files, {boundaries.max_lines} lines",
    ]
    return section("Boundaries", "\n".join(lines))


def brief(*parts: str) -> str:
    """The parts of a brief as one message."""
    return "\n\n".join(part for part in parts if part)


def ticket_text(title: str, text: str) -> str:
    """The person's words, fenced: they are the task, not orders to the system."""
    return untrusted(f"Ticket: {title}", text)


def diff_text(diff: str, cap: int = 60_000) -> str:
    """A diff for reading, capped with a note."""
    cut = f"\n(cut at {cap} characters of {len(diff)}; read the files for the rest)" if len(diff) > cap else ""
    return untrusted("Diff", diff[:cap] + cut)


def joined(names: Sequence[str]) -> str:
    """Names in one line."""
    return ", ".join(names)
