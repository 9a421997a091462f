"""Gates of a Node project, from its package.json: scripts of one known tool are run directly, so that they report."""

import re
import shlex

from ..model.evidence import GateKind
from ..model.gate import Candidate
from .project import Project
from .words import words

_LOCKS = (
    *(("pnpm-lock.yaml", "pnpm"), ("yarn.lock", "yarn"), ("bun.lock", "bun"), ("bun.lockb", "bun")),
    ("package-lock.json", "npm"),
)
_SCRIPTS: tuple[tuple[str, GateKind, tuple[str, ...]], ...] = (
    ("tests", GateKind.TESTS, ("test", "test:unit", "tests")),
    ("lint", GateKind.LINT, ("lint", "eslint")),
    ("format", GateKind.FORMAT, ("format:check", "check:format", "fmt:check", "prettier:check")),
    ("types", GateKind.TYPES, ("typecheck", "type-check", "check-types", "check:types", "types", "tsc")),
    ("build", GateKind.BUILD, ("build",)),
)
_REPORTING = frozenset(("vitest", "jest", "mocha", "node --test", "eslint", "tsc", "biome"))
_OPERATORS = re.compile(r"[;|&<>`$()]")
_SUFFIX = r"[cm]?[jt]sx?"


def is_node(project: Project) -> bool:
    """Whether the folder is a Node project."""
    return project.has("package.json")


def node_candidates(project: Project) -> list[Candidate]:
    """One candidate a kind, scripts before tool configuration."""
    package = project.json("package.json")
    scripts = package.get("scripts")
    scripts = (
        {key: value for key, value in scripts.items() if isinstance(value, str)} if isinstance(scripts, dict) else {}
    )
    found = []
    for name, kind, keys in _SCRIPTS:
        key = next(
            (key for key in keys if scripts.get(key, "").strip() and "no test specified" not in scripts[key]), ""
        )
        if key:
            argv = _direct(scripts[key]) or (_manager(project, package), "run", key)
            found.append(project.candidate(name, kind, argv, project.at("package.json", f'"{key}"')))
    kinds = {candidate.gate.kind for candidate in found}
    if GateKind.TESTS not in kinds:
        found += _unscripted_tests(project, package)
    if GateKind.TYPES not in kinds and project.has("tsconfig.json") and "typescript" in _dependencies(package):
        argv = ("node_modules/.bin/tsc", "--noEmit")
        found.append(project.candidate("types", GateKind.TYPES, argv, project.at("tsconfig.json")))
    return found


def _direct(script: str) -> tuple[str, ...] | None:
    """The script as an argument list when it is one plain command of a tool that can report."""
    if _OPERATORS.search(script):
        return None
    try:
        parts = shlex.split(script)
    except ValueError:
        return None
    told = words(parts)
    if told.tool not in _REPORTING or (told.tool == "tsc" and "--noEmit" not in told.args):
        return None
    if told.tool == "node --test":
        return tuple(parts)
    tool = told.before[-1]
    before = [part for part in told.before[:-1] if part != "npx"]
    return (*before, tool if "/" in tool else f"node_modules/.bin/{tool}", *told.args)


def _manager(project: Project, package: dict[str, object]) -> str:
    named = str(package.get("packageManager") or "").partition("@")[0]
    if named in ("npm", "pnpm", "yarn", "bun"):
        return named
    return next((manager for lock, manager in _LOCKS if project.has(lock)), "npm")


def _dependencies(package: dict[str, object]) -> set[str]:
    found: set[str] = set()
    for key in ("dependencies", "devDependencies"):
        named = package.get(key)
        found |= set(named) if isinstance(named, dict) else set()
    return found


def _unscripted_tests(project: Project, package: dict[str, object]) -> list[Candidate]:
    for tool in ("vitest", "jest", "mocha"):
        if tool in _dependencies(package):
            because = project.at("package.json", f'"{tool}"')
            return [project.candidate("tests", GateKind.TESTS, (f"node_modules/.bin/{tool}",), because)]
    for path in project.files(rf"(?:.*[.\-_])?test\.{_SUFFIX}|.*\.spec\.{_SUFFIX}|test-.*\.{_SUFFIX}")[:100]:
        if "node:test" in project.text(str(path.relative_to(project.folder))):
            because = str(path.relative_to(project.root))
            return [project.candidate("tests", GateKind.TESTS, ("node", "--test"), because)]
    return []
