"""Which files of a repository instruct an agent, and when: one table over the conventions that people have.

Nothing is read here but a file's own text. A file says for itself which paths it is for, in its front matter; the words
differ by convention, the meaning is one of four: always, for certain paths, offered by name, or only by hand.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

FOLDER_FILES = ("AGENTS.override.md", "AGENTS.md", "CLAUDE.md", ".claude/CLAUDE.md")
"""Said for a folder and all below it, wherever they lie."""
SECOND_FOLDER_FILES = ("GEMINI.md", "QWEN.md", ".junie/AGENTS.md", ".junie/guidelines.md", ".windsurfrules")
"""The same for one agent alone: read where the folder has none of the first."""
SYSTEM_FILES = (".setpoint/SYSTEM.md", "SYSTEM.md")
ROOT_FILES = (".cursorrules", ".clinerules", ".github/copilot-instructions.md", ".specify/memory/constitution.md")
"""Said for the whole repository."""


class Scope(StrEnum):
    """When a rule file is given to a session."""

    ALWAYS = "always"
    PATHS = "paths"
    OFFERED = "offered"
    """Named with its description; the session reads it when it needs it."""
    MANUAL = "manual"
    """Only where a person names it."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A folder of rule files: their ending, and what a file means that says nothing."""

    folder: str
    ending: str = ".md"
    silent: Scope = Scope.ALWAYS
    context: bool = False
    """Background to know, after the rules to keep."""


FOLDERS = (
    Kept(".cursor/rules", ".mdc", Scope.MANUAL),
    Kept(".github/instructions", ".instructions.md", Scope.OFFERED),
    Kept(".kiro/steering"),
    Kept(".windsurf/rules", silent=Scope.MANUAL),
    Kept(".clinerules"),
)
"""Beside the folders for rules and context that are configured."""


@dataclass(frozen=True, slots=True)
class RuleFile:
    """A file that instructs."""

    path: str
    folder: str
    """What it is said for: this folder and all below; empty for the whole repository."""
    kept: Kept | None = None
    """The folder of rule files it lies in; None: it is one by its name."""
    second: bool = False
    system: bool = False


@dataclass(frozen=True, slots=True)
class Head:
    """What a file's front matter says of it."""

    scope: Scope
    globs: tuple[str, ...] = ()
    description: str = ""
    excludes: tuple[str, ...] = ()


def rule_files(paths: Iterable[str], rules: Sequence[str], context: Sequence[str]) -> list[RuleFile]:
    """The instructing files among `paths`, sorted; `rules` and `context` are the configured folders."""
    own = [Kept(folder.strip("/")) for folder in rules]
    folders = (*own, *(Kept(folder.strip("/"), context=True) for folder in context), *FOLDERS)
    found = (_classified(path, folders) for path in paths if path.endswith((".md", ".mdc", "rules")))
    return sorted((file for file in found if file is not None), key=lambda file: (file.folder, file.path))


def _classified(path: str, folders: Sequence[Kept]) -> RuleFile | None:
    if path in SYSTEM_FILES:
        return RuleFile(path, "", system=True)
    if path in ROOT_FILES:
        return RuleFile(path, "")
    for names, second in ((FOLDER_FILES, False), (SECOND_FOLDER_FILES, True)):
        for name in names:
            if path == name or path.endswith(f"/{name}"):
                return RuleFile(path, path.removesuffix(name).strip("/"), second=second)
    for kept in folders:
        if path.endswith(kept.ending) and path.startswith(f"{kept.folder}/"):
            return RuleFile(path, "", kept)
        if kept.ending == ".mdc" and path.endswith(kept.ending) and f"/{kept.folder}/" in path:
            return RuleFile(path, path.partition(f"/{kept.folder}/")[0], kept)
    return None


_FRONT = re.compile(r"\A---[ \t]*\n(.*?)\n---[ \t]*(?:\n|\Z)", re.DOTALL)
_FIELD = re.compile(r"([A-Za-z][\w-]*):[ \t]*(.*)")
_GLOBS = ("paths", "globs", "applyTo", "fileMatchPattern")
_MODES = {
    "always": Scope.ALWAYS,
    "always_on": Scope.ALWAYS,
    "auto": Scope.OFFERED,
    "model_decision": Scope.OFFERED,
    "manual": Scope.MANUAL,
}
LONGEST_FRONT = 8_000
MOST_GLOBS = 50


def head_and_body(text: str, silent: Scope) -> tuple[Head, str]:
    """What the front matter of a rule file says, and the text below it. `silent`: what a file means that says nothing.

    Front matter is read line by line, not as YAML: `globs: *.ts` is what people write, and no YAML.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    front = _FRONT.match(text)
    if not front or len(front.group(1)) > LONGEST_FRONT:
        return Head(silent), text
    fields = _fields(front.group(1))
    globs = tuple(glob for name in _GLOBS for value in fields.get(name, ()) for glob in globs_in(value))[:MOST_GLOBS]
    description = " ".join(fields.get("description", ()))[:200]
    mode = next((_MODES[v] for name in ("inclusion", "trigger") for v in fields.get(name, ()) if v in _MODES), None)
    if fields.get("alwaysApply") == ["true"]:
        mode = Scope.ALWAYS
    if mode is None and globs:
        mode = Scope.ALWAYS if set(globs) <= {"**", "**/*", "*"} else Scope.PATHS
    if mode is None and description and silent is Scope.MANUAL:
        mode = Scope.OFFERED
    return Head(mode or silent, globs, description, tuple(fields.get("excludeAgent", ()))), text[front.end() :]


def _fields(text: str) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    last = ""
    for line in text.split("\n"):
        field = _FIELD.fullmatch(line.rstrip())
        if field:
            last, value = field.group(1), field.group(2)
            fields[last] = [value] if value.startswith("[") else [_bare(value)] if value else []
        elif last and line.strip().startswith("- "):
            fields[last].append(_bare(line.strip()[2:]))
    return fields


def _bare(value: str) -> str:
    """A value without its quotes. A boolean in quotes is none, and stays quoted."""
    value = value.strip()
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return value if value[1:-1] in ("true", "false") else value[1:-1]
    return value


def globs_in(value: str) -> list[str]:
    """The globs of `a, b`, `[a, "b"]` or `src/{a,b}/**`, each anchored at the root or `**/`."""
    value = value.strip()
    if value.startswith("[") and value.endswith("]"):
        value = value[1:-1]
    parts = [_bare(part) for part in _commas(value)]
    spread = islice((glob for part in parts if part for glob in _spread(part)), MOST_GLOBS)
    return list(dict.fromkeys(map(_anchored, spread)))


def _commas(value: str) -> list[str]:
    """`value` cut at the commas outside of braces."""
    parts, depth = [""], 0
    for letter in value:
        depth += (letter == "{") - (letter == "}" and depth > 0)
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def _anchored(glob: str) -> str:
    glob = glob.removeprefix("./").lstrip("/")
    return glob if "/" in glob or glob in ("**", "*") else f"**/{glob}"


def _spread(glob: str, depth: int = 4) -> Iterator[str]:
    """`{a,b}` written out, one by one: four pairs of braces can stand for millions."""
    found = re.search(r"\{([^{}]*)\}", glob)
    if not found or not depth:
        yield glob
        return
    for choice in found.group(1).split(","):
        yield from _spread(f"{glob[: found.start()]}{choice.strip()}{glob[found.end() :]}", depth - 1)
