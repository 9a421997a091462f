"""The projects of a repository: its root, the workspaces it declares, and folders that are set up as projects."""

import posixpath
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..model.gate import Gate
from .project import SKIPPED_FOLDERS, Project

MARKERS = (
    *("pyproject.toml", "setup.py", "setup.cfg", "tox.ini", "pytest.ini", "requirements.txt", "Pipfile", "noxfile.py"),
    *("tox.toml", "manage.py"),
)
DEPTH = 3
"""How far below the root a folder is looked at that no workspace declares."""
PROJECTS = 60
"""Most projects of one repository."""


def nested(root: Project) -> tuple[dict[str, Project], frozenset[str]]:
    """Projects below the root by folder, and which of them the root declares as its workspaces."""
    declared = frozenset(_declared(root))
    folders = sorted({*declared, *_marked(root.root)}, key=lambda where: (where.count("/"), where))[:PROJECTS]
    return {where: Project(root.root, where, frozenset(folders)) for where in folders}, declared


def _marked(repository: Path) -> Iterable[str]:
    waiting = [(repository, 0)]
    while waiting:
        folder, depth = waiting.pop(0)
        try:
            entries = sorted(folder.iterdir())[:500]
        except OSError:
            continue
        for entry in entries:
            hidden = entry.name in SKIPPED_FOLDERS or entry.name.startswith(".")
            if hidden or entry.is_symlink() or not entry.is_dir():
                continue
            if any((entry / name).is_file() for name in (*MARKERS, "package.json")):
                yield entry.relative_to(repository).as_posix()
            if depth + 1 < DEPTH:
                waiting.append((entry, depth + 1))


def _declared(root: Project) -> Iterable[str]:
    from .bounded_yaml import read_yaml

    named = root.json("package.json").get("workspaces")
    patterns = _strings(named.get("packages") if isinstance(named, dict) else named)
    patterns += _strings(root.json("lerna.json").get("packages"))
    try:
        pnpm = read_yaml(root.text("pnpm-workspace.yaml") or "{}")
    except ValueError:
        pnpm = {}
    patterns += _strings(pnpm.get("packages")) if isinstance(pnpm, dict) else []
    tool = root.toml("pyproject.toml").get("tool")
    uv: Any = tool.get("uv") if isinstance(tool, dict) else None
    workspace = uv.get("workspace") if isinstance(uv, dict) else None
    if isinstance(workspace, dict):
        patterns += _strings(workspace.get("members")) + [f"!{name}" for name in _strings(workspace.get("exclude"))]
    left_out = {found for pattern in patterns if pattern.startswith("!") for found in _matching(root, pattern[1:])}
    for pattern in patterns:
        if not pattern.startswith("!"):
            yield from (found for found in _matching(root, pattern) if found not in left_out)


def _matching(root: Project, pattern: str) -> list[str]:
    clean = posixpath.normpath(pattern)
    if clean.startswith(("/", "..")) or clean == ".":
        return []
    found = []
    for path in sorted(root.folder.glob(clean))[: 5 * PROJECTS]:
        relative = path.relative_to(root.folder)
        ours = path.is_dir() and not path.is_symlink() and "node_modules" not in relative.parts
        if ours and any((path / name).is_file() for name in (*MARKERS, "package.json")):
            found.append(relative.as_posix())
    return found


def _strings(value: object) -> list[str]:
    return [entry for entry in value if isinstance(entry, str)] if isinstance(value, list) else []


def nearest(path: str, folders: Iterable[str]) -> str:
    """The deepest of `folders` that holds `path`; the root when none does."""
    holding = [folder for folder in folders if folder != "." and path.startswith(f"{folder}/")]
    return max(holding, key=len, default=".")


def touched(gates: Mapping[str, Gate], changed: Iterable[str]) -> dict[str, Gate]:
    """The gates of the nearest project of each changed path, then the root's; all of them when nothing was changed is
    for the caller to decide: then there are none."""
    folders = {gate.where for gate in gates.values()}
    near = {nearest(path, folders) for path in changed}
    below = {name: gate for name, gate in gates.items() if gate.where in near and gate.where != "."}
    root = {name: gate for name, gate in gates.items() if gate.where == "."} if near else {}
    return {**below, **root}
