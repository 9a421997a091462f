"""What all runs say together: how defects slipped through, and how prompting went with what came of tickets."""

from collections import Counter
from collections.abc import Mapping, Sequence

from ..loop.late import plan_stage
from ..model.lesson import LateDefect, LessonCandidate, Slip, Witness
from ..model.record import Line, Record
from ..model.run import Run
from ..model.settings import Prompting
from ..ports import Store
from .lessons import LISTED, TAUGHT, gathered
from .prompting import Came, PromptRow, Prompts, came, opposite, prompts_of, rows, warning


class TicketPrompts(Record):
    """How often one ticket was prompted, and what came of it."""

    run: Line
    ticket: Line
    adhoc: int
    on_documents: int
    answers: int
    came: Line
    """`well`, `not well` or `under way`."""


class Report(Record):
    """Late defects and prompts, over all runs."""

    runs: int
    late_runs: int
    """Runs that had a late defect."""
    late: int
    slips: dict[str, dict[str, int]]
    """By root: how many by slip."""
    made: dict[str, int]
    """By the stage that made them."""
    prompts: tuple[PromptRow, ...]
    opposite: bool | None
    """Whether quality falls as prompts rise; None: too little to tell."""
    tickets: tuple[TicketPrompts, ...]


def late_in(lessons: Sequence[LessonCandidate]) -> Mapping[str, Sequence[LateDefect]]:
    """The late defects of each run, as a person or the journal classified them."""
    found: dict[str, list[LateDefect]] = {}
    for lesson in lessons:
        for witness in lesson.witnesses:
            late = _of(lesson, witness)
            if late is not None:
                found.setdefault(witness.run, []).append(late)
    return found


def _of(lesson: LessonCandidate, witness: Witness) -> LateDefect | None:
    said = [word.late for word in lesson.words if word.late]
    return said[-1] if said else witness.late


def became(store: Store, late: Mapping[str, Sequence[LateDefect]]) -> list[tuple[Run, Prompts, Came | None]]:
    """Each run with its prompts, as they were when it rested last, and what became of it."""
    found = []
    for run in store.runs():
        known = store.recall(run.id, TAUGHT)
        prompts = Prompts.model_validate(known["prompts"]) if known else Prompts()
        found.append((run, prompts, came(run, prompts, len(late.get(run.id, ())))))
    return found


def prompted_too_often(store: Store, run: Run, settings: Prompting) -> str:
    """The warning for a run that was prompted ad hoc; the others cost no look at all runs."""
    prompts = prompts_of(store.events(run.id, limit=LISTED))
    if not prompts.adhoc:
        return ""
    late = late_in(gathered(store.witnesses(), store.lesson_words()))
    better = f"setpoint retry {run.id} --from {plan_stage(run.position.route.value)} -m '…'"
    return warning(prompts, [what for _, _, what in became(store, late) if what], settings, better=better)


def report(store: Store, lessons: Sequence[LessonCandidate], settings: Prompting) -> Report:
    """The report over all runs of a store."""
    late = late_in(lessons)
    each = [defect for defects in late.values() for defect in defects]
    slips: dict[str, dict[str, int]] = {}
    for slip in Slip:
        count = sum(1 for defect in each if defect.slip is slip)
        if count:
            slips.setdefault(slip.family, {})[slip.value] = count
    runs = became(store, late)
    ended = [what for _, _, what in runs if what]
    return Report(
        runs=len(runs),
        late_runs=len(late),
        late=len(each),
        slips=slips,
        made=dict(Counter(defect.introduced for defect in each).most_common()),
        prompts=rows(ended, settings),
        opposite=opposite(ended),
        tickets=tuple(_ticket(*row) for row in runs),
    )


def _ticket(run: Run, prompts: Prompts, what: Came | None) -> TicketPrompts:
    words = "under way" if what is None else "well" if what.clean else "not well"
    return TicketPrompts(
        run=run.id, ticket=f"{run.ticket.id}: {run.ticket.title}"[:500], came=words, **prompts.model_dump()
    )
