"""Find a repository's own gates. What is found is a candidate: it counts after it ran on the untouched base."""

from pathlib import Path

from ..model.gate import Candidate
from .node_project import is_node, node_candidates
from .project import SKIPPED_FOLDERS, Project
from .python_project import MARKERS, is_python, python_candidates
from .witnesses import ci_lines, make_candidates, witnessed
from .words import words


def detect(repository: Path) -> tuple[Candidate, ...]:
    """Candidates of the root project; for a language the root has none of, those of its first-level folders. Reads
    files, runs nothing."""
    root = Project(repository)
    found: list[Candidate] = []
    below = [Project(repository, where=name) for name in _folders(repository)]
    own = python_candidates(root) if is_python(root) else []
    marked = [project for project in below if any(map(project.has, MARKERS))]
    found += own or [entry for project in marked for entry in python_candidates(project)]
    own = node_candidates(root) if is_node(root) else []
    found += own or [entry for project in below if is_node(project) for entry in node_candidates(project)]
    found = witnessed(found, ci_lines(root), root)
    kinds = {candidate.gate.kind for candidate in found if candidate.gate.where == "."}
    found += [candidate for candidate in make_candidates(root) if candidate.gate.kind not in kinds]
    return _named(found)


def _folders(repository: Path) -> list[str]:
    try:
        entries = sorted(repository.iterdir())
    except OSError:
        return []
    names = [entry.name for entry in entries if entry.is_dir() and not entry.is_symlink()]
    return [name for name in names if name not in SKIPPED_FOLDERS and not name.startswith(".")][:100]


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
