"""What a repository's own files speak of, as witnesses for gates and as gates where nothing else speaks of them."""

from collections.abc import Sequence

from ..model.evidence import GateKind
from ..model.gate import Candidate
from .commands import reporting
from .project import Project
from .said import Said
from .together import said_together
from .tools import TOOLS
from .words import words

_GUESSED = frozenset(("mypy", "bandit"))
"""Tools whose targets were guessed where their configuration names none: what the repository says is better."""


def witnessed(candidates: list[Candidate], said: Sequence[Said], project: Project) -> list[Candidate]:
    """`candidates` with the line that runs the same tool named, and candidates for what only such lines speak of."""
    here = [line for line in said if line.where == "."]
    confirmed = [_confirmed(candidate, here, project) for candidate in candidates]
    known = {words(one.gate.run).tool for one in candidates if one.gate.kind is not GateKind.INTEGRATION}
    kinds = {candidate.gate.kind for candidate in candidates}
    for line in here:
        tool = TOOLS.get(line.told.tool)
        kind = GateKind.INTEGRATION if said_together(line) else tool.kind if tool else GateKind.OTHER
        # A second runner of the same tests is no second gate.
        if tool is None or (kind.runs_tests and kind in kinds) or (line.told.tool in known and kind is tool.kind):
            continue
        if line.plain:
            known |= {line.told.tool} if kind is tool.kind else set()
            kinds.add(kind)
            confirmed.append(project.candidate(kind.value, kind, line.argv, line.place))
    return confirmed


def _confirmed(candidate: Candidate, said: Sequence[Said], project: Project) -> Candidate:
    told = words(candidate.gate.run)
    apart = candidate.gate.kind is GateKind.INTEGRATION
    fitting = [line for line in said if said_together(line) == apart]
    lines = [line for line in fitting if line.told.tool == told.tool or apart or _runs_script(line, candidate)]
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
