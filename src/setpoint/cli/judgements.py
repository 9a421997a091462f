"""Commands that judge, and that answer for judgements: check, verify, trace, why."""

from typing import TYPE_CHECKING

import typer

from ..model.numbers import counted
from .out import MARKS, data, document, paint, plain, visible
from .people import RUN
from .runs import in_house

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..app import House
    from ..model.evidence import GateResult
    from ..model.judgement import Judgement
    from ..model.objection import Objection

JSON = typer.Option(False, "--json", help="One JSON document: `setpoint schema judgement`.")
WAIVE = typer.Option([], "--waive", help="Accept a rule for this verdict: RULE or RULE:PATH.")
SHOWN = 60
"""Most objections that are written out; the document has all."""


def check(
    base: str = typer.Option(..., "--base", help="Branch or commit that the change is judged against."),
    head: str = typer.Option("", "--head", help="Commit to judge; otherwise the working tree as it is."),
    ticket: str = typer.Option("", "--ticket", help="The ticket's file: its boundaries are held, too."),
    waive: list[str] = WAIVE,
    reason: str = typer.Option("", "--reason", help="Why it is accepted; stands in the verdict with your name."),
    quick: bool = typer.Option(False, "--quick", help="Run no command when the files alone are reason to object."),
    as_json: bool = JSON,
) -> None:
    """Judge any change by anybody, without a model. One verdict with all that it minds.

    Exit 0 nothing is wrong, 10 something is, 11 could not tell, 14 the base is red already, 30 outside its boundaries.
    """

    async def use(house: "House") -> int:
        from ..service.check import Asked

        text, name = await house.ticket(ticket) if ticket else ("", "")
        judgement = await house.judging.check(Asked(base, head, text, name, waive, reason, quick))
        if as_json:
            document(judgement)
        else:
            _print(judgement)
        return judgement.exit_code

    in_house(use)


def _print(judgement: "Judgement") -> None:
    known = len(judgement.head) == len(judgement.base)
    data(f"{paint('change', 'bold')}  {judgement.base[:12]} .. {judgement.head[:12] if known else judgement.head}")
    for note in judgement.notes:
        data(f"  {visible(note)}")
    for result in judgement.results:
        data(f"  {_row(result, optional=result.gate in judgement.optional)}")
    for line in judgement.skipped:
        data(f"  - skipped {visible(line)}")
    blocking = [objection for objection in judgement.objections if objection.blocks]
    noted = [objection for objection in judgement.objections if not objection.blocks]
    for objection in [*blocking, *noted][:SHOWN]:
        print_objection(objection)
    more = len(blocking) + len(noted) - SHOWN
    if more > 0:
        data(f"  and {more} more: --json has all")
    for one in judgement.waived:
        where = f" {one.objection.place.path}" if one.objection.place else ""
        told = f"{one.objection.rule}{where}: {one.waiver.reason} ({one.waiver.by}, until {one.waiver.until})"
        data(f"  waived {visible(told)}")
    colours = {"passed": "green", "failed": "red", "refused": "yellow"}
    words = {"passed": "nothing is wrong", "failed": counted(len(blocking), "objections"), "refused": "could not tell"}
    outcome = judgement.outcome.value
    data(paint(f"{outcome}: {words[outcome]}", colours[outcome]) + f"  ({_counted(judgement)})")
    for step in _next(judgement):
        plain(f"next: {step}")


def _row(result: "GateResult", *, optional: bool) -> str:
    seconds = f"{result.evidence.seconds:6.1f} s" if result.evidence.argv else " " * 8
    beside = "  (does not count)" if optional else ""
    return f"{MARKS[result.outcome.value]} {result.gate:<14} {seconds}  {visible(result.reason)[:140]}{beside}"


def print_objection(objection: "Objection") -> None:
    """What is wrong, where, why, and how to see it."""
    place = objection.place
    at = f"{place.path}{f':{place.line}' if place.line else ''}: " if place else ""
    mark = paint("✗", "red") if objection.blocks else "·"
    data(f"{mark} {visible(at + objection.what)[:600]}  [{objection.rule or objection.source.value}]")
    if objection.cause:
        data(f"    cause: {visible(objection.cause)[:400]}")
    if objection.probe:
        data(f"    probe: {visible(objection.probe)[:300]}")


def _counted(judgement: "Judgement") -> str:
    waived = f", {len(judgement.waived)} waived" if judgement.waived else ""
    return f"{counted(len(judgement.results), 'checks')}{waived}; first found out in {judgement.seconds:.1f} s"


def _next(judgement: "Judgement") -> list[str]:
    if judgement.outcome.value == "passed":
        return ["commit or merge it; any later byte asks for another check"]
    if judgement.exit_code == 14:
        return ["mend the base, or say in setpoint.toml which gates judge: `setpoint init`"]
    from ..service.check import acceptable

    blocking = [objection for objection in judgement.objections if objection.blocks and objection.rule]
    rule = next((objection.rule for objection in blocking if acceptable(objection)), "")
    if rule and all(map(acceptable, blocking)):
        return [f"mend it and check again; or accept it by name: --waive {rule} --reason '…'"]
    return ["mend it and check again"] if blocking else []


def verify(
    run: str = RUN,
    rerun: bool = typer.Option(False, "--rerun", help="Run stale gates again on what lies there now, and only those."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document."),
) -> None:
    """Say whether a run's evidence still holds. Exit 20 names what is stale, 10 it is red."""

    async def use(house: "House") -> int:
        from ..service.verify import verify as verified

        found = await verified(house.ground(house.store.run(run)), rerun=rerun)
        if as_json:
            document(found)
            return found.exit_code
        for place in found.places:
            data(f"{place.place:<20} {place.tree[:12]}")
        for piece in found.pieces:
            mark = paint("!", "yellow") if piece.stale else MARKS["passed" if piece.green else "failed"]
            data(f"{mark} {visible(piece.what):<28} {piece.tree[:12]:<12}  {'stale' if piece.stale else 'holds'}")
            for line in piece.stale:
                data(f"    {visible(line)}")
        for name in found.rerun:
            data(f"  run again: {name}")
        words = {0: "all of it holds", 10: "it holds, and it is red", 11: "there is no evidence yet", 20: "stale"}
        data(words[found.exit_code])
        for renew in dict.fromkeys(piece.renew for piece in found.pieces if piece.stale):
            plain(f"next: {renew}")
        return found.exit_code

    in_house(use)


def trace(
    run: str = RUN,
    strict: bool = typer.Option(False, "--strict", help="Exit 10 when a criterion, a line or a task hangs in the air."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document."),
) -> None:
    """Lead each criterion to its changed lines. By task and test that executed them; what is missing is named."""

    async def use(house: "House") -> int:
        from ..service.trace import trace as traced

        found = await traced(house.ground(house.store.run(run)))
        code = 10 if strict and not found.whole else 0
        if as_json:
            document(found)
            return code
        for criterion in found.criteria:
            data(f"{criterion.id}  {visible(criterion.text)}")
            data(f"  tasks {', '.join(criterion.tasks) or 'none'}")
            for test in criterion.tests:
                where = ", ".join(f"{path}:{_spans(lines)}" for path, lines in sorted(test.lines.items()))
                data(f"  {visible(test.id)}  {counted(test.count, 'changed lines')}  {where}")
            if criterion.unproven:
                data(f"  no automatic test: {visible(criterion.unproven)}")
        for label, holes in (
            ("criterion without way to the code", found.uncovered), ("line without criterion", found.orphans),
            ("task without evidence", found.unproved_tasks),
        ):  # fmt: skip
            for hole in holes:
                data(f"✗ {label}: {visible(hole)}")
        whole = "nothing is missing" if found.whole else "holes are named above"
        data(f"{counted(found.changed, 'changed lines')}, {whole}")
        plain(f"next: `setpoint verify {found.run}`")
        return code

    in_house(use)


def _spans(lines: "Sequence[int]") -> str:
    """`4-7,9`."""
    told: list[list[int]] = []
    for line in lines:
        if told and line == told[-1][-1] + 1:
            told[-1][1:] = [line]
        else:
            told.append([line])
    return ",".join("-".join(map(str, span)) for span in told)


def why(
    place: str = typer.Argument(..., metavar="FILE:LINE", help="The line, e.g. src/prices.py:12."),
    revision: str = typer.Option("HEAD", "--revision", help="The commit in which it stands so."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document."),
) -> None:
    """Say from the record why a line is there. Ticket, criterion, decision, round, model, approver."""

    async def use(house: "House") -> int:
        found = await house.judging.why(place, revision, house.ground)
        if as_json:
            document(found)
            return 0
        data(f"{found.path}:{found.line}  {visible(found.text)}")
        data(f"commit    {found.commit[:12]} {visible(found.subject)}  ({visible(found.author)})")
        if not found.run:
            plain("setpoint did not write it, or its run is not in this store: the commit is all there is to say")
            return 0
        rows = (
            ("run", (found.run,)), ("ticket", (found.ticket,)), ("task", (found.task,)), ("criterion", found.criteria),
            ("decision", found.decisions), ("round", found.rounds), ("model", found.models),
            ("approver", found.approvers),
        )  # fmt: skip
        for name, values in rows:
            for value in values:
                if value:
                    data(f"{name:<9} {visible(value)}")
        plain(f"next: `setpoint show {found.run}`")
        return 0

    in_house(use)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (check, verify, trace, why):
        app.command()(command)
