"""Commands before the first run: init, doctor, demo, schema, config."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from .out import data, document, paint, plain
from .runs import in_house

if TYPE_CHECKING:
    from ..app import House

JSON = typer.Option(False, "--json", help="One JSON document.")


def init(
    yes: bool = typer.Option(
        False, "--yes", "-y", help="Also where setpoint.toml is there: its gates are found anew, the rest stays."
    ),
    as_json: bool = JSON,
) -> None:
    """Find and run this repository's own commands. Writes setpoint.toml and .setpoint/.gitignore, nothing else.

    A gate that looks packages up among known vulnerabilities is written with the host it asks, and not run."""

    async def use(house: "House") -> int:
        report = await house.init(replace=yes, tell=plain)
        if as_json:
            document(report)
            return 0
        for row in report["gates"]:
            mark = {"passed": "✓", "failed": "✗", "refused": "?"}[row["outcome"]]
            data(f"{mark} {row['name']:<12} {' '.join(row['run'])}   {row['reason']}   [{row['because']}]")
            if row["judges"] == "new findings":
                plain(paint("  red on the base: a change is judged by its new findings only", "yellow"))
        for row in report["audits"]:
            asks = f"asks {', '.join(row['network']) or 'nobody'} once a day; not run now"
            mark, told = ("-", f"left out: {row['left_out']}") if row["left_out"] else ("+", asks)
            data(f"{mark} {row['name']:<12} {' '.join(row['run'])}   {told}   [{row['because']}]")
        for path in report["reads"]:
            data(f"reads {path}")
        for path in report["wrote"]:
            data(f"wrote {path}")
        for line in house.sign_ins(house.config)[1]:
            plain(line)
        if not any(row["kind"] == "tests" and row["outcome"] == "passed" for row in report["gates"]):
            plain(paint("! no test command ran green on the base: a run cannot start without one", "yellow"))
            plain("next: install what is missing, or write [gates.tests] yourself; `setpoint init --yes` looks again")
            return 0
        if report["undecided"]:
            plain(paint(f"! a run does not start: {report['undecided']}", "yellow"))
        plain("next: commit what it wrote, then `setpoint doctor`, then `setpoint plan ticket.md`")
        return 0

    in_house(use)


def doctor(as_json: bool = JSON) -> None:
    """Check what a run needs here. Each line comes with its fix; works without network."""

    async def use(house: "House") -> int:
        checks = await house.doctor()
        if as_json:
            document([check.model_dump(mode="json") for check in checks])
        else:
            for check in checks:
                mark = {"ok": paint("✓", "green"), "warn": paint("!", "yellow"), "bad": paint("✗", "red")}[check.state]
                data(f"{mark} {check.name:<12} {check.found}")
                if check.fix:
                    data(f"  {'':<12} fix: {check.fix}")
        return 1 if any(check.state == "bad" for check in checks) else 0

    in_house(use)


def demo(
    case: str = typer.Option("signup", "--case", help="Which: signup, orders or avatar."),
    folder: str = typer.Option("", "--folder", help="Where to put the demo repository; empty: a new temporary folder."),
) -> None:
    """A whole ticket on real code, from plan to deploy. No key, no server, no container engine."""
    import asyncio

    from ..demo.play import play
    from ..demo.project import STORIES
    from ..errors import UsageError
    from .asking import ask_person
    from .runs import finish, tell

    if case not in STORIES:
        raise UsageError(f"there is no demo `{case}`", fix=f"one of: {', '.join(STORIES)}")

    async def watch() -> int:
        ask = ask_person if os.environ.get("DEMO_ASK") == "1" else None
        house, run = await play(STORIES[case], Path(folder) if folder else None, plain, tell, ask)
        try:
            code = finish(house, run, False)
            plain(f"look around: cd {house.root} && setpoint show {run.id}")
            return code
        finally:
            await house.close()

    raise typer.Exit(asyncio.run(watch()))


def schema(
    name: str = typer.Argument("", help="A deliverable, `config`, `policy` or another record."),
    names: bool = typer.Option(False, "--list", help="The names only."),
) -> None:
    """Print the JSON schema of a deliverable."""
    from ..errors import UsageError
    from ..service.schemas import SCHEMAS

    if names or not name:
        for known in SCHEMAS:
            data(known)
        return
    if name not in SCHEMAS:
        import difflib

        near = difflib.get_close_matches(name, SCHEMAS, n=1)
        raise UsageError(
            f"there is no schema `{name}`", fix=f"did you mean `{near[0]}`?" if near else "`setpoint schema --list`"
        )
    data(json.dumps(SCHEMAS[name](), indent=2, ensure_ascii=False))


def config(
    as_json: bool = JSON,
) -> None:
    """The configuration in force. With defaults and what the environment adds; secrets are named, never shown."""

    async def use(house: "House") -> int:
        from ..pipeline.kept import without_secrets

        found = without_secrets(house.config, "(hidden)")
        if as_json:
            document(found)
        else:
            import tomlkit

            data(tomlkit.dumps(_without_none(found)).rstrip())
        return 0

    in_house(use)


def _without_none(value: object) -> dict[str, object]:
    assert isinstance(value, dict)
    return {k: _without_none(v) if isinstance(v, dict) else v for k, v in value.items() if v is not None}


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (init, doctor, demo, schema, config):
        app.command()(command)
