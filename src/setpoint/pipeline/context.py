"""What a session is given besides its deliverables: the repository's own rules and its map, within a budget."""

import re
from collections.abc import Sequence

from ..errors import ConfigError
from ..gates.composed import composed
from ..model.boundary import Boundaries
from ..model.numbers import counted
from ..model.settings import Config
from ..model.stack import StackSettings
from ..ports import Room, Trees
from .bench import Bench, Ground
from .prompts import section, untrusted
from .repository_map import repository_map, shown
from .rule_choice import Rules, rules_for, rules_text
from .rule_files import rule_files

LARGEST_RULE = 400_000
"""Bytes of an instruction file that is read at all."""
_WORD = re.compile(r"[\w@./*-]+")
_PLAIN = ("100644", "100755")


async def rules(ground: Ground, touched: Sequence[str]) -> str:
    """The repository's rules for what the session touches, and the phase's own: as they are in the commit the run
    started from, never as a session left them. Raises ConfigError when the phase's own are not there."""
    return rules_text(await rules_of(ground, touched))


async def rules_of(ground: Ground, touched: Sequence[str]) -> Rules:
    """The same as records."""
    phase, settings = ground.position.stage, ground.config.context
    own = ground.config.settings(phase).own_rules
    trees, base = ground.bench.trees, ground.run.base
    entries = await trees.entries(base)
    plain = {path: entry.name for path, entry in entries.items() if entry.mode in _PLAIN}
    for path in own:
        if path not in plain:
            raise no_rules(phase, path, base)
    files = rule_files(entries, settings.rules, settings.context)
    known = await trees.blobs([plain[path] for path in (*own, *(file.path for file in files)) if path in plain])

    def read(path: str) -> bytes | None:
        name = plain.get(path)
        if name is None:
            return None
        content = known[name] if name in known else trees.blob(name)
        return content if len(content) <= LARGEST_RULE and not content.startswith(b"\0") else None

    return rules_for(files, read, touched, own, phase, settings.rules_tokens)


async def rules_there(bench: Bench, base: str) -> None:
    """Raises ConfigError when a phase's own rules are no plain files of the commit `base`."""
    own = [(phase, path) for phase, settings in bench.config.phase.items() for path in settings.own_rules]
    entries = await bench.trees.entries(base) if own else {}
    for phase, path in own:
        if path not in entries or entries[path].mode not in _PLAIN:
            raise no_rules(phase, path, base)
        if len(bench.trees.blob(entries[path].name)) > LARGEST_RULE:
            raise ConfigError(
                f"phase.{phase}.prompt: {path} is too large",
                why=f"instructions have at most {LARGEST_RULE:,} bytes",
                fix=f"shorten {path}, or take the setting out",
            )


def no_rules(phase: str, path: str, base: str) -> ConfigError:
    """That the file with a phase's own rules is not in the base."""
    return ConfigError(
        f"phase.{phase}.prompt: {path} is not in commit {base[:12]}, or no plain file",
        why="rules are read from the commit a run starts from, where no session can change them",
        fix=f"commit {path}, or take the setting out",
    )


async def touching(ground: Ground) -> tuple[str, ...]:
    """What the present phase will touch, as far as it is known: paths and globs of task, plan or diagnosis, else the
    files that the ticket and the specs name."""
    plan = ground.given("plan")
    if plan:
        task = next((task for task in plan["tasks"] if task["id"] == ground.task_id()), None)
        named = task["files"] if task else [*plan["boundaries"]["paths"], *(m["path"] for m in plan["modules"])]
        return tuple(dict.fromkeys(str(path) for path in named))
    diagnosis = ground.given("diagnosis")
    if diagnosis:
        places = [str(place).partition(":")[0] for place in diagnosis["places"]]
        return tuple(dict.fromkeys([*places, *map(str, diagnosis["paths"])]))
    design = ground.given("tech_spec") or ground.given("functional_spec") or {}
    told = [ground.run.ticket.text, *design.get("components", ()), design.get("current_behaviour", "")]
    return await _named_in(ground.bench.trees, ground.run.base, "\n".join(map(str, told)))


async def _named_in(trees: Trees, base: str, text: str) -> tuple[str, ...]:
    """The files of the commit that a text names, in the order it does."""
    entries = await trees.entries(base)
    words = (word.strip(".") for word in _WORD.findall(text))
    return tuple(dict.fromkeys(word for word in words if word in entries))


def map_text(ground: Ground, room: Room, touched: Sequence[str]) -> str:
    """The map of what lies in `room`, nearest to what is touched first."""

    def size(path: str) -> int:
        try:
            return (room.path / path).lstat().st_size
        except OSError:
            return 0

    return untrusted("Files", repository_map(room.files(), touched, room.read, size, ground.config.context.map_tokens))


def named(path: str) -> str:
    """A path in one line, whatever its letters."""
    return shown(path)


def commands(config: Config) -> str:
    """How this repository is checked."""
    lines = [
        f"- {name}: `{' '.join(gate.run)}`".replace(" --junit-xml={report}", "") for name, gate in config.gates.items()
    ]
    return section("Commands that decide", "\n".join([*(lines or ["none configured"]), *beside(config.stack)]))


def beside(stack: StackSettings) -> list[str]:
    """What stands beside each command, as a session must know it to use it."""
    if not stack.given:
        return []
    ports = {service.port: service.name for service in stack.service if service.port}
    ports |= {door.number: one.name for one in composed(stack) for door in one.doors}
    told = [
        f"{ports.get(number, 'free for your own server')} at 127.0.0.1:$SETPOINT_PORT_{number}"
        for number in range(1, stack.wanted + 1)
    ]
    env = [f"set: {', '.join(stack.env)}"] if stack.env else []
    kept = ["data stay between your commands; gates have fresh services"] if stack.serves else []
    return [f"- beside each command: {'; '.join([*told, *env, *kept])}"]


def boundaries_text(boundaries: Boundaries) -> str:
    """The run's boundaries, as the session must know them; they are enforced, whatever it does."""
    yes = {True: "allowed", False: "not allowed"}
    lines = [
        f"- files you may change: {', '.join(boundaries.paths) or 'none'}",
        f"- never: {', '.join(boundaries.protected) or 'nothing more'}",
        f"- dependencies: {yes[boundaries.dependencies]}; migrations: {yes[boundaries.migrations]}; network: "
        + (", ".join(host for host in boundaries.network if host != "*") or "off"),
        f"- must stay as it is: {', '.join(boundaries.frozen) or 'nothing named'}",
        f"- size: at most {counted(boundaries.max_files, 'files')}, {counted(boundaries.max_lines, 'lines')}",
    ]
    return section("Boundaries", "\n".join(lines))


def brief(*parts: str) -> str:
    """The parts of a brief as one message; a document among them is one part, its headings a level lower."""
    return "\n\n".join(_lowered(part) if part.startswith("# ") else part for part in parts if part)


def _lowered(document: str) -> str:
    lines, code = [], False
    for line in document.split("\n"):
        code ^= line.startswith("```")
        lines.append(f"#{line}" if line.startswith("#") and not code else line)
    return "\n".join(lines)


async def place_text(ground: Ground, boundaries: Boundaries, room: Room) -> str:
    """What every session that writes is told of where it works: rules, boundaries, commands and the map."""
    near = await touching(ground)
    return brief(
        await rules(ground, near),
        boundaries_text(boundaries),
        commands(ground.config),
        map_text(ground, room, near),
    )


def ticket_text(title: str, text: str) -> str:
    """The person's words, their title too, fenced: they are the task, not orders to the system."""
    return untrusted("Ticket", text if title in text else f"{title}\n\n{text}")


def diff_text(diff: str, cap: int = 60_000) -> str:
    """A diff for reading, capped with a note."""
    cut = f"\n(cut at {cap} characters of {len(diff)}; read the files for the rest)" if len(diff) > cap else ""
    return untrusted("Diff", diff[:cap] + cut)


def joined(names: Sequence[str]) -> str:
    """Names in one line."""
    return ", ".join(names)
