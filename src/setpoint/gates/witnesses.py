"""What a repository's own files speak of, as witnesses for gates and as gates where nothing else speaks of them."""

from collections.abc import Sequence

from ..model.evidence import GateKind
from ..model.gate import Candidate
from .commands import reporting
from .project import Project
from .said import Said
from .tools import TOOLS
from .words import words

_NAMES = {
    GateKind.TESTS: "tests",
    GateKind.LINT: "lint",
    GateKind.FORMAT: "format",
    GateKind.TYPES: "types",
    GateKind.SECURITY: "security",
}
_GUESSED = frozenset(("mypy", "bandit"))
"""Tools whose targets were guessed where their configuration names none: what the repository says is better."""


def witnessed(candidates: list[Candidate], said: Sequence[Said], project: Project) -> list[Candidate]:
    """`candidates` with the line that runs the same tool named, and candidates for what only such lines speak of."""
    here = [line for line in said if line.where == "."]
    confirmed = [_confirmed(candidate, here, project) for candidate in candidates]
    known = {words(candidate.gate.run).tool for candidate in candidates}
    kinds = {candidate.gate.kind for candidate in candidates}
    for line in here:
        tool = TOOLS.get(line.told.tool)
        # A second runner of the same tests is no second gate.
        if tool is None or line.told.tool in known or (tool.kind is GateKind.TESTS and tool.kind in kinds):
            continue
        if line.plain:
            known.add(line.told.tool)
            kinds.add(tool.kind)
            confirmed.append(project.candidate(_NAMES[tool.kind], tool.kind, line.argv, line.place))
    return confirmed


def _confirmed(candidate: Candidate, said: Sequence[Said], project: Project) -> Candidate:
    told = words(candidate.gate.run)
    lines = [line for line in said if line.told.tool == told.tool or _runs_script(line, candidate)]
    if not lines:
        return candidate
    because = f"{candidate.because}, {lines[0].place}"[:500]
    better = _better(candidate, lines, project)
    if better is None:
        return candidate.model_copy(update={"because": because})
    run, report = reporting(better.argv)
    gate = candidate.gate.model_copy(update={"run": run, "report": report})
    return candidate.model_copy(update={"gate": gate, "because": because})


def _better(candidate: Candidate, lines: Sequence[Said], project: Project) -> Said | None:
    """The repository's own words on what a guessed command should look at: those that name at least as much."""
    if not candidate.guessed:
        return None
    guessed = [part for part in words(candidate.gate.run).args if (project.folder / part).exists()]
    for line in lines:
        named = [part.rstrip("/") for part in line.told.args if (project.folder / part).exists()]
        if line.plain and line.told.tool in _GUESSED and named and (guessed in ([], ["."]) or {*guessed} <= {*named}):
            return line
    return None


def _runs_script(line: Said, candidate: Candidate) -> bool:
    managed = line.told.tool in ("npm", "pnpm", "yarn", "bun") and bool(line.told.args)
    return managed and candidate.gate.kind is GateKind.TESTS and line.told.args[-1] == "test"
