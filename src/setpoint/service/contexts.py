"""What a session is given, part by part: as it was sent, or as it would be sent now. No model is asked."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from ..config import PHASES
from ..errors import NotSignedInError, UsageError
from ..model.record import Line, Record
from ..model.run import Position, Run
from ..model.session import Role, SessionId
from ..model.terse import terse_schema
from ..model.ticket import Kind, Ticket
from ..pipeline.artifacts import deliverable_text
from ..pipeline.bench import Ground
from ..pipeline.ci_fix import CiFixWork
from ..pipeline.context import brief, commands, map_text, rules, rules_of, ticket_text, touching
from ..pipeline.criteria import plan_of
from ..pipeline.desk import turns_of
from ..pipeline.diagnosis import DIAGNOSIS
from ..pipeline.discovery import DISCOVERY
from ..pipeline.document import DocumentWork
from ..pipeline.edge_tests import EdgeWork
from ..pipeline.implementation import CodeWork
from ..pipeline.intake import read_ticket
from ..pipeline.measured import Part, part, parts_of
from ..pipeline.models import choose_models
from ..pipeline.planning import PLANNING
from ..pipeline.prompts import Prompt, prompt, section
from ..pipeline.review import ReviewWork
from ..pipeline.split import SPLIT
from ..pipeline.team_prompts import team_prompt
from ..pipeline.tech_spec import TECH_SPEC
from ..pipeline.tests import TestsWork
from ..ports import Room, Store
from .schemas import DELIVERABLES

DOCUMENTS = {each.phase: each for each in (DISCOVERY, TECH_SPEC, PLANNING, SPLIT, DIAGNOSIS)}
HANDS_IN = {
    **{name: each.deliverable for name, each in DOCUMENTS.items()},
    "implementation": "change",
    "edge_tests": "tests",
}
WRITES = ("tests", "implementation", "edge_tests", "ci_fix")
NEEDS = {
    "tech_spec": ("functional_spec",),
    "planning": ("functional_spec", "tech_spec"),
    "split": ("functional_spec", "tech_spec"),
    "tests": ("plan",),
    "implementation": ("plan", "tests"),
    "edge_tests": ("plan", "tests", "change"),
    "review": ("plan", "tests", "change"),
    "ci_fix": ("plan", "change"),
}
"""What each phase stands on, on the way that has a plan; a hotfix has a diagnosis in the plan's stead."""

Tools = Callable[[str, dict[str, Any], bool], str]
"""The tools of a session as they are sent: of the deliverable, its schema, and whether it may change files."""


class PartView(Record):
    """One part of the first request."""

    part: Line
    source: Line
    """Where it comes from."""
    tokens: int
    cut: str = ""
    """What was left out of it."""
    text: str = ""


class ContextView(Record):
    """The first request of a phase's session."""

    phase: Line
    run: str
    """Empty: of no run."""
    sent: bool
    """True: as it was sent; False: as it would be."""
    model: str
    """Empty: none is configured."""
    sensitive: str = ""
    parts: tuple[PartView, ...]
    tokens: int
    not_shown: tuple[str, ...] = ()
    """Rule files that are named only."""
    not_followed: tuple[str, ...] = ()
    """Links and imports that were refused, each with the reason."""


async def context_view(ground: Ground, phase: str, tools: Tools) -> ContextView:
    """The first request of `phase`: of the run's last session there, else what a session would be given now. Raises
    UsageError for what is no phase."""
    if phase not in PHASES:
        raise UsageError(f"there is no phase `{phase}`", fix=f"one of: {', '.join(PHASES)}")
    before = _sent(ground, phase)
    words = await team_prompt(ground, prompt(phase))
    text = before or await _brief(ground, phase)
    near = await touching(ground)
    found = await rules_of(ground, near)
    parts = (*_head(words, phase, tools), *parts_of(text))
    return ContextView(
        phase=phase,
        run=ground.run.id if ground.run.id != PREVIEW else "",
        sent=bool(before),
        model=_model(ground, phase),
        sensitive=ground.config.sensitive.because,
        parts=tuple(_view(each, ground, words) for each in parts),
        tokens=sum(each.tokens for each in parts),
        not_shown=tuple(f"{path} ({why})" if why else path for path, why in found.offered),
        not_followed=found.notes,
    )


PREVIEW = "preview"
"""Name of a run that is not there."""
_KINDS = {"diagnosis": Kind.HOTFIX, "split": Kind.EPIC}


def preview(text: str, *, name: str, phase: str, repository: str, base: str) -> Run:
    """A run that is kept nowhere: of the ticket `text`, or of none."""
    now = datetime.now(UTC)
    kind = _KINDS.get(phase, Kind.FEATURE)
    if text:
        ticket = read_ticket(text, name=name)
    else:
        ticket = Ticket(id=PREVIEW, title="(the ticket)", kind=kind, text="(the words of the ticket)")
    return Run(
        id=PREVIEW,
        ticket=ticket,
        repository=repository,
        base_branch=PREVIEW,
        base=base,
        branch=PREVIEW,
        route_because=PREVIEW,
        position=Position(route=kind, stage=phase),
        owner=PREVIEW,
        created=now,
        updated=now,
    )


def _sent(ground: Ground, phase: str) -> str:
    """The brief of the run's last session in `phase` that produces or reviews; empty when there was none."""
    role = Role.REVIEWER if phase == "review" else Role.PRODUCER
    names = [
        str(data["session"])
        for data in contexts(ground.bench.store, [ground.run])
        if f":{phase}:" in data["session"] and f":{role}:" in data["session"]
    ]
    turns = dict(turns_of(ground, session_named(names[-1]))) if names else {}
    return turns.get("brief", "")


def session_named(name: str) -> SessionId:
    """The session that the journal calls `name`."""
    run, cycle, phase, *rest = name.split(":")
    *task, role, fresh = rest
    told = {"run": run, "cycle": int(cycle[1:]), "phase": phase, "task": ":".join(task)}
    return SessionId.model_validate({**told, "role": role, "fresh": int(fresh)})


def contexts(store: Store, runs: Sequence[Run]) -> list[dict[str, Any]]:
    """What each session of `runs` began with, as it was journaled, oldest first."""
    found: list[dict[str, Any]] = []
    for run in runs:
        seen = 0
        while events := store.events(run.id, seen):
            seen = events[-1].seq
            found += [{"run": run.id, "phase": e.stage, **e.data} for e in events if e.kind == "context"]
    return found


def sizes(store: Store, runs: Sequence[Run]) -> list[dict[str, Any]]:
    """What first requests were made of: a row for each run, phase, role and part, with its tokens in all of them."""
    rows: dict[tuple[str, str, str, str], tuple[int, int]] = {}
    for data in contexts(store, runs):
        role = session_named(str(data["session"])).role.value
        for each in data["parts"]:
            key = (str(data["run"]), str(data["phase"]), role, str(each["part"]).partition(": ")[0])
            count, tokens = rows.get(key, (0, 0))
            rows[key] = (count + 1, tokens + int(each["tokens"]))
    names = ("run", "phase", "role", "part")
    return [
        {**dict(zip(names, key, strict=True)), "count": count, "tokens": tokens}
        for key, (count, tokens) in rows.items()
    ]


def _head(words: Prompt, phase: str, tools: Tools) -> tuple[Part, Part]:
    deliverable = HANDS_IN.get(phase, phase)
    schema = terse_schema(DELIVERABLES[deliverable])
    return part(words.system(f"submit_{deliverable}"), "instructions"), part(
        tools(deliverable, schema, phase in WRITES), "tools"
    )


def _model(ground: Ground, phase: str) -> str:
    role = Role.REVIEWER if phase == "review" else Role.PRODUCER
    try:
        return str(choose_models(ground.config, phase, role).models[0])
    except NotSignedInError:
        return ""


def _view(each: Part, ground: Ground, words: Prompt) -> PartView:
    name, base = each.name, ground.run.base[:12]
    version = f" v{words.version}" if words.version else ""
    sources = {
        "instructions": f"{words.source}{version}" if words.source == "setpoint" else f"{words.source} at {base}",
        "tools": "the agent's tools, the submit tool among them",
        "Commands that decide": "setpoint.toml",
        "Rules of this repository": "setpoint",
        "Boundaries": "settings, plan and ticket, each only narrowing",
        "Files": f"the repository at {base}",
        "More rules, not shown": f"the repository at {base}, named only",
    }
    kind, _, rest = name.partition(": ")
    named = {"Rules": f"{rest} at {base}", "Ticket": "the ticket"}
    source = sources.get(name) or named.get(kind, "the run's own record")
    return PartView(part=name, source=source[:480], tokens=each.tokens, cut=each.cut, text=each.text)


async def _brief(ground: Ground, phase: str) -> str:
    """What a session of `phase` would be given now; what is not made yet is named in its place."""
    ground = Ground(ground.bench, ground.run.model_copy(update={"position": _position(ground, phase)}))
    mended = ground.given("diagnosis") is not None
    needed = dict.fromkeys("diagnosis" if mended and name == "plan" else name for name in NEEDS.get(phase, ()))
    missing = [name for name in needed if ground.given(name) is None]
    if phase not in DOCUMENTS and not missing:
        return await _on_code(ground, phase)
    async with ground.bench.workspaces.checkout(ground.run.base) as room:
        if missing:
            return await _so_far(ground, tuple(needed), room)
        return await DocumentWork(ground, DOCUMENTS[phase], room).brief()


def _position(ground: Ground, phase: str) -> Position:
    """The run's position, at `phase`."""
    here = ground.position
    return here if here.stage == phase else here.model_copy(update={"stage": phase, "task": 0, "rework": ""})


async def _on_code(ground: Ground, phase: str) -> str:
    workspace = await ground.workspace()
    plan = plan_of(ground)
    if phase == "tests":
        return await TestsWork(ground, workspace).brief()
    if phase == "implementation":
        task = plan.tasks[ground.position.task] if plan else None
        return await CodeWork(ground, workspace, task, whole=True).brief()
    if phase == "edge_tests":
        return await EdgeWork(ground, workspace).brief()
    if phase == "ci_fix":
        return await CiFixWork(ground, workspace).brief()
    tree = await workspace.tree()
    async with workspace.checkout(tree) as room:
        return await ReviewWork(ground, workspace, room, tree).brief()


async def _so_far(ground: Ground, needed: Sequence[str], room: Room) -> str:
    """The brief of a phase whose predecessors are not all there."""
    there = {name: content for name in needed if (content := ground.given(name)) is not None}
    gone = [f"- {name}" for name in needed if name not in there]
    near = await touching(ground)
    return brief(
        ticket_text(ground.run.ticket.title, ground.run.ticket.text),
        *(deliverable_text(name, content) for name, content in there.items()),
        section("Not made yet", "\n".join(gone)),
        await rules(ground, near),
        commands(ground.config),
        map_text(ground, room, near),
    )
