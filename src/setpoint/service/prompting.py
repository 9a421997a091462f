"""How often a person prompted beside the way the ticket goes by itself, and what came of tickets by that number."""

from collections.abc import Iterable, Mapping, Sequence

from ..model.record import Record
from ..model.run import Event, Run, State
from ..model.settings import Prompting

ON_DOCUMENTS = frozenset({"discovery", "tech_spec", "planning", "plan", "diagnosis", "split", "children", "tests"})
"""Stages where a person's words mend what is wanted, not a line of code."""
ENOUGH = 10
"""Finished tickets below which nothing is said of a direction."""


class Prompts(Record):
    """What people said to the sessions of one ticket."""

    adhoc: int = 0
    """Words to a session about code: `reject`, `retry -m`, `give -m` once code is written."""
    on_documents: int = 0
    """The same about specification, plan or tests: where a correction belongs."""
    answers: int = 0
    """Answers to questions that sessions asked."""

    @property
    def number(self) -> int:
        """The ticket itself, and each ad-hoc prompt."""
        return 1 + self.adhoc


def prompts_of(events: Iterable[Event]) -> Prompts:
    """Counted from a run's journal."""
    adhoc = documents = answers = 0
    for event in events:
        if event.kind != "person":
            continue
        said, words = event.data["said"], str(event.data.get("because", "")).strip()
        if said == "answered":
            answers += 1
        elif said == "sent-back" or (said in ("retried", "given") and words):
            here = event.stage in ON_DOCUMENTS
            documents, adhoc = documents + here, adhoc + (not here)
    return Prompts(adhoc=adhoc, on_documents=documents, answers=answers)


class Came(Record):
    """A finished ticket: how many prompts it took, and whether it came out well."""

    prompts: int
    clean: bool
    """Done in its first cycle, and no defect was found after its implementation."""


def came(run: Run, prompts: Prompts, late: int) -> Came | None:
    """What became of a ticket; None while it is under way."""
    if not run.position.state.final:
        return None
    clean = run.position.state is State.DONE and run.position.cycle == 1 and not late
    return Came(prompts=prompts.number, clean=clean)


class PromptRow(Record):
    """Tickets that took the same number of prompts."""

    prompts: int
    tickets: int
    clean: int
    expected: float
    """Percent of tickets that come out well, as the warning curve has it."""
    own: bool
    """Whether that is this repository's own figure."""


def rows(finished: Sequence[Came], settings: Prompting) -> tuple[PromptRow, ...]:
    """By number of prompts, fewest first."""
    counts = _counts(finished)
    found = []
    for number in sorted(counts):
        tickets, clean = counts[number]
        figure, own = expected(number, finished, settings)
        found.append(PromptRow(prompts=number, tickets=tickets, clean=clean, expected=figure, own=own))
    return tuple(found)


def _counts(finished: Iterable[Came]) -> Mapping[int, tuple[int, int]]:
    counts: dict[int, tuple[int, int]] = {}
    for each in finished:
        tickets, clean = counts.get(each.prompts, (0, 0))
        counts[each.prompts] = tickets + 1, clean + each.clean
    return counts


def expected(number: int, finished: Iterable[Came], settings: Prompting) -> tuple[float, bool]:
    """Percent of tickets with so many prompts that come out well, and whether the figure is this repository's own: it
    takes the curve's place once there are enough such tickets."""
    tickets, clean = _counts(finished).get(number, (0, 0))
    if tickets >= settings.own_tickets:
        return 100.0 * clean / tickets, True
    return settings.curve[min(number, len(settings.curve)) - 1], False


def opposite(finished: Sequence[Came]) -> bool | None:
    """Whether quality falls as prompts rise; None where there is too little to tell."""
    if len(finished) < ENOUGH:
        return None
    prompts = [each.prompts for each in finished]
    clean = [float(each.clean) for each in finished]
    mean_p, mean_c = sum(prompts) / len(prompts), sum(clean) / len(clean)
    together = sum((p - mean_p) * (c - mean_c) for p, c in zip(prompts, clean, strict=True))
    return None if len(set(prompts)) == 1 or len(set(clean)) == 1 else together < 0


def warning(prompts: Prompts, finished: Iterable[Came], settings: Prompting, *, better: str) -> str:
    """What a person is told once a ticket has been prompted too often, with the `better` command; empty before."""
    figure, own = expected(prompts.number, finished, settings)
    if prompts.adhoc == 0 or figure >= settings.warn_below:
        return ""
    whose = "of this repository's tickets" if own else "of tickets, by the default curve,"
    return (
        f"{prompts.number} prompts for one ticket (itself and {prompts.adhoc} ad hoc): after so many, {figure:g} % "
        f"{whose} come out well. Say what is missing where it belongs: `{better}`"
    )
