"""Commands that only show: list, show, log, diff, export."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ..model.numbers import counted
from .out import MARKS, data, document, in_json, money, paint, plain, visible
from .people import RUN
from .runs import in_house

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..app import House
    from ..service.views import RoundView, RunView

JSON = typer.Option(False, "--json", help="One JSON document.")
PLOT = typer.Option(None, "--plot", help="Draw how it converges into this file, as SVG.")


def list_(as_json: bool = JSON) -> None:
    """All runs, those that wait for you first."""

    async def show(house: "House") -> int:
        from ..service.lines import lines

        found = lines(house.looking)
        if as_json:
            document([line.model_dump(mode="json") for line in found])
            return 0
        for line in found:
            waits = f" for {line.waits}" if line.waits else ""
            data(
                f"{line.id}  {line.state + waits:<20} {line.stage:<15} {money(line.usd):>9}  "
                f"{visible(f'{line.ticket}: {line.title}')}"
            )
        if not found:
            plain("no run yet; next: `setpoint run ticket.md`")
        return 0

    in_house(show)


def show(
    run: str = RUN,
    as_json: bool = JSON,
    plot: Path | None = PLOT,
    diagram: bool = typer.Option(False, "--diagram", help="Draw the plan's picture in the terminal."),
    follow_up: str = typer.Option("", "--follow-up", help="The ticket of a follow-up, by its id, to run on its own."),
) -> None:
    """Where a run is, and what happens next. Error per round, objections, gates, cost."""

    async def use(house: "House") -> int:
        view = house.view(house.store.run(run))
        if plot is not None:
            _draw(view, plot)
        elif diagram:
            _picture(view)
        elif follow_up:
            data(visible(_ticket_of(view, follow_up)).rstrip())
        elif as_json:
            document(view)
        else:
            _print(view)
        return 0

    in_house(use)


def _picture(view: "RunView") -> None:
    from ..service.drawn import drawn

    for line in drawn(view.diagram):
        data(visible(line))
    if not view.diagram:
        plain("the run has no plan with a picture")


def _draw(view: "RunView", file: Path) -> None:
    from ..errors import UsageError
    from ..service.picture import svg

    if file.suffix.lower() != ".svg":
        raise UsageError(f"{file.name} is no SVG file", fix=f"setpoint show {view.id} --plot {file.stem or 'run'}.svg")
    try:
        file.write_text(svg(view), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file} cannot be written", why=str(error.strerror)) from error
    plain(f"drew {file}")


def _ticket_of(view: "RunView", prefix: str) -> str:
    from ..errors import UsageError

    found = [each for each in view.follow_ups if each.id.startswith(prefix)]
    if len(found) != 1:
        known = ", ".join(each.id for each in view.follow_ups) or "this run has none"
        raise UsageError(f"{len(found)} follow-ups begin with `{prefix}`", fix=f"one of: {known}")
    return found[0].ticket


def _print(view: "RunView") -> None:
    from ..model.approval import in_words

    def head(text: str) -> str:
        return paint(text, "bold")

    waits = f" for {view.waits}" if view.waits else ""
    data(f"{head(view.id)}  {view.ticket}: {visible(view.title)}")
    data(f"  {view.state}{waits} at {view.stage}: {visible(view.note)}")
    data(f"  route {view.route} ({view.route_because}); cycle {view.cycle}; branch {view.branch}; owner {view.owner}")
    told = f"sandbox {view.sandbox}; agent {view.agent}; autonomy {view.autonomy}"
    data(f"  {told}" + (f"; reviewer independence {view.independence}" if view.independence else ""))
    if view.reviewer_proof:
        data(f"  reviewer {view.reviewer_proof}")
    data("  " + "  ".join(f"{MARKS[stage.status]} {stage.name}" for stage in view.stages))
    _print_rounds(view, head)
    _print_judged(view, head)
    for approval in view.approvals:
        data(f"  {in_words(approval.answer, approval.about)} by {approval.by}, bound to {approval.subject[:12]}")
    if view.children:
        data(head("children"))
    for child in view.children:
        data(f"  {child.id:<24} {child.run or '-':<6} {child.state:<20} {visible(child.title)[:100]}")
    for question in view.questions:
        told = f"→ {visible(question.answer)}" if question.answer else "(open)"
        data(f"  question {question.id}: {visible(question.question)} {told}")
        for request in question.requests:
            data(f"    asks to be allowed: {visible(request)}")
    if view.handover:
        data(head("handed over") + f": {visible(view.handover.cause)}")
        for tried in view.handover.tried:
            data(f"  {visible(tried)}")
    if view.pull_request:
        data(f"  pull request #{view.pull_request['number']} of {view.pull_request['head']}")
    for step in view.deploys:
        data(f"  {MARKS['passed' if step['ok'] else 'failed']} {step['step']} {step['environment']} {step['sha'][:12]}")
    _print_cost(view, head)
    for step_text in view.next:
        plain(f"next: {step_text}")


def _print_cost(view: "RunView", head: Any) -> None:
    """What it cost and was said to cost, in money and in work; and who should go on."""
    cost = view.cost
    requests, tokens = counted(cost.requests, "requests"), counted(cost.input_tokens, "tokens")
    data(head("cost") + f"  {money(cost.usd)} of {money(view.budget_usd)}; {requests}, "
         f"{tokens} in, {cost.cached_tokens} of them cached, {cost.output_tokens} out")  # fmt: skip
    if cost.covered_usd is None or cost.covered_usd > 0:
        data(f"  and {money(cost.covered_usd)} at list prices that a subscription covers")
    if view.forecast and view.forecast.usd:
        usd = view.forecast.usd
        data(f"  said to cost {money(usd.low)} – {money(usd.expected)} – {money(usd.worst)} before it began")
    for switch in view.switches:
        data(visible(f"  {switch['stage']}: {switch['from']} → {switch['to']}: {switch['why']}")[:200])
    if view.stopped:
        from ..pipeline.standing import told as stands

        for line in stands(view.stopped):
            data(f"  {line}")
    if view.diagram:
        plain(f"the plan has a picture: `setpoint show {view.id} --diagram`")
    if view.estimate:
        data(
            f"  estimated {counted(view.estimate['days'], 'days')} of work, "
            f"{counted(view.estimate['lines'], 'lines')}, risk {view.estimate['risk']}"
        )
    if view.actual:
        for told in view.actual.told:
            data(f"  {told}")
    if view.advice:
        plain(paint(f"advice: {visible(view.advice)}", "yellow"))


def _counts(rounds: "Sequence[RoundView]") -> tuple[tuple[int, str], ...]:
    """What a loop's rounds came to, where it tells more than the error."""
    if len(rounds) < 2:
        return ()
    return (
        (sum(round_.closed for round_ in rounds), "closed"),
        (sum(round_.reopened for round_ in rounds), "came back"),
        (sum(round_.failed_again for round_ in rounds), "failed again the same way"),
    )


def _print_judged(view: "RunView", head: Any) -> None:
    """What sessions did by their own hand, how often people prompted, and what the gates said."""
    if view.practices:
        data(head("sessions that wrote code"))
    names = [practice.session.partition(":")[2] for practice in view.practices]
    for name, practice in zip(names, view.practices, strict=True):
        data(f"  {name:<{max(map(len, names))}}  {practice.words}")
    said = view.prompts
    if said.adhoc or said.on_documents or said.answers:
        about = f"{said.on_documents} on documents, {counted(said.answers, 'answers')}"
        data(head("prompts") + f"  the ticket and {said.adhoc} ad hoc; {about}")
    if view.prompts_warning:
        plain(paint(f"! {view.prompts_warning}", "yellow"))
    if view.gates:
        data(head("gates"))
    wide = max((len(gate.gate) for gate in view.gates), default=0)
    counts = [counted(gate.examined, gate.unit) for gate in view.gates]
    for gate, count in zip(view.gates, counts, strict=True):
        data(
            f"  {MARKS[gate.outcome]} {gate.gate:<{wide}}  {count:<{max(map(len, counts))}}  {gate.seconds:>6.1f} s  "
            f"{visible(gate.reason)[:100]}  [{gate.tree[:10]}]"
        )
    if view.pictures:
        data(head("pictures") + "  `setpoint gates picture SHA256 FILE` writes one")
    for picture in view.pictures:
        data(f"  {picture.sha256}  {picture.stage}, {visible(picture.by)}")


def _print_rounds(view: "RunView", head: Any) -> None:
    from ..service.picture import bars, loops_of

    if view.rounds:
        data(head("error per round"))
    for (cycle, loop), rounds in loops_of(view.rounds).items():
        errors = [round_.error for round_ in rounds]
        series = " → ".join(f"{error:g}" for error in errors)
        notes = [f"{count} {what}" for count, what in _counts(rounds) if count]
        told = f"   {', '.join(notes)}" if notes else ""
        data(f"  {cycle}.{loop:<28} {paint(bars(errors), 'cyan')}  {series}{told}")
    for objection in view.objections:
        place = f" {objection.place.path}:{objection.place.line or ''}" if objection.place else ""
        data(
            f"  {objection.severity.value.upper():<6} {objection.fingerprint} {objection.source.value}:{place} "
            f"{visible(objection.what)[:160]}" + (" (advice: no command shows it)" if objection.advisory else "")
        )
    if view.follow_ups:
        data(head("follow-ups") + f" outside this change; `setpoint show {view.id} --follow-up ID` prints the ticket")
    for each in view.follow_ups:
        data(f"  {each.severity.upper():<6} {each.id} {visible(each.path)} {visible(each.what)[:160]}")


def log(
    run: str = RUN,
    follow: bool = typer.Option(False, "-f", "--follow", help="Go on as it happens, until the run rests."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document; with -f, one JSON line an entry."),
    every: bool = typer.Option(False, "--all", help="Every entry, also those for machines."),
    after: int = typer.Option(0, "--after", help="Only entries after this sequence number."),
) -> None:
    """Everything that happened, in order."""

    async def use(house: "House") -> int:
        import asyncio

        from .journal_lines import line_of

        run_id, seen = house.looking.run(run).id, after
        collected: list[dict[str, Any]] = []
        while True:
            events = house.looking.events(run_id, seen)
            for event in events:
                seen = event.seq
                if as_json and follow:
                    data(in_json(event.model_dump(mode="json")))
                elif as_json:
                    collected.append(event.model_dump(mode="json"))
                elif line := line_of(event, every=every):
                    data(line)
            if not events and (not follow or house.rests(run_id)):
                break
            if not events:
                await asyncio.sleep(0.2)
        if as_json and not follow:
            document(collected)
        return 0

    in_house(use)


def diff(run: str = RUN) -> None:
    """The change so far, against the base it started from."""

    async def use(house: "House") -> int:
        data(visible(await house.diff(house.store.run(run))))
        return 0

    in_house(use)


def export(
    run: str = RUN,
    form: str = typer.Option(
        "progress", "--format", help="progress (progress.json), approvals (to verify elsewhere), or run (all)."
    ),
) -> None:
    """Write a run in an open format to standard output."""

    async def use(house: "House") -> int:
        document(await house.export(house.store.run(run), form))
        return 0

    in_house(use)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("list")(list_)
    for command in (show, log, diff, export):
        app.command()(command)
