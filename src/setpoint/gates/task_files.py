"""Makefile, justfile and Taskfile: targets whose name is a check, with the commands in them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..model.evidence import GateKind
from ..model.gate import Candidate
from .project import Project
from .said import Heard, Said, commands_in

_TARGETS: tuple[tuple[str, GateKind, tuple[str, ...]], ...] = (
    ("tests", GateKind.TESTS, ("test", "tests", "check", "unit", "test-unit", "unittest")),
    (
        "integration",
        GateKind.INTEGRATION,
        (
            *("test-integration", "integration-test", "integration-tests", "test_integration", "test:integration"),
            *("integration", "test-e2e", "test_e2e", "test:e2e", "e2e", "e2e-test", "e2e-tests", "test-functional"),
        ),
    ),
    ("lint", GateKind.LINT, ("lint", "linters", "style")),
    ("types", GateKind.TYPES, ("typecheck", "type-check", "types", "typing", "mypy", "pyright")),
    ("format", GateKind.FORMAT, ("format-check", "check-format", "fmt-check", "check-fmt", "format_check")),
    ("security", GateKind.SECURITY, ("security", "bandit")),
)
_CHECKS = re.compile(
    r"test|check|lint|type|mypy|ci\b|verify|qa\b|style|format|security|quality|integration|e2e|functional",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Target:
    """One target with its recipe."""

    program: str
    """`make`, `just` or `task`."""
    name: str
    place: str
    rows: tuple[str, ...]


def targets(project: Project) -> list[Target]:
    """All targets, the Makefile's first."""
    return [*_make(project), *_just(project), *_task(project)]


def target_lines(found: Sequence[Target]) -> Heard:
    """The commands in targets whose name is a check."""
    said = [line for target in found if _CHECKS.search(target.name) for line in _lines(target)]
    return Heard(tuple(said))


def _lines(target: Target) -> Iterator[Said]:
    for row in target.rows:
        yield from commands_in(row, target.place, named=target.name)


def target_candidates(project: Project, found: Sequence[Target]) -> list[Candidate]:
    """Targets by their names, for kinds that nothing else speaks for."""
    candidates = []
    for name, kind, names in _TARGETS:
        chosen = next((target for wanted in names for target in found if target.name == wanted), None)
        if chosen is not None:
            candidates.append(project.candidate(name, kind, (chosen.program, chosen.name), chosen.place))
    return candidates


def _make(project: Project) -> Iterator[Target]:
    name = next((name for name in ("GNUmakefile", "makefile", "Makefile") if project.has(name)), "")
    rows = re.sub(r"\\\n\s*", " ", project.text(name)).split("\n") if name else []
    values = {
        found[1]: found[2].strip()
        for row in rows
        if (found := re.match(r"(?:export\s+)?([A-Za-z_]\w*)\s*(?::|::|\?|)=\s*([^#$]*)$", row))
    }
    for at, row in enumerate(rows):
        told = re.match(r"([\w.][\w.\- ]*?)\s*::?(?!=)", row)
        if told and not row.startswith((".PHONY", "\t")):
            recipe = [_filled(text.strip(), values) for text in _while_indented(rows[at + 1 :], ("\t",))]
            number = next((n for n, text in enumerate(project.text(name).split("\n"), 1) if text == row), at + 1)
            for target in told[1].split():
                yield Target("make", target, f"{project.at(name)}:{number}", tuple(recipe))


def _filled(text: str, values: dict[str, str]) -> str:
    return re.sub(r"\$[({](\w+)[)}]", lambda found: values.get(found[1], found[0]), text)


def _just(project: Project) -> Iterator[Target]:
    name = next((name for name in ("justfile", "Justfile", ".justfile") if project.has(name)), "")
    rows = project.text(name).split("\n") if name else []
    values = {found[1]: found[2] for row in rows if (found := re.match(r"(\w+)\s*:=\s*[\"']([^\"']*)[\"']\s*$", row))}
    for at, row in enumerate(rows):
        told = re.match(r"@?([A-Za-z_][\w-]*)(?:\s+[^:=]*(?:=[^:]*)?)?:(?!=)", row)
        if told:
            recipe = [
                re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda found: values.get(found[1], "$"), text.strip())
                for text in _while_indented(rows[at + 1 :], ("\t", " "))
            ]
            yield Target("just", told[1], f"{project.at(name)}:{at + 1}", tuple(recipe))


def _while_indented(rows: Sequence[str], starts: tuple[str, ...]) -> Iterator[str]:
    for row in rows:
        if row.startswith(starts):
            yield row
        elif row.strip():
            return


def _task(project: Project) -> Iterator[Target]:
    from .bounded_yaml import read_yaml

    name = next((n for n in ("Taskfile.yml", "Taskfile.yaml", "taskfile.yml", "taskfile.yaml") if project.has(n)), "")
    try:
        tree = read_yaml(project.text(name)) if name else None
    except ValueError:
        return
    tasks = tree.get("tasks") if isinstance(tree, dict) else None
    for key, value in list(tasks.items())[:200] if isinstance(tasks, dict) else ():
        yield Target("task", str(key), project.at(name, f"{key}:"), tuple(_cmds(value)))


def _cmds(value: Any) -> Iterator[str]:
    cmds = value.get("cmds", value.get("cmd")) if isinstance(value, dict) else value
    for entry in cmds if isinstance(cmds, list) else [cmds]:
        text = entry.get("cmd") if isinstance(entry, dict) else entry
        if isinstance(text, str):
            yield from text.replace("{{", "$").split("\n")
