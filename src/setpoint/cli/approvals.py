"""`setpoint approvals`: whose yes a run rests on, whether it holds, and the key that answers are signed with."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from .out import MARKS, data, document, paint, plain, visible
from .runs import in_house

if TYPE_CHECKING:
    from ..app import House
    from ..service.approvals import Finding, Findings

KEYS = typer.Option([], "--key", help="NAME=ed25519:…, a key that counts; otherwise those of the base.")
LARGEST_EXPORT = 64 * 1024 * 1024
"""Bytes of a file that is verified."""

app = typer.Typer(no_args_is_help=True)
RUN = typer.Argument(..., help="The run's id, or its beginning.")
JSON = typer.Option(False, "--json", help="One JSON document.")


@app.command("list")
def list_(run: str = RUN, as_json: bool = JSON) -> None:
    """Every answer of a run. Who gave it, what it is bound to, what it was used for."""
    from ..model.approval import in_words

    async def use(house: "House") -> int:
        found = await house.approvals(house.store.run(run))
        if as_json:
            document(found)
            return 0
        for entry in found.entries:
            given = entry.approval
            used = f"used for {entry.used.effect}" if entry.used else "not used"
            what = in_words(given.answer, given.about)
            data(visible(f"{given.at:%Y-%m-%d %H:%M}  {what} by {given.by}; {used}"))
            until = f"until {given.until:%Y-%m-%d %H:%M} UTC" if given.until else "not signed"
            data(f"    bound to {given.subject[:12]}{f', tree {given.tree[:12]}' if given.tree else ''}; {until}")
            for point, words in given.inspection.items():
                data(visible(f"    {point}: {words}"))
        if not found.entries:
            plain("nobody has answered yet")
        plain(f"next: setpoint approvals verify {found.run}")
        return 0

    in_house(use)


@app.command("verify")
def verify(
    run: str = typer.Argument("", help="The run's id, or its beginning; empty with --bundle."),
    file: str = typer.Option("", "--bundle", help="A file from `setpoint export RUN --format approvals`, or run."),
    key: list[str] = KEYS,
    as_json: bool = JSON,
) -> None:
    """Judge every signature and binding again, offline. Exit 30 when something is forged, 20 when it holds no more."""
    from ..errors import UsageError

    if bool(run) == bool(file):
        raise UsageError("verify a run or a bundle", fix="`setpoint approvals verify RUN`, or `--bundle FILE`")
    if file:
        raise typer.Exit(_bundle(Path(file), key, as_json))

    async def use(house: "House") -> int:
        from ..service.approvals import findings, trusting

        found = await house.approvals(house.store.run(run))
        return _told(findings(found, trusting(found.voices, key) if key else None), as_json)

    in_house(use)


def _bundle(path: Path, keys: list[str], as_json: bool) -> int:
    import json
    from datetime import UTC, datetime

    from ..errors import UsageError
    from ..inputs import read_text
    from ..service.approvals import bundle_in, findings, trusting

    try:
        content = json.loads(read_text(path, called=path.name, wrong=UsageError, limit=LARGEST_EXPORT))
    except json.JSONDecodeError as error:
        raise UsageError(
            f"{path.name} is not JSON", why=str(error), fix="setpoint export RUN --format approvals"
        ) from error
    given = bundle_in(content)
    if not keys:
        plain(paint("the keys are the bundle's own word; --key NAME=ed25519:… judges by those you know", "yellow"))
    return _told(findings(given, trusting(given.voices, keys) if keys else None, datetime.now(UTC)), as_json)


def _told(found: "Findings", as_json: bool) -> int:
    if as_json:
        document({**found.model_dump(mode="json"), "exit_code": found.exit_code})
    else:
        plain(visible(f"judged by the keys of {found.keys}"))
        for finding in found.findings:
            _line(finding)
        if not found.findings:
            plain("nobody has answered yet")
    return found.exit_code


def _line(finding: "Finding") -> None:
    from ..model.approval import in_words

    mark = MARKS["failed" if finding.problems else "passed"]
    what = in_words(finding.answer, finding.about)
    by = f" by {finding.by}" if finding.by else ""
    data(visible(f"{mark} cycle {finding.cycle}: {what}{by}; {finding.worth}"))
    for problem in finding.problems:
        data(visible(f"    {problem.code}: {problem.what}"))


@app.command("key")
def key(as_json: bool = JSON) -> None:
    """The public half of the key that your answers are signed with, and where it lies. Made when there is none."""

    async def use(house: "House") -> int:
        public, folder = house.approval_key()
        if as_json:
            document({"public": public, "folder": str(folder)})
        else:
            data(public)
            plain(f"it lies in {folder}; keep it to yourself, and out of every backup that others read")
            plain(
                'next: where a team answers, its base branch names you: [approvals.approvers] "NAME" = "' + public + '"'
            )
        return 0

    in_house(use)
