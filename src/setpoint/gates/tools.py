"""What is known of each tool: exit codes and how its output counts. An unknown tool is judged by its exit code."""

import json
from dataclasses import dataclass, field

from ..model.gate import Gate
from . import texts
from .commands import REPORT, reporting, words

_PYTEST = {
    2: "it was interrupted before all tests ran",
    3: "it met an internal error",
    4: "its arguments or its configuration cannot be used",
    5: "it found no tests",
}
_RUFF = {2: "its arguments or its configuration cannot be used"}


@dataclass(frozen=True)
class Tool:
    """One tool's ways."""

    judges: frozenset[int] = frozenset((0, 1))
    """Exit codes that are a verdict; any other is a refusal."""
    says: dict[int, str] = field(default_factory=dict)
    """What its refusals mean."""
    text: texts.TextReader | None = None
    """Reads its output, where it writes no report."""
    lists: tuple[str, ...] = ()
    """Arguments that make it name the files it would examine, one a line; in place of its report options."""
    refuses: tuple[str, ...] = ()
    """Rules that stand for a file it could not read, not for a finding."""


TOOLS: dict[str, Tool] = {
    "pytest": Tool(says=_PYTEST),
    "unittest": Tool(judges=frozenset((0, 1)), says={5: "it found no tests"}, text=texts.unittest),
    "ruff check": Tool(says=_RUFF, lists=("--show-files",), refuses=("E902",)),
    "ruff format": Tool(says=_RUFF, text=texts.formatted),
    "black": Tool(says={123: "it met an internal error or a file it cannot parse"}, text=texts.formatted),
    "flake8": Tool(text=texts.flake8),
    "mypy": Tool(judges=frozenset((0, 1, 2)), text=texts.mypy),
    "pyright": Tool(
        says={2: "it met a fatal error", 3: "its configuration cannot be read", 4: "its arguments are wrong"}
    ),
    "tsc": Tool(judges=frozenset((0, 1, 2)), text=texts.tsc),
    "eslint": Tool(says={2: "its configuration cannot be used, or it crashed"}),
    "biome": Tool(text=texts.biome),
    "node --test": Tool(),
    "vitest": Tool(),
    "jest": Tool(),
    "mocha": Tool(judges=frozenset(range(256))),
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
