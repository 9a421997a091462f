"""`setpoint why`: a line's reasons, from the record of the run that wrote it."""

import re
from collections.abc import Callable

from ..errors import UsageError
from ..model.approval import SAID, Answer
from ..model.change import Origin
from ..model.plan import Plan, PlanTask
from ..model.record import Record
from ..model.run import Run
from ..model.ticket import Criterion, Kind
from ..pipeline.bench import Ground
from ..ports import Store, Trees

_RUN = re.compile(r"^Setpoint-Run: (\S+)$", re.MULTILINE)
_PLACE = re.compile(r"(?P<path>.+?):(?P<line>\d{1,9})")


class Because(Record):
    """Why a line is there."""

    path: str
    line: int
    text: str
    commit: str
    author: str
    subject: str
    run: str = ""
    """The run that wrote it; empty when the commit is none of setpoint's."""
    ticket: str = ""
    task: str = ""
    """The plan task, with its title."""
    criteria: tuple[str, ...] = ()
    """The criteria it serves, with who said them."""
    decisions: tuple[str, ...] = ()
    """What was decided about it, and by whom."""
    rounds: tuple[str, ...] = ()
    """The rounds of the loop that wrote it."""
    models: tuple[str, ...] = ()
    approvers: tuple[str, ...] = ()


async def why(place: str, revision: str, trees: Trees, store: Store, ground_of: Callable[[Run], Ground]) -> Because:
    """The reasons of `FILE:LINE` at `revision`. Raises UsageError when there is no such line."""
    told = _PLACE.fullmatch(place)
    if told is None:
        raise UsageError(f"`{place}` names no line", fix="setpoint why src/file.py:12")
    path, line = told["path"].removeprefix("./"), int(told["line"])
    origin = await trees.origin(revision, path, line)
    plain = Because(
        path=path,
        line=line,
        text=origin.text,
        commit=origin.commit,
        author=origin.author,
        subject=origin.message.partition("\n")[0],
    )
    named = _RUN.search(origin.message)
    known = {run.id: run for run in store.runs()}
    if named is None or named[1] not in known:
        return plain
    return _recorded(plain, origin, ground_of(known[named[1]]))


def _recorded(plain: Because, origin: Origin, ground: Ground) -> Because:
    run, given = ground.run, ground.given
    plan = Plan.model_validate(given("plan")) if run.position.route is Kind.FEATURE and given("plan") else None
    task = _task(plain.subject, plan)
    return plain.model_copy(
        update={
            "run": run.id,
            "ticket": f"{run.ticket.id}: {run.ticket.title}",
            "task": f"{task.id} {task.title}" if task else "",
            "criteria": tuple(_criteria(ground, task)),
            "decisions": tuple(_decisions(ground, plan, origin.path)),
            "rounds": tuple(_rounds(ground, plain.subject, task)),
            "models": _models(ground, task),
            "approvers": tuple(dict.fromkeys(_approvers(ground))),
        }
    )


def _task(subject: str, plan: Plan | None) -> PlanTask | None:
    """The task whose title the engine wrote into the commit's subject."""
    words = subject.partition(" fixes: ")[2] or subject
    tasks = plan.tasks if plan else ()
    return next((task for task in tasks if words and f"{task.id} {task.title}".startswith(words)), None)


def _criteria(ground: Ground, task: PlanTask | None) -> list[str]:
    content = ground.given("functional_spec") or ground.given("diagnosis") or {}
    found = [Criterion.model_validate(entry) for entry in content.get("criteria", ())]
    own = [criterion for criterion in found if task is None or criterion.id in task.criteria]
    return [f"{criterion.id} ({criterion.source.value}): {criterion.text}" for criterion in own]


def _decisions(ground: Ground, plan: Plan | None, path: str) -> list[str]:
    found = [f"plan: {module.path}: {module.how}" for module in (plan.modules if plan else ()) if module.path == path]
    diagnosis = ground.given("diagnosis")
    found += [f"diagnosis: {diagnosis['approach']}"] if diagnosis else []
    design = ground.given("tech_spec") or {}
    found += [f"design: {choice['decision']}, because {choice['because']}" for choice in design.get("choices", ())]
    for approval in ground.bench.store.approvals(ground.run.id, ground.position.cycle):
        because = f": {approval.because}" if approval.because else ""
        said = approval.about.startswith(SAID)
        told = "said by " + approval.about.removeprefix(SAID) if said else f"{approval.answer.value} {approval.about}"
        found.append(f"{approval.by} {told} on {approval.at:%Y-%m-%d}{because}")
    return found


def _rounds(ground: Ground, subject: str, task: PlanTask | None) -> list[str]:
    phase = subject.partition(" fixes: ")[0] if " fixes: " in subject else ""
    loops = f"implementation:{task.id}" if task else "implementation"
    if subject.startswith("tests: "):
        loops = "tests"
    elif subject.startswith("ci: "):
        loops = "ci_fix"
    told = []
    for round_, objections in ground.bench.store.rounds(ground.run.id, ground.position.cycle):
        if round_.stage.startswith(loops) and (not phase or f"~{phase}" in round_.stage):
            minded = ", ".join(objection.what for objection in objections if objection.blocks)[:300]
            said = f"minded: {minded}" if minded else "nothing was minded"
            told.append(f"{round_.stage} round {round_.attempt}: error {round_.error:g}; {said}")
    return told


def _models(ground: Ground, task: PlanTask | None) -> tuple[str, ...]:
    """The models that answered in the session that wrote it."""
    session = str(ground.session("implementation", task=task.id if task else ""))
    found: dict[str, None] = {}
    seen = 0
    while events := ground.bench.store.events(ground.run.id, seen):
        seen = events[-1].seq
        for event in events:
            if event.kind == "model" and str(event.data.get("session", "")).startswith(session):
                found[str(event.data.get("model", ""))] = None
    return tuple(name for name in found if name)


def _approvers(ground: Ground) -> list[str]:
    approvals = ground.bench.store.approvals(ground.run.id, ground.position.cycle)
    return [f"{a.by} ({a.about})" for a in approvals if a.answer is Answer.GRANTED and not a.about.startswith(SAID)]
