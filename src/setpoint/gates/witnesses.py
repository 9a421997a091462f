"""CI configuration and Makefiles: what the repository itself calls green. They are read, never run."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..model.evidence import GateKind
from ..model.gate import Candidate
from .project import Project
from .words import Words, words

_OPERATORS = re.compile(r"[;|&<>`$(){}*]")
_KINDS = {
    "pytest": ("tests", GateKind.TESTS),
    "unittest": ("tests", GateKind.TESTS),
    "ruff check": ("lint", GateKind.LINT),
    "flake8": ("lint", GateKind.LINT),
    "ruff format": ("format", GateKind.FORMAT),
    "black": ("format", GateKind.FORMAT),
    "mypy": ("types", GateKind.TYPES),
    "pyright": ("types", GateKind.TYPES),
    "node --test": ("tests", GateKind.TESTS),
}
_TARGETS: tuple[tuple[str, GateKind, tuple[str, ...]], ...] = (
    ("tests", GateKind.TESTS, ("test", "tests", "check")),
    ("lint", GateKind.LINT, ("lint",)),
    ("types", GateKind.TYPES, ("typecheck", "type-check", "types", "mypy")),
)


@dataclass(frozen=True)
class Said:
    """One command line of a CI configuration."""

    place: str
    """`file:line`."""
    told: Words


def ci_lines(project: Project) -> list[Said]:
    """Plain commands that CI runs, in the order of the files; at most 500."""
    folder = project.folder / ".github" / "workflows"
    names = [f".github/workflows/{path.name}" for path in sorted(folder.glob("*.y*ml"))[:50]] if folder.is_dir() else []
    found: list[Said] = []
    for name in [*names, ".gitlab-ci.yml"]:
        rows = project.text(name).split("\n")
        for command in _commands(name, project.text(name)):
            number = next((at for at, row in enumerate(rows, start=1) if command.strip() in row), 0)
            try:
                parts = shlex.split(command)
            except ValueError:
                continue
            if parts:
                found.append(Said(f"{name}:{number}" if number else name, words(parts)))
    return found[:500]


def _commands(name: str, text: str) -> Iterator[str]:
    import yaml

    try:
        tree = yaml.safe_load(text) if text else None
    except (yaml.YAMLError, RecursionError):
        return
    for block in _blocks(tree, ("run",) if "workflows" in name else ("script", "before_script")):
        for row in block.split("\n"):
            if row.strip() and not row.lstrip().startswith("#"):
                yield row.strip()


def _blocks(tree: Any, keys: tuple[str, ...]) -> Iterator[str]:
    waiting, seen = [tree], 0
    while waiting and seen < 20_000:  # aliases make a small file a large tree
        node, seen = waiting.pop(), seen + 1
        if isinstance(node, dict):
            for key, value in node.items():
                if key in keys:
                    yield from (
                        text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)
                    )
            waiting.extend(reversed(list(node.values())))
        elif isinstance(node, list):
            waiting.extend(reversed(node))


def witnessed(candidates: list[Candidate], said: list[Said], project: Project) -> list[Candidate]:
    """`candidates` with the CI line that runs the same tool named, and candidates for what only CI speaks of."""
    confirmed = []
    for candidate in candidates:
        tool = words(candidate.gate.run).tool
        line = next((line for line in said if line.told.tool == tool or _runs_script(line, candidate)), None)
        because = f"{candidate.because}, {line.place}" if line else candidate.because
        confirmed.append(candidate.model_copy(update={"because": because[:500]}))
    known = {words(candidate.gate.run).tool for candidate in candidates}
    kinds = {candidate.gate.kind for candidate in candidates}
    for line in said:
        name, kind = _KINDS.get(line.told.tool, ("", GateKind.OTHER))
        plain = not any(_OPERATORS.search(part) for part in line.told.argv) and "--fix" not in line.told.args
        checks = line.told.tool not in ("black", "ruff format") or "--check" in line.told.args
        if name and plain and checks and line.told.tool not in known and not (kind is GateKind.TESTS and kind in kinds):
            known.add(line.told.tool)
            argv = (*line.told.tool.split(), *line.told.args)
            argv = argv if line.told.tool not in ("unittest",) else ("python", "-m", *argv)
            confirmed.append(project.candidate(name, kind, argv, line.place))
    return confirmed


def _runs_script(line: Said, candidate: Candidate) -> bool:
    return (
        bool(line.told.args)
        and line.told.tool in ("npm", "pnpm", "yarn", "bun")
        and (candidate.gate.kind is GateKind.TESTS and line.told.args[-1] == "test")
    )


def make_candidates(project: Project) -> list[Candidate]:
    """Targets of a Makefile by their names; recipes are not read."""
    name = next((name for name in ("GNUmakefile", "makefile", "Makefile") if project.has(name)), "")
    rows = project.text(name).split("\n") if name else []
    found = []
    for gate, kind, targets in _TARGETS:
        for target in targets:
            at = next((at for at, row in enumerate(rows, 1) if re.match(rf"{re.escape(target)}\s*:(?!=)", row)), 0)
            if at:
                found.append(project.candidate(gate, kind, ("make", target), f"{project.at(name)}:{at}"))
                break
    return found
