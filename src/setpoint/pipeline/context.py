"""What a session is given besides its deliverables: the repository's own rules and its map, capped."""

import asyncio
from collections.abc import Sequence

from ..errors import ConfigError
from ..model.boundary import Boundaries
from ..model.numbers import counted
from ..model.settings import Config
from ..ports import Room
from .bench import Bench, Ground
from .prompts import section, untrusted

RULE_FILES = (".setpoint/SYSTEM.md", "SYSTEM.md", "AGENTS.md", "CLAUDE.md")
RULES_CAP = 24_576
"""Bytes of instruction files in one session."""
MAP_CAP = 200
"""Paths listed in the map of the repository."""


async def rules(ground: Ground) -> str:
    """The repository's instruction files and the phase's own rules, whole, up to the cap: as they are in the commit the
    run started from, never as a session left them. Raises ConfigError when the phase's own are not there."""
    left, parts = RULES_CAP, []
    own = ground.config.settings(ground.position.stage).prompt
    names = (*RULE_FILES, *((own,) if own else ()))
    contents = await asyncio.gather(*(ground.bench.workspaces.show(ground.run.base, name) for name in names))
    for name, content in zip(names, contents, strict=True):
        if content is None and name == own:
            raise no_rules(ground.position.stage, own, ground.run.base)
        text = (content or b"").decode("utf-8", "replace")
        if not text.strip() or text.strip() in RULE_FILES:  # a link to one of the others
            continue
        size = len(text.encode())
        if size > left:
            text = f"(left out: longer than the {RULES_CAP} bytes that fit; read it if you need it)"
        else:
            left -= size
        parts.append(section(f"Rules: {name}", text))
    return "\n\n".join(parts)


async def rules_there(bench: Bench, base: str) -> None:
    """Raises ConfigError when a phase's own rules are not in the commit `base`."""
    for phase, settings in bench.config.phase.items():
        if settings.prompt and await bench.workspaces.show(base, settings.prompt) is None:
            raise no_rules(phase, settings.prompt, base)


def no_rules(phase: str, path: str, base: str) -> ConfigError:
    """That the file with a phase's own rules is not in the base."""
    return ConfigError(
        f"phase.{phase}.prompt: {path} is not in commit {base[:12]}",
        why="rules are read from the commit a run starts from, where no session can change them",
        fix=f"commit {path}, or take the setting out",
    )


def repository_map(room: Room) -> str:
    """The paths of the repository, capped."""
    files = room.files()
    more = f"\n(and {len(files) - MAP_CAP} more: use search)" if len(files) > MAP_CAP else ""
    return untrusted("Files", "\n".join(named(path) for path in files[:MAP_CAP]) + more)


def named(path: str) -> str:
    """A path in one line, whatever its letters."""
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
        f"- size: at most {counted(boundaries.max_files, 'files')}, {counted(boundaries.max_lines, 'lines')}",
    ]
    return section("Boundaries", "\n".join(lines))


def brief(*parts: str) -> str:
    """The parts of a brief as one message."""
    return "\n\n".join(part for part in parts if part)


async def place_text(ground: Ground, boundaries: Boundaries, room: Room) -> str:
    """What every session that writes is told of where it works: rules, boundaries, commands and the map."""
    return brief(await rules(ground), boundaries_text(boundaries), commands(ground.config), repository_map(room))


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
