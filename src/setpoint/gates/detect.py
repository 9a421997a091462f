"""Find a repository's own gates. What is found is a candidate: it counts after it ran on the untouched base."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..model.evidence import GateKind
from ..model.gate import Candidate, SetAside
from .ci_files import ci_lines
from .node_project import is_node, node_candidates
from .pre_commit import hook_lines
from .project import Project
from .projects import nearest, nested
from .python_project import is_python, python_candidates
from .python_runners import runner_lines
from .said import Heard, Said, joined
from .task_files import target_candidates, target_lines, targets
from .together import told_apart
from .witnesses import witnessed
from .words import words

_HOSTED = frozenset((GateKind.TESTS, GateKind.INTEGRATION, GateKind.TYPES, GateKind.BUILD))
"""What a workspace runs for itself though the root runs its own; linters of the root go down by themselves."""


@dataclass(frozen=True)
class Survey:
    """What a repository says of its checks."""

    candidates: tuple[Candidate, ...]
    aside: tuple[SetAside, ...]
    """What it speaks of and cannot be a gate here, with the reason."""


def detect(repository: Path, changed: Iterable[str] | None = None) -> tuple[Candidate, ...]:
    """The candidates of a survey."""
    return survey(repository, changed).candidates


def survey(repository: Path, changed: Iterable[str] | None = None) -> Survey:
    """Candidates of the nearest project of each changed path, then of the root; without `changed` the root's, those of
    the workspaces it declares, and of each language it has none of itself. Reads files, runs nothing."""
    below, declared = nested(Project(repository))
    root = Project(repository, without=frozenset(below))
    ci = ci_lines(root)
    own, aside = _of_project(root, ci)
    if changed is not None:
        near = sorted({nearest(path, below) for path in changed} - {"."})
        found = [candidate for where in near for candidate in _of_project(below[where], ci)[0]]
        return Survey(_named([*found, *own]), aside)
    found = [*own]
    languages = {_language(candidate) for candidate in own}
    for where, project in below.items():
        candidates, _ = _of_project(project, ci)
        hosted = {candidate.gate.kind for candidate in own} if where in declared else set()
        for candidate in candidates:
            alone = _language(candidate) not in languages
            if alone or (where in declared and (candidate.gate.kind in _HOSTED or candidate.gate.kind not in hosted)):
                found.append(candidate)
    return Survey(_named(found), aside)


def _of_project(project: Project, ci: Sequence[Said]) -> tuple[list[Candidate], tuple[SetAside, ...]]:
    """Tool configuration first, then what its files speak of, then targets by their names."""
    found: list[Candidate] = []
    if is_python(project):
        found += python_candidates(project)
    if is_node(project):
        found += node_candidates(project)
    tasks = targets(project)
    heard = joined([runner_lines(project), target_lines(tasks), hook_lines(project), Heard(_at(ci, project.where))])
    found = witnessed(found, heard.said, project)
    kinds = {candidate.gate.kind for candidate in found}
    found += [candidate for candidate in target_candidates(project, tasks) if candidate.gate.kind not in kinds]
    return told_apart(found, project), _once(heard.aside, heard.said)


def _at(ci: Sequence[Said], where: str) -> tuple[Said, ...]:
    """CI's lines in the project's folder, as lines of the project."""
    return tuple(replace(line, where=".") for line in ci if line.where == where)


def _once(aside: Sequence[SetAside], said: Sequence[Said]) -> tuple[SetAside, ...]:
    """Each command once, and none that could be read elsewhere."""
    tools = {line.told.tool for line in said if line.plain}
    left = {entry.command: entry for entry in reversed(aside)}
    return tuple(entry for entry in reversed(left.values()) if words(entry.command.split()).tool not in tools)


def _language(candidate: Candidate) -> str:
    told = words(candidate.gate.run)
    node = "node_modules/" in " ".join(candidate.gate.run) or told.tool in ("npm", "pnpm", "yarn", "bun", "node --test")
    if node or told.tool in ("vitest", "jest", "mocha", "ava", "eslint", "prettier", "biome", "tsc"):
        return "node"
    return "other" if told.tool in ("make", "just", "task") else "python"


def _named(candidates: list[Candidate]) -> tuple[Candidate, ...]:
    """Each with a name of its own: `tests`, `frontend-tests`, `lint-flake8`."""
    taken: dict[str, Candidate] = {}
    for candidate in candidates:
        where = "" if candidate.gate.where == "." else candidate.gate.where.replace("/", "-") + "-"
        name = f"{where}{candidate.name}"
        if name in taken:
            name = f"{name}-{words(candidate.gate.run).tool.replace(' --', '-').replace(' ', '-')}"
        while name in taken:
            name += "-2"
        taken[name] = candidate.model_copy(update={"name": name})
    return tuple(taken.values())
