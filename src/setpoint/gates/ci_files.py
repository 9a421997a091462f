"""CI configuration: what the repository itself calls green. It is read, never run."""

import re
from collections.abc import Iterator
from typing import Any

from .project import Project
from .said import Said, commands_in, line_of

COMMANDS = 500
"""Most command lines that are looked at."""
_KEYS = ("run", "script", "before_script", "bash", "commands", "command", "sh", "install")
_FILES = (
    *(".gitlab-ci.yml", ".travis.yml", "azure-pipelines.yml", ".azure-pipelines.yml", "bitbucket-pipelines.yml"),
    *(".circleci/config.yml", ".drone.yml", ".woodpecker.yml", "appveyor.yml", ".appveyor.yml", ".cirrus.yml"),
    *(".buildkite/pipeline.yml", ".semaphore/semaphore.yml"),
)


def ci_lines(project: Project) -> list[Said]:
    """Commands that CI runs, in the order of the files."""
    names = [*_below(project, ".github/workflows"), *_FILES, *_below(project, ".woodpecker")]
    found: list[Said] = []
    for name in names:
        text = project.text(name)
        for command, where in _commands(text):
            found += commands_in(command, _at(name, text, command), where)
    text = project.text("Jenkinsfile")
    for command in re.findall(r"""\b(?:sh|bat)\s*\(?\s*(?:'''|\"\"\"|'|\")(.+?)(?:'''|\"\"\"|'|\")""", text, re.DOTALL):
        for row in command.split("\n"):
            found += commands_in(row, _at("Jenkinsfile", text, row.strip()))
    return found[:COMMANDS]


def _below(project: Project, folder: str) -> list[str]:
    place = project.folder / folder
    return [f"{folder}/{path.name}" for path in sorted(place.glob("*.y*ml"))[:50]] if place.is_dir() else []


def _at(name: str, text: str, command: str) -> str:
    number = line_of(text, command)
    return f"{name}:{number}" if number else name


def _commands(text: str) -> Iterator[tuple[str, str]]:
    from .bounded_yaml import read_yaml

    try:
        tree = read_yaml(text) if text else None
    except ValueError:
        return
    for block, where in _blocks(tree):
        for row in re.sub(r"\\\n\s*", " ", block).split("\n"):
            if row.strip() and not row.lstrip().startswith("#"):
                yield row.strip(), where


def _blocks(tree: Any) -> Iterator[tuple[str, str]]:
    """Script texts with the folder they run in."""
    waiting, seen = [(tree, ".")], 0
    while waiting and seen < 20_000:  # aliases make a small file a large tree
        (node, where), seen = waiting.pop(), seen + 1
        if isinstance(node, dict):
            where = _folder(node, where)
            for key, value in node.items():
                if key in _KEYS:
                    yield from ((text, where) for text in _texts(value))
            waiting.extend((value, where) for value in reversed(list(node.values())))
        elif isinstance(node, list):
            waiting.extend((value, where) for value in reversed(node))


def _texts(value: Any) -> list[str]:
    return [text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)]


def _folder(node: dict[Any, Any], where: str) -> str:
    """The folder a step or a job names, in its own words or in its defaults."""
    defaults = node.get("defaults")
    run = defaults.get("run") if isinstance(defaults, dict) else None
    for told in (node, run if isinstance(run, dict) else {}):
        for key in ("working-directory", "working_directory", "workingDirectory"):
            named = told.get(key)
            if isinstance(named, str) and re.fullmatch(r"[\w./-]+", named) and not named.startswith(("/", "..")):
                return named.removeprefix("./").rstrip("/") or "."
    return where
