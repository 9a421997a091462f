"""What is known of each tool: exit codes and how its output counts. An unknown tool is judged by its exit code."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from ..model.command import Completed
from ..model.evidence import GateKind
from ..model.gate import Gate
from . import audits, spoken, texts
from .commands import REPORT, reporting
from .reading import Layout, Reading
from .words import words

_PYTEST = {
    2: "it was interrupted before all tests ran",
    3: "it met an internal error",
    4: "its arguments or its configuration cannot be used",
    5: "it found no tests",
}
_RUFF = {2: "its arguments or its configuration cannot be used"}
_CONFIG = "its configuration cannot be used, or it crashed"
SYNTAX = frozenset(("E902", "E999", "invalid-syntax", "syntax", "parse", "suppressions/parse"))
"""Rules that stand for a file which could not be parsed: whatever else is wrong there is not told."""


@dataclass(frozen=True)
class Tool:
    """One tool's ways."""

    kind: GateKind = GateKind.TESTS
    """What it measures."""
    judges: frozenset[int] = frozenset((0, 1))
    """Exit codes that are a verdict; any other is a refusal."""
    says: dict[int, str] = field(default_factory=dict)
    """What its refusals mean."""
    text: Callable[[Completed, Layout], Reading | None] | None = None
    """Reads its output, where it writes no report; None: the output says nothing that is understood."""
    lists: tuple[str, ...] = ()
    """Arguments that make it name the files it would examine, one a line; in place of its report options."""
    refuses: tuple[str, ...] = ()
    """Rules that stand for a file it could not read, not for a finding."""
    strict: tuple[str, ...] = ()
    """Options under which it fails for warnings too."""
    whole: bool = False
    """It uses all cores by itself."""


_LINT, _FORMAT, _TYPES = GateKind.LINT, GateKind.FORMAT, GateKind.TYPES
TOOLS: dict[str, Tool] = {
    "pytest": Tool(says=_PYTEST),
    "unittest": Tool(says={5: "it found no tests"}, text=spoken.unittest),
    "django test": Tool(text=spoken.unittest),
    "django check": Tool(_LINT, text=spoken.django_check),
    "django makemigrations": Tool(_LINT, text=spoken.django_migrations),
    "ruff check": Tool(_LINT, says=_RUFF, lists=("--show-files",), refuses=("E902",)),
    "ruff format": Tool(_FORMAT, says=_RUFF, text=texts.formatted),
    "black": Tool(_FORMAT, says={123: "it met an internal error or a file it cannot parse"}, text=texts.formatted),
    "isort": Tool(_FORMAT, text=texts.isort),
    "flake8": Tool(_LINT, text=texts.flake8),
    "mypy": Tool(_TYPES, judges=frozenset((0, 1, 2)), text=texts.mypy),
    "pyright": Tool(
        _TYPES,
        text=texts.pyright,
        says={2: "it met a fatal error", 3: "its configuration cannot be read", 4: "its arguments are wrong"},
        strict=("--warnings",),
    ),
    "ty check": Tool(
        _TYPES,
        text=texts.ty,
        says={2: "its arguments or its configuration cannot be used"},
        refuses=("io",),
        whole=True,
    ),
    "npm audit": Tool(GateKind.SECURITY, text=audits.npm),
    "pnpm audit": Tool(GateKind.SECURITY, text=audits.npm),
    "yarn npm audit": Tool(GateKind.SECURITY, text=audits.yarn),
    "uv audit": Tool(GateKind.SECURITY, judges=frozenset((0, 1, 2)), text=audits.uv),
    "pip-audit": Tool(GateKind.SECURITY, text=audits.pip_audit),
    "osv-scanner": Tool(GateKind.SECURITY, says={128: "it found no packages"}, text=audits.osv),
    "bandit": Tool(GateKind.SECURITY, says={2: _CONFIG}),
    "node --test": Tool(whole=True),
    "vitest": Tool(whole=True),
    "jest": Tool(whole=True),
    "mocha": Tool(judges=frozenset(range(256))),
    "ava": Tool(text=spoken.ava, whole=True),
    "eslint": Tool(_LINT, says={2: _CONFIG}, strict=("--max-warnings",)),
    "prettier": Tool(_FORMAT, says={2: "it could not read a file, or found none"}, text=texts.prettier),
    "biome": Tool(_LINT, text=texts.biome, strict=("--error-on-warnings",)),
    "tsc": Tool(_TYPES, judges=frozenset((0, 1, 2)), text=texts.tsc),
}


def tool_of(argv: tuple[str, ...]) -> Tool | None:
    """What is known of the tool `argv` runs."""
    return TOOLS.get(words(argv).tool)


def count_command(argv: tuple[str, ...]) -> tuple[str, ...] | None:
    """The command that lists what `argv` would examine, for tools whose report does not say."""
    tool, told = tool_of(argv), words(argv)
    if tool is None or not tool.lists:
        return None
    kept = tuple(part for part in told.args if not part.startswith("--output-"))
    return (*told.before, *tool.lists, *kept)


def how_to_report(name: str, gate: Gate) -> str:
    """What to write into `setpoint.toml` so that the gate's tests are reported one by one."""
    argv, report = reporting(gate.run)
    if report == "exit":  # make, tox, npm: what they run is not known here
        return (
            f"in [gates.{name}] run the test tool itself, let it write JUnit XML to {REPORT}, and set "
            f'report = "junit": {"; ".join(_JUNIT)}'
        )
    return f"in [gates.{name}] write run = {json.dumps(list(argv))} and report = {json.dumps(report)}"


_JUNIT = (
    f"pytest --junit-xml={REPORT}",
    f"vitest run --reporter=junit --outputFile={REPORT}",
    f'jest --json --outputFile={REPORT} with report = "json"',
    f"mocha --reporter xunit --reporter-option output={REPORT}",
    f"node --test --test-reporter=junit --test-reporter-destination={REPORT}",
    f"gotestsum --junitfile {REPORT}",
)
