"""Gates of a Node project, from its package.json: scripts of known tools are run directly, so that they report."""

import re
from dataclasses import replace

from ..model.evidence import GateKind
from ..model.gate import Candidate
from .project import Project
from .said import Said, commands_in
from .tools import TOOLS

_LOCKS = (
    *(("pnpm-lock.yaml", "pnpm"), ("yarn.lock", "yarn"), ("bun.lock", "bun"), ("bun.lockb", "bun")),
    ("package-lock.json", "npm"),
)
_SCRIPTS: tuple[tuple[str, GateKind, tuple[str, ...]], ...] = (
    ("tests", GateKind.TESTS, ("test", "test:unit", "tests", "unit")),
    (
        "integration",
        GateKind.INTEGRATION,
        (
            *("test:integration", "integration", "integration-test", "test-integration", "test:e2e", "e2e", "test-e2e"),
            *("e2e:test", "test:functional"),
        ),
    ),
    ("lint", GateKind.LINT, ("lint", "lint:check", "eslint", "lint:js", "lint:ts")),
    ("format", GateKind.FORMAT, ("format:check", "check:format", "fmt:check", "prettier:check", "lint:format")),
    (
        "types",
        GateKind.TYPES,
        ("typecheck", "type-check", "check-types", "check:types", "types", "tsc", "test:types", "lint:types"),
    ),
    ("audit", GateKind.SECURITY, ("audit", "audit:ci", "audit:prod", "security", "security:audit", "check:audit")),
    ("build", GateKind.BUILD, ("build",)),
)
_SUFFIX = r"[cm]?[jt]sx?"
_DEPTH = 4
"""How deep scripts that run scripts are followed."""


def is_node(project: Project) -> bool:
    """Whether the folder is a Node project."""
    return project.has("package.json")


def node_candidates(project: Project) -> list[Candidate]:
    """Scripts before tool configuration; a script of several known tools is a candidate for each."""
    package = project.json("package.json")
    scripts = _scripts(package)
    found: list[Candidate] = []
    for name, kind, keys in _SCRIPTS:
        there = (key for key in keys if scripts.get(key, "").strip() and "no test specified" not in scripts[key])
        key = next(there, "")
        if key:
            found += _of_script(project, package, scripts, name, kind, key)
    found = _first_of_each(found)
    kinds = {candidate.gate.kind for candidate in found}
    if GateKind.TESTS not in kinds:
        found += _unscripted_tests(project, package)
    if GateKind.TYPES not in kinds and project.has("tsconfig.json") and "typescript" in _dependencies(package):
        argv = (*_bin(project, "tsc"), "--noEmit")
        found.append(project.candidate("types", GateKind.TYPES, argv, project.at("tsconfig.json")))
    for name, kind, tool, argv, files in _CONFIGURED:
        file = next((file for file in files if project.has(file)), "")
        if kind not in kinds and file and tool in _dependencies(package):
            found.append(project.candidate(name, kind, (*_bin(project, tool.rpartition("/")[2]), *argv), file))
            kinds.add(kind)
    return found


_ESLINT = (*(f"eslint.config.{end}" for end in ("js", "mjs", "cjs", "ts")), ".eslintrc.json", ".eslintrc")
_PRETTIER = (".prettierrc", *(f".prettierrc.{end}" for end in ("json", "yaml", "yml")), "prettier.config.js")
_CONFIGURED: tuple[tuple[str, GateKind, str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("lint", GateKind.LINT, "@biomejs/biome", ("check",), ("biome.json", "biome.jsonc")),
    ("lint", GateKind.LINT, "eslint", (".",), _ESLINT),
    ("format", GateKind.FORMAT, "prettier", ("--check", "."), _PRETTIER),
)


def _scripts(package: dict[str, object]) -> dict[str, str]:
    scripts = package.get("scripts")
    found = scripts.items() if isinstance(scripts, dict) else ()
    return {key: value for key, value in found if isinstance(value, str)}


def _of_script(
    project: Project, package: dict[str, object], scripts: dict[str, str], name: str, kind: GateKind, key: str
) -> list[Candidate]:
    place = project.at("package.json", f'"{key}"')
    before = _pieces(scripts, f"pre{key}") if f"pre{key}" in scripts else []
    # What runs before may build what the tests need; only checks may be left out of it.
    whole = project.has(".pnp.cjs") or not all(isinstance(piece, Said) for piece in before)
    found = []
    for piece in [key] if whole else _pieces(scripts, key):
        if isinstance(piece, Said):
            found.append(_direct(project, replace(piece, place=place), kind))
        else:
            own = next((told for told in _SCRIPTS if piece in told[2]), (name, kind, ()))
            run = (_manager(project, package), "run", piece)
            found.append(project.candidate(own[0], own[1], run, project.at("package.json", f'"{piece}"')))
    return found


def _pieces(scripts: dict[str, str], key: str, depth: int = _DEPTH) -> list[Said | str]:
    """What a script comes down to: commands of known tools, and names of scripts that do more than run those."""
    found: list[Said | str] = []
    for line in commands_in(scripts[key], "package.json"):
        names = _named_scripts(line, scripts)
        if names and depth:
            found += [piece for name in names for piece in _pieces(scripts, name, depth - 1)]
        elif line.plain:
            found.append(line)
        else:
            return [key]
    return found or [key]


def _named_scripts(line: Said, scripts: dict[str, str]) -> list[str]:
    told = line.told
    words = [part for part in told.args if not part.startswith("-")]
    if told.tool in ("npm", "pnpm", "yarn", "bun") and words:
        words = words[1:] if words[0] == "run" else words
        whole = len(words) == 1 and not [part for part in told.args if part.startswith("-") and part not in ("-s",)]
        return words if whole and words[0] in scripts else []
    if told.tool in ("run-s", "run-p", "npm-run-all", "npm-run-all2"):
        named = [name for word in words for name in _glob(word, scripts)]
        return named if named else []
    return []


def _glob(word: str, scripts: dict[str, str]) -> list[str]:
    if "*" not in word:
        return [word] if word in scripts else []
    pattern = re.escape(word).replace(r"\*\*", ".*").replace(r"\*", "[^:]*")
    return [name for name in scripts if re.fullmatch(pattern, name)]


def _direct(project: Project, line: Said, kind: GateKind) -> Candidate:
    argv = line.argv
    at = next(i for i, part in enumerate(argv) if "=" not in part or part.startswith(("-", "/")))
    tool = TOOLS[line.told.tool]
    if line.told.tool == "node --test" or line.told.tool.endswith("audit") or "/" in argv[at]:
        run = argv
    else:
        run = (*argv[:at], *_bin(project, argv[at]), *argv[at + 1 :])
    own = kind if kind.runs_tests and tool.kind is GateKind.TESTS else _kind_of(line, tool.kind)
    return project.candidate(own.value, own, run, line.place)


def _kind_of(line: Said, kind: GateKind) -> GateKind:
    return GateKind.FORMAT if line.told.tool == "biome" and line.told.args[:1] == ("format",) else kind


def _bin(project: Project, tool: str) -> tuple[str, ...]:
    """The tool as the project's own folder has it. Below the root it may be installed at the root: both are on PATH."""
    return (f"node_modules/.bin/{tool}" if project.where == "." else tool,)


def _first_of_each(found: list[Candidate]) -> list[Candidate]:
    """Scripts that come down to the same command are one gate."""
    kept = {candidate.gate.run: candidate for candidate in reversed(found)}
    # Of all names for one command the closest counts: `test` may run what `test:e2e` is the name of.
    kept |= {candidate.gate.run: candidate for candidate in found if candidate.gate.kind is GateKind.INTEGRATION}
    return list(kept.values())[::-1]


def _manager(project: Project, package: dict[str, object]) -> str:
    root = Project(project.root)
    for place, told in ((project, package), (root, root.json("package.json"))):
        named = str(told.get("packageManager") or "").partition("@")[0]
        if named in ("npm", "pnpm", "yarn", "bun"):
            return named
        found = next((manager for lock, manager in _LOCKS if place.has(lock)), "")
        if found:
            return found
    return "npm"


def _dependencies(package: dict[str, object]) -> set[str]:
    found: set[str] = set()
    for key in ("dependencies", "devDependencies"):
        named = package.get(key)
        found |= set(named) if isinstance(named, dict) else set()
    return found


def _unscripted_tests(project: Project, package: dict[str, object]) -> list[Candidate]:
    for tool in ("vitest", "jest", "mocha", "ava"):
        if tool in _dependencies(package):
            because = project.at("package.json", f'"{tool}"')
            return [project.candidate("tests", GateKind.TESTS, _bin(project, tool), because)]
    for path in project.files(rf"(?:.*[.\-_])?test\.{_SUFFIX}|.*\.spec\.{_SUFFIX}|test-.*\.{_SUFFIX}")[:100]:
        if "node:test" in project.text(str(path.relative_to(project.folder))):
            because = str(path.relative_to(project.root))
            return [project.candidate("tests", GateKind.TESTS, ("node", "--test"), because)]
    return []
