"""`setpoint gates`: the commands that decide, without any model."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ..errors import UsageError
from .judgements import print_objection
from .out import MARKS, data, document, paint, plain, reached, visible
from .runs import in_house

if TYPE_CHECKING:
    from ..app import House

app = typer.Typer(no_args_is_help=True)
FILE = typer.Argument(Path("tasks.md"), help="Tasks with [Testing] lines.")
SHA256 = typer.Argument(help="Its SHA-256, as a result names it.")
PNG = typer.Argument(help="Where it is written.")
JSON = typer.Option(False, "--json", help="One JSON document.")


@app.command("list")
def list_(as_json: bool = JSON) -> None:
    """The gates, the quick and decisive first: level, time, command, what speaks for each, and its last outcome."""

    async def use(house: "House") -> int:
        from ..service.gates import rows

        gates = house.config.gates
        found = rows(gates, house.root, house.store if gates else None)
        if as_json:
            document({row.name: row.model_dump(mode="json") for row in found})
            return 0
        for row in found:
            mark = MARKS[row.outcome] if row.outcome else "·"
            optional = "" if row.required else " (optional)"
            took = f"{row.seconds:.1f} s" if row.seconds is not None else "-"
            of = f"{row.scope or row.kind:<11} {row.level:<5} {took:>8}"
            data(f"{mark} {row.name:<14} {of}  {row.where:<8} {row.run}{optional}")
            plain(paint(f"  {row.because}{f'; last: {row.reason}' if row.reason else ''}", "dim"))
            if row.doubt:
                plain(paint(f"  ! {row.doubt}", "yellow"))
            if row.network:
                data(f"  may reach {visible(', '.join(row.network))}")
        if not gates:
            plain("none is configured: these were found. next: `setpoint init` runs them on the base and writes them")
        return 0

    in_house(use)


@app.command("run")
def run(
    changed: bool = typer.Option(False, "--changed", help="Only the gates of the projects that differ from the base."),
    as_json: bool = JSON,
) -> None:
    """Run the gates on the working tree as it is. Exit 10 when one fails, 11 when one could not tell.

    What a linter, type checker or scanner minds on the base too is told and does not fail.
    """

    async def use(house: "House") -> int:
        from ..service.gates import exit_code, run_here

        def left_out(name: str, why: str) -> None:
            plain(f"· {name}: left out: {why}")

        bench = house.bench(house.config)
        measured, gates = await run_here(bench, house.repository, changed=changed, left_out=left_out)
        if as_json:
            document([one.result.model_dump(mode="json") for one in measured])
        for one in measured if not as_json else ():
            result = one.result
            data(f"{MARKS[result.outcome.value]} {result.gate:<14} {result.evidence.seconds:>6.1f} s  {result.reason}")
            for connection in result.evidence.connections:
                plain(f"    {visible(reached(connection))}")
            if result.green:
                continue
            for objection in one.objections if result.findings else ():
                data(f"    {visible(objection.evidence)}")
            if result.tail and not result.findings:
                data(visible(result.tail))
        return exit_code(measured, gates)

    in_house(use)


@app.command("tasks")
def tasks(
    file: Path = FILE,
    task: int | None = typer.Option(None, "--task", min=0, help="Only the checks of this task."),
    as_json: bool = JSON,
) -> None:
    """Run the checks of a tasks.md on the working tree as it is. Exit 10 when one fails, 11 when one could not tell.

    Each check of several steps has a clean checkout of its own.
    """

    from ..service.tasks import check_tasks, exit_code, tasks_in

    found = tasks_in(file, task)

    async def use(house: "House") -> int:
        lab, tree = house.judging.lab(house.config), await house.repository.snapshot()
        measured = await check_tasks(lab, tree, found)
        if as_json:
            document([one.result.model_dump(mode="json") for one in measured])
        for one in measured if not as_json else ():
            data(f"{MARKS[one.result.outcome.value]} {one.result.gate:<8} {visible(one.result.reason)}")
            for picture in one.result.pictures:
                plain(f"    what the browser showed: `setpoint gates picture {picture} page.png`")
            for objection in one.objections:
                print_objection(objection)
        return exit_code(measured)

    in_house(use)


@app.command("matrix")
def matrix(
    markdown: bool = typer.Option(False, "--markdown", help="As a table to keep in the repository."),
    as_json: bool = JSON,
) -> None:
    """All that is looked at before a change is released: has the agent access? And what nobody looks at."""

    async def use(house: "House") -> int:
        from ..service.feedback import as_markdown, looks

        found = looks(house.config, house.store, house.root)
        if as_json:
            document([look.model_dump(mode="json") for look in found])
        elif markdown:
            data(as_markdown(found))
        for look in () if as_json or markdown else found:
            data(f"{'✓' if look.agent else '✗'} {look.level:<5} {look.took():>8}  {look.what:<24} {look.of}")
            plain(paint(f"  by {look.by}", "dim"))
            if look.access:
                data(f"  to get it: {look.access}")
        return 0

    in_house(use)


@app.command("picture")
def picture(sha256: str = SHA256, file: Path = PNG) -> None:
    """Write the picture of a page that a check opened to a file."""

    async def use(house: "House") -> int:
        content = house.store.blob(sha256)
        if content is None or not content.startswith(b"\x89PNG"):
            raise UsageError(f"there is no picture {sha256[:80]}", fix="`setpoint gates tasks` names those it took")
        _write(file, content)
        return 0

    in_house(use)


def _write(file: Path, content: bytes) -> None:
    try:
        with file.open("xb") as new:
            new.write(content)
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}", fix="name another file") from error
    plain(f"wrote {file}")


@app.command("prove")
def prove(as_json: bool = JSON) -> None:
    """Plant a fault for each gate in a throw-away copy. A gate that stays green there is no gate (exit 11)."""

    async def use(house: "House") -> int:
        proofs = await house.judging.prove_gates()
        if as_json:
            document([proof.model_dump(mode="json") for proof in proofs])
        for proof in proofs if not as_json else ():
            said = "turns red on " if proof.red else "stays green on " if proof.known else ""
            data(f"{MARKS['passed' if proof.red else 'refused']} {proof.gate:<14} {said}{proof.fault}")
        return 0 if proofs and all(proof.red for proof in proofs) else 11

    in_house(use)
