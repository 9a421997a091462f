"""Makes the pages that are drawn from the code: `make docs`. A test holds that the committed ones are current."""

import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from typer.main import get_command
from typer.testing import CliRunner

from setpoint.cli.main import app
from setpoint.model.run import Position, State, Waits
from setpoint.model.settings import Config
from setpoint.pipeline.advance import advance
from setpoint.pipeline.models import PHASE_SIZE
from setpoint.pipeline.outcomes import (
    Accepted,
    Again,
    Granted,
    Outcome,
    PlanFault,
    Red,
    SentBack,
    SmokeFailed,
    Stale,
    Void,
)
from setpoint.pipeline.routes import ROUTES, Decision, Effect, Phase, Route, Step
from setpoint.service.schemas import SCHEMAS

HERE = Path(__file__).resolve().parent
MADE = "<!-- Made by `make docs` from the code. Edit there. -->"
WIDTH = 100


def pages() -> dict[Path, str]:
    """Every made page: its path and its text."""
    return {
        HERE / "reference" / "cli.md": cli_page(),
        HERE / "reference" / "config.md": config_page(),
        HERE / "reference" / "schemas.md": schemas_page(),
        HERE / "routes.md": routes_page(),
        HERE / "acceptance.md": acceptance_page(),
    }


# -- command line -----------------------------------------------------------------------------------------------------


def cli_page() -> str:
    """The help of every command, as it is printed."""
    parts = [MADE, "# Command line", "Data goes to standard output, everything else to standard error.", EXIT_CODES]
    for words in _commands(get_command(app), ()):
        parts.append(f"## `{' '.join(('setpoint', *words))}`\n\n```text\n{_help(words)}\n```")
    return "\n\n".join(parts) + "\n"


EXIT_CODES = """| exit code | means |
|---|---|
| 0 | done |
| 1 | error |
| 2 | usage or configuration |
| 3 | parked: limit, quota or outage; `setpoint resume` carries on |
| 4 | waits for a person |
| 5 | no model, or not signed in |
| 10 | a gate failed |
| 11 | refused: could not tell |
| 13 | declined by a person |
| 14 | the base is already red |
| 20 | evidence or approval is stale |
| 30 | boundary violation |
| 124 | time ran out |
| 130 | interrupted or cancelled |"""


def _commands(command: Any, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    yield words
    for name, inner in sorted(getattr(command, "commands", {}).items()):
        if not inner.hidden:
            yield from _commands(inner, (*words, name))


def _help(words: Sequence[str]) -> str:
    environ = {"COLUMNS": str(WIDTH), "TERMINAL_WIDTH": str(WIDTH), "NO_COLOR": "1", "TERM": "xterm"}
    told = CliRunner().invoke(app, [*words, "--help"], prog_name="setpoint", env=environ)
    if told.exit_code != 0:
        raise SystemExit(f"`setpoint {' '.join(words)} --help` left with {told.exit_code}: {told.output}")
    return "\n".join(line.rstrip() for line in click.unstyle(told.output).strip().splitlines())


# -- records ----------------------------------------------------------------------------------------------------------


def config_page() -> str:
    """Every key of `setpoint.toml`."""
    schema = Config.model_json_schema()
    intro = (
        "`setpoint.toml` at the repository's root, or `[tool.setpoint]` in `pyproject.toml`. Unknown keys are errors "
        "that name the nearest known one. `setpoint config` prints what is in force, `setpoint schema config` the "
        "JSON schema. A run keeps the configuration it was started with: what changes here holds for later runs.\n\n"
        "Keys are never written here: a provider names the environment variable that holds its key. "
        "`ANTHROPIC_API_KEY`, `OPENAI_API_KEY` or `GEMINI_API_KEY` alone is enough; `ANTHROPIC_BASE_URL`, "
        "`OPENAI_BASE_URL` and `GOOGLE_GEMINI_BASE_URL` are honoured."
    )
    parts = [MADE, "# Configuration", intro, "## Top level", _table(schema)]
    parts += [f"## {name}\n\n{inner.get('description', '')}\n\n{_shape(inner)}" for name, inner in _inner([schema])]
    return "\n\n".join(parts) + "\n"


def schemas_page() -> str:
    """Every deliverable and record, with the records inside them once."""
    schemas = {name: make() for name, make in SCHEMAS.items() if name != "config"}
    intro = (
        "What sessions hand in through `submit_<name>`, and what a run writes. All records are closed: a field that "
        "is not listed is refused. `setpoint schema NAME` prints the JSON schema itself."
    )
    parts = [MADE, "# Schemas", intro]
    parts += [f"## {name}\n\n{schema.get('description', '')}\n\n{_table(schema)}" for name, schema in schemas.items()]
    parts.append("# Records inside them")
    parts += [f"## {n}\n\n{inner.get('description', '')}\n\n{_shape(inner)}" for n, inner in _inner(schemas.values())]
    return "\n\n".join(parts) + "\n"


def _inner(schemas: Any) -> list[tuple[str, dict[str, Any]]]:
    found: dict[str, dict[str, Any]] = {}
    for schema in schemas:
        found |= schema.get("$defs", {})
    return sorted(found.items())


def _shape(schema: Mapping[str, Any]) -> str:
    return _table(schema) if schema.get("type") == "object" else f"One of {_type(schema)}."


def _table(schema: Mapping[str, Any]) -> str:
    required = set(schema.get("required", ()))
    known = schema.get("$defs", {})
    rows = [
        f"| `{name}` | {_type(field)} | {'required' if name in required else _default(field)} | {_said(field, known)} |"
        for name, field in schema.get("properties", {}).items()
    ]
    return "\n".join(["| field | type | default | meaning |", "|---|---|---|---|", *rows])


def _default(field: Mapping[str, Any]) -> str:
    value = field.get("default")
    if value in ("", None, [], {}):
        return "–"
    if isinstance(value, dict):
        return "its defaults"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _said(field: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    inner = known.get(str(field.get("$ref", "")).rpartition("/")[2], {})
    words = field.get("description") or inner.get("description", "")
    return " ".join(str(words).split()).replace("|", "\\|")


def _type(field: Mapping[str, Any]) -> str:
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "anyOf" in field:
        return " or ".join(_type(part) for part in field["anyOf"])
    if field.get("type") == "array":
        return f"list of {_type(field['items'])}" if "items" in field else "list"
    if field.get("type") == "object":
        inner = field.get("additionalProperties")
        return f"table of {_type(inner)}" if isinstance(inner, dict) else "table"
    if field.get("type") == "null":
        return "nothing"
    return str((field.get("pattern") and f"`{field['pattern']}`") or field.get("format") or field.get("type", "any"))


# -- routes -----------------------------------------------------------------------------------------------------------

BACK = {
    "publish": (Stale(), Void()),
    "ci": (Red(), Stale()),
    "merge": (Stale(), Void()),
    "deploy": (Accepted(more=True), SmokeFailed()),
}
"""What an effect can end in besides its success."""
LABELS: Mapping[type, str] = {
    Again: "objections",
    PlanFault: "the plan is at fault",
    Red: "CI is red",
    SentBack: "a person objects",
    SmokeFailed: "smoke failed: rolled back, reopened",
    Stale: "the tree or the base moved",
    Void: "the yes counts no more",
    Accepted: "next environment",
}


def routes_page() -> str:
    """One picture a route, drawn by asking `advance` where each outcome leads."""
    intro = (
        "Drawn from `pipeline/routes.py` by asking `advance`, the function that moves every run. Boxes are phases, "
        "worked by an agent session; diamonds are decisions, where a person answers; double-sided boxes are effects "
        "on the outside world. Red arrows are the loop: what is measured wrong goes back, with all objections of all "
        "rounds, until nothing above Low is open or the controller calls a person. From every step a person can "
        "pause, retry, take the workspace, or cancel."
    )
    return "\n\n".join([MADE, "# Routes", intro, *(_route(route) for route in ROUTES.values())]) + "\n"


def _route(route: Route) -> str:
    steps = (*route.steps, *route.beside)
    return f"## {route.kind.value}\n\n```mermaid\n{_picture(route, steps)}\n```\n\n{_steps(steps)}"


def _steps(steps: Sequence[Step]) -> str:
    rows = [
        f"| {step.name} | {_kind(step)} | {_needs(step)} | {_gives(step)} | {PHASE_SIZE.get(step.name, '–')} |"
        for step in steps
    ]
    head = ["| step | kind | reads | hands in | model, by default |", "|---|---|---|---|---|"]
    return "\n".join([*head, *rows])


def _kind(step: Step) -> str:
    return type(step).__name__.lower()


def _needs(step: Step) -> str:
    return ", ".join(need.__name__ for need in step.needs) or "the ticket" if isinstance(step, Phase) else "–"


def _gives(step: Step) -> str:
    return step.gives.__name__ if isinstance(step, Phase) else "–"


def _picture(route: Route, steps: Sequence[Step]) -> str:
    names = {step.name for step in steps}
    forward = [(step.name, _leads(route, step, _success(step)), "") for step in steps]
    if "edge_tests" in names:
        code = route.step("implementation")
        forward.append((code.name, _leads(route, code, Accepted(untested=True)), "the tests leave it open"))
    back = [
        (step.name, _leads(route, step, outcome), LABELS[type(outcome)])
        for step in steps
        for outcome in _setbacks(route, step)
    ]
    lines = ["flowchart TD", f"  start([ticket]) --> {route.steps[0].name}", *(_node(step) for step in steps)]
    for source, target, label in (*forward, *back):
        lines.append(f"  {source} -->{f'|{label}|' if label else ''} {target}")
    outside = {target for _, target, _ in (*forward, *back)} - names - {"done"}
    lines += [f"  {name}([{name.removeprefix('hotfix_')}, on the hotfix route])" for name in sorted(outside)]
    first = 1 + len(forward)
    red = ",".join(str(first + at) for at, (_, _, label) in enumerate(back) if label != LABELS[Accepted])
    return "\n".join([*lines, "  done([done])", f"  linkStyle {red} stroke:#c00,color:#c00"])


def _node(step: Step) -> str:
    if isinstance(step, Decision):
        return f"  {step.name}{{{step.name}: a person}}"
    return f"  {step.name}[[{step.name}]]" if isinstance(step, Effect) else f"  {step.name}[{step.name}]"


def _success(step: Step) -> Outcome:
    return Granted() if isinstance(step, Decision) else Accepted()


def _setbacks(route: Route, step: Step) -> tuple[Outcome, ...]:
    if isinstance(step, Decision):
        return (SentBack(),)
    if isinstance(step, Effect):
        return BACK[step.name]
    after_plan = step.name != route.plans_in and route.reaches(step.name, route.plans_in)
    moved = (Stale(),) if step.name == "review" else ()
    return (Again(), PlanFault(), *moved) if after_plan else (Again(),)


def _leads(route: Route, step: Step, outcome: Outcome) -> str:
    decides = isinstance(step, Decision)
    at = Position(
        route=route.kind,
        stage=step.name,
        state=State.WAITING if decides else State.RUNNING,
        waits=Waits.DECISION if decides else Waits.NOTHING,
    )
    to = advance(at, outcome).to
    if to.state.final:
        return to.state.value
    return to.stage if to.cycle == at.cycle else f"{to.route.value}_{to.stage}"


# -- acceptance -------------------------------------------------------------------------------------------------------

STATES = ("shown", "partly", "open")


def acceptance_rows() -> dict[str, tuple[str, str, str]]:
    """State, what, and who shows it, by id; from `acceptance.toml`, one row a line."""
    raw = tomllib.loads((HERE / "acceptance.toml").read_text(encoding="utf-8"))
    return {name: (row[0], row[1], row[2]) for name, row in raw.items()}


def acceptance_page() -> str:
    """Every acceptance line with its true state, and who shows it."""
    rows = acceptance_rows()
    counts = ", ".join(f"{sum(row[0] == state for row in rows.values())} {state}" for state in STATES)
    intro = (
        f"What setpoint must be able to show, a row a line. Of {len(rows)}: {counts}. *Shown*: the named test or "
        "command shows it on real parts. *Partly*: some of it, the rest is named. *Open*: not there. The rows are "
        "kept in `docs/acceptance.toml`."
    )
    parts = [MADE, "# Acceptance", intro]
    for group, title in GROUPS.items():
        mine = [(name, row) for name, row in rows.items() if name.startswith(f"{group}-")]
        lines = [f"| {name} | {what} | {state} | {_linked(by)} |" for name, (state, what, by) in mine]
        parts.append(
            "\n".join([f"## {group}: {title}", "", "| id | what | state | shown by |", "|---|---|---|---|", *lines])
        )
    return "\n\n".join(parts) + "\n"


GROUPS = {
    "S0": "the closed loop, the reviewer, the person in control",
    "S1": "phases, routes, validators, worktrees, CI as judge",
    "S2": "rules, roles, progress record, gates, learning",
    "S3": "the production loop and its boundaries",
    "S4": "feedback loops, tasks, environments, ownership",
}


def _linked(by: str) -> str:
    text = by.replace("|", "\\|")
    return re.sub(r"(?<![\w`/])((?:tests|docs|src)/[\w./-]+(?:::\w+)?)", r"`\1`", text)


def main() -> int:
    """Write what changed."""
    for path, text in pages().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(HERE.parent)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
