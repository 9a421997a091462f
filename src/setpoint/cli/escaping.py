"""`setpoint escape-test`: does the sandbox hold, on this machine, against real escapes?"""

from typing import TYPE_CHECKING

import typer

from .out import data, document, paint, plain, visible

if TYPE_CHECKING:
    from ..escapes.escape import Report, Result


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("escape-test")(escape_test)


def escape_test(
    level: str = typer.Option("", "--level", help="One sandbox level; else every containing one of this machine."),
    only: str = typer.Option("", "--only", metavar="NAME", help="Only those whose name or group holds this."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document."),
) -> None:
    """Try to get out of the sandbox, for real, and say what held.

    Each is tried by an agent's own tools in a temporary repository beside planted secrets, services and another
    process, and is judged by what the host sees. Exit 30 when one got out or left no trace in the journal, 11 when a
    level is not on this machine or an escape could not be made. Level `none` shows that the escapes are real.
    """
    import asyncio

    from ..errors import RefusedError, SandboxError
    from ..escapes.escape import chosen
    from ..escapes.levels import containing, here, tried
    from .journal_lines import line_of

    escapes = chosen(only)
    names = (level,) if level else containing()
    if not names:
        raise RefusedError("this machine has no sandbox level that contains anything", fix="`setpoint doctor`")
    reports = []
    for name in names:
        try:
            reports.append(asyncio.run(tried(here(name), escapes, line_of, _progress)))
        except SandboxError as error:
            raise RefusedError(f"level {name} is not here", why=f"{error.what}: {error.why}", fix=error.fix) from error
    if as_json:
        document([{**report.model_dump(mode="json"), "exit_code": report.exit_code} for report in reports])
    else:
        for report in reports:
            _print(report)
    codes = [report.exit_code for report in reports]
    raise typer.Exit(30 if 30 in codes else max(codes))


def _progress(result: "Result") -> None:
    if result.outcome != "blocked":
        plain(visible(f"{result.outcome.value}: {result.group}: {result.name}: {result.how}"))


def _print(report: "Report") -> None:
    """A line a group, then all that was not held."""
    from ..escapes.escape import Outcome

    data(f"{paint('level', 'bold')}  {report.level}")
    groups: dict[str, list[Result]] = {}
    for result in report.results:
        groups.setdefault(result.group, []).append(result)
    width = max(len(name) for name in groups)
    for name, members in groups.items():
        held = sum(1 for result in members if result.outcome is Outcome.BLOCKED)
        layers = dict.fromkeys(result.layer for result in members if result.layer)
        mark = paint("✓", "green") if held == len(members) else paint("✗", "red")
        data(f"  {mark} {name:<{width}}  {held:>2} of {len(members):<2}  {', '.join(layers)}")
    for outcome, colour in ((Outcome.OUT, "red"), (Outcome.UNTRIED, "yellow")):
        for result in report.of(outcome):
            data(f"  {paint(outcome.value, colour)}: {result.group}: {visible(result.name)}")
            data(visible(f"      {result.what}; {result.how}"))
    for result in report.unlogged:
        data(f"  {paint('not written down', 'red')}: {result.group}: {visible(result.name)}")
    for layer in report.missing:
        data(visible(f"  missing here: {layer.name}: {layer.note}"))
    counts = ", ".join(f"{len(report.of(outcome))} {outcome.value}" for outcome in Outcome)
    data(f"  {len(report.results)} tried: {counts}; {report.seconds:.1f} s")
