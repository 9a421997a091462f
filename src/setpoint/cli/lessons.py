"""What failures teach: list, look at, accept as a rule, drop, say how a defect slipped; the report over all runs."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import typer

from ..model.numbers import counted
from .out import data, document, paint, plain, visible
from .runs import in_house

if TYPE_CHECKING:
    from ..app import House
    from ..model.lesson import Example, LessonCandidate, LessonWord
    from ..service.lessons import Lessons
    from ..service.report import Report

app = typer.Typer(context_settings={"help_option_names": ["-h", "--help"]})
JSON = typer.Option(False, "--json", help="One JSON document.")
ID = typer.Argument(..., help="The lesson's id, or its beginning.")
REASON = typer.Option("", "--reason", help="Why; it stays on record.")
PATHS = typer.Option([], "--paths", help="Glob of files the rule is for; may come several times.")
_WIDE = 100


def _lessons(house: "House") -> "Lessons":
    from ..service.lessons import Lessons

    commands = house.commands
    return Lessons(house.store, house.root, house.ground, house.repository.person, commands.now)


def _with(use: Callable[["Lessons"], Awaitable[int]]) -> None:
    async def inside(house: "House") -> int:
        return await use(_lessons(house))

    in_house(inside)


@app.callback(invoke_without_command=True)
def list_(
    context: typer.Context,
    every: bool = typer.Option(False, "--all", help="Also what was accepted or dropped."),
    as_json: bool = JSON,
) -> None:
    """Lessons that wait for a person, the one seen in most runs first. Nothing of them reaches a session by itself."""
    if context.invoked_subcommand is not None:
        return

    async def show(lessons: "Lessons") -> int:
        found = lessons.all("" if every else "open")
        if as_json:
            document([_told(lesson) for lesson in found])
            return 0
        for lesson in found:
            data(_line(lesson, every=every))
        if found:
            plain("next: `setpoint lessons show ID`, then `accept ID` or `drop ID --reason '…'`")
        else:
            plain("no lesson waits" + ("" if every else "; `--all` shows those that were accepted or dropped"))
        return 0

    _with(show)


def _line(lesson: "LessonCandidate", *, every: bool) -> str:
    first = lesson.first
    runs = counted(len(lesson.witnesses), "runs")
    state = f"{lesson.state:<9}" if every else ""
    late = f" [{lesson.late.slip.value}]" if lesson.late else ""
    kind = f"{first.failure.value:<8} {first.deviation.value:<12}"
    what = visible(first.what)
    what = what if len(what) <= _WIDE else f"{what[: _WIDE - 1]}…"
    return f"{lesson.id}  {state}{runs:>7} {lesson.times:>4}×  {kind} {what}{late}"


def _told(lesson: "LessonCandidate") -> dict[str, object]:
    more = {"state": lesson.state, "times": lesson.times, "again": lesson.again}
    late = {"late": lesson.late.model_dump(mode="json") if lesson.late else None}
    return {**lesson.model_dump(mode="json"), **more, **late}


@app.command()
def show(lesson: str = ID, as_json: bool = JSON) -> None:
    """One lesson: what failed, why, where, in which runs, the proposed rule and what replaced what."""

    async def use(lessons: "Lessons") -> int:
        found = lessons.one(lesson)
        example = await lessons.example(found)
        if as_json:
            document({**_told(found), "example": example.model_dump(mode="json") if example else None})
        else:
            _print(found, example)
        return 0

    _with(use)


def _print(lesson: "LessonCandidate", example: "Example | None") -> None:
    first = lesson.first

    def row(name: str, text: str) -> None:
        data(f"{paint(f'{name:<9}', 'bold')} {visible(text)}")

    row("lesson", f"{lesson.id}, {lesson.state}: {first.failure.value}, {first.deviation.value}")
    row("what", first.what)
    if first.cause:
        row("cause", first.cause)
    if first.place:
        row("place", first.place.path + (f":{first.place.line}" if first.place.line else ""))
    for witness in lesson.witnesses:
        row("seen", f"{counted(witness.times, 'times')} in run {witness.run}, first at {witness.stage}")
    if lesson.late:
        row("late", f"{lesson.late.slip.value} ({lesson.late.slip.family}): found at {lesson.late.found}, made at "
            f"{lesson.late.introduced}, due at {lesson.late.due}; {lesson.late.because}"
            + (f" ({lesson.late.by} said so)" if lesson.late.by else ""))  # fmt: skip
    if first.evidence:
        row("evidence", f"sha256 {first.evidence}")
        for line in first.quote.splitlines()[:12]:
            data(f"          {visible(line)[:200]}")
    row("rule", first.rule)
    if example:
        row("example", example.path)
        for mark, lines, colour in (("-", example.before, "red"), ("+", example.after, "green")):
            for line in lines:
                data(paint(f"          {mark} {visible(line)}", colour))
    for word in lesson.words:
        row(word.said.value, f"by {word.by}" + (f": {word.because}" if word.because else "") + _where(word))
    if lesson.again:
        row("again", f"seen in {counted(lesson.again, 'runs')} since")
    if lesson.state == "open":
        plain(f"next: `setpoint lessons accept {lesson.id}`, or `setpoint lessons drop {lesson.id} --reason '…'`")


def _where(word: "LessonWord") -> str:
    return f" → {word.file}" if word.file else ""


@app.command()
def accept(
    lesson: str = ID,
    rule: str = typer.Option("", "--rule", help="The rule in your words; otherwise as proposed."),
    paths: list[str] = PATHS,
) -> None:
    """Write the rule into the working tree. With --paths into .setpoint/rules/, else into .setpoint/SYSTEM.md; sessions
    read it once you have committed it to the base."""

    async def use(lessons: "Lessons") -> int:
        word = await lessons.accept(lesson, rule=rule, paths=paths)
        data(word.file)
        plain(f"read it, then: git add -f {word.file} && git commit -m 'A rule learned' -- {word.file}")
        return 0

    _with(use)


@app.command()
def drop(lesson: str = ID, reason: str = REASON) -> None:
    """No rule comes of it. The lesson and your reason stay on record."""

    async def use(lessons: "Lessons") -> int:
        word = await lessons.drop(lesson, because=reason)
        plain(f"dropped {word.lesson}")
        return 0

    _with(use)


@app.command()
def classify(
    lesson: str = ID,
    slip: str = typer.Option(..., "--as", help="missing-criterion, wrong-plan, missing-test, weak-test, reviewer-miss "
                             "or environment."),
    made: str = typer.Option("", "--made", help="Stage that made the defect."),
    due: str = typer.Option("", "--due", help="Stage that should have seen it."),
    reason: str = REASON,
) -> None:  # fmt: skip
    """Say how a defect slipped through. Your word stands over what the journal tells."""
    from ..errors import UsageError
    from ..model.lesson import Slip

    known = {each.value: each for each in Slip}
    if slip not in known:
        raise UsageError(f"there is no `{slip}`", fix=f"one of: {', '.join(known)}")

    async def use(lessons: "Lessons") -> int:
        word = await lessons.classify(lesson, known[slip], introduced=made, due=due, because=reason)
        assert word.late is not None
        plain(f"{word.lesson} is {slip}: {word.late.slip.family}")
        return 0

    _with(use)


@app.command()
def report(as_json: bool = JSON) -> None:
    """What all runs say together: how late defects slipped through, and prompts per ticket beside what came of them."""

    async def use(house: "House") -> int:
        from ..service.report import report as made

        found = made(house.store, _lessons(house).all(), house.config.prompting)
        if as_json:
            document(found)
        else:
            _print_report(found)
        return 0

    in_house(use)


def _print_report(found: "Report") -> None:
    data(paint("late defects", "bold") + f"  {counted(found.late, 'defects')} in {counted(found.late_runs, 'runs')} "
         f"of {found.runs}")  # fmt: skip
    for family, slips in found.slips.items():
        listed = ", ".join(f"{name} {count}" for name, count in slips.items())
        data(f"  {family:<20} {sum(slips.values()):>3}  {listed}")
    for where, count in found.made.items():
        data(f"  made at {where:<16} {count:>3}")
    data(paint("prompts", "bold") + "  finished tickets by how often a person prompted, the ticket itself the first")
    for row in found.prompts:
        whose = "own figure" if row.own else "default curve"
        data(f"  {row.prompts:>3}  {counted(row.tickets, 'tickets'):>10}, {row.clean} came out well; "
             f"expected {row.expected:g} % ({whose})")  # fmt: skip
    words = {
        None: "too few finished tickets to tell a direction",
        True: "quality falls as prompts rise",
        False: "quality does not fall as prompts rise here",
    }
    data(f"  {words[found.opposite]}")
    for ticket in found.tickets:
        data(f"  {ticket.run}  {visible(ticket.ticket)[:60]}: {counted(ticket.adhoc, 'ad-hoc prompts')}, "
             f"{counted(ticket.answers, 'answers')}; {ticket.came}")  # fmt: skip
