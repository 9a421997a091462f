"""What is left of a run when it is over, told so that two runs of one ticket can be compared."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from lives import Place, told
from small import git

from setpoint.adapters import schema
from setpoint.app import House
from setpoint.engine.port import JobState
from setpoint.model.approval import SAID
from setpoint.model.run import Run
from setpoint.model.session import Message, ToolCall
from setpoint.service.progress import progress

ONCE = ("deliverable", "effect", "ci", "deploy", "sealed", "round", "prompt", "model", "tool", "person", "created")
"""Entries of the journal that stand there once each, however often a process died."""


@dataclass(frozen=True)
class Ending:
    """Everything that must come out the same; ids, times and commit names are left out."""

    state: str
    stages: list[str]
    """Where the run went, without the marks of who carried it, and without stops."""
    tree: str
    """Of the forge's base."""
    merges: list[str]
    branch: list[str]
    pulls: list[str]
    steps: list[str]
    """What the environment's journal holds as finished."""
    ran: list[str]
    """What the environment's commands noted themselves."""
    current: bool
    delivered: list[tuple[int, str]]
    rounds: list[tuple[str, int, float]]
    approvals: list[str]
    once: dict[str, int]
    cost: tuple[int, int, int, int, float]
    sessions: dict[str, list[str]]
    at_rest: bool
    """Whether no job is left that could still do something: at most one whose process died behind its last commit."""
    progress: Any
    """The run's progress file without its times; None when it is not what the store says."""
    untouched: bool
    """Whether the user's own branch and files are as they were."""

    def essence(self) -> dict[str, Any]:
        """What does not depend on the recording's own calls, nor on how often a person was asked to start it again."""
        return {name: value for name, value in asdict(self).items() if name not in ("once", "cost", "sessions")}


async def ending(place: Place) -> Ending:
    """How the only run there ended."""
    house = await place.house()
    try:
        (run,) = house.store.runs()
        return _ending(house, run, place.folder)
    finally:
        await house.close()


def _ending(house: House, run: Run, folder: Path) -> Ending:
    forge, store = folder / ".setpoint" / "forge.git", house.store
    events = store.events(run.id, limit=100_000)
    merged = (store.recall(run.id, "merged:1") or {"sha": ""})["sha"]
    environment = folder / ".setpoint" / "environments" / "pre-staging"
    entries = [json.loads(line) for line in _lines(environment / "steps.jsonl")]
    current = environment / "current.json"
    cost = run.cost
    return Ending(
        state=run.position.state.value,
        stages=_stages([event.data for event in events if event.kind == "moved"]),
        tree=git(forge, "rev-parse", "main^{tree}"),
        merges=git(forge, "log", "--first-parent", "--format=%s", "main").splitlines(),
        branch=git(folder, "log", "--format=%s", f"{run.base}..{run.branch}").splitlines(),
        pulls=sorted(path.name for path in (forge / "setpoint" / "pulls").glob("*")),
        steps=[f"{e['step']} {_named(e['release'], merged)} {e['result']['ok']}" for e in entries if e["result"]],
        ran=[line.replace(merged, "merged") for line in _lines(environment / "files" / "ran")],
        current=current.is_file() and json.loads(current.read_text())["sha"] == merged,
        delivered=sorted((cycle, name) for cycle, name, _, _ in store.deliverables(run.id)),
        rounds=[(r.stage, r.attempt, r.error) for r, _ in store.rounds(run.id, 1)],
        # That somebody stopped it and let it go on is no other end.
        approvals=[f"{a.about} {a.answer.value}" for a in store.approvals(run.id, 1) if not a.about.startswith(SAID)],
        once={kind: sum(event.kind == kind for event in events) for kind in ONCE},
        cost=(cost.requests, cost.input_tokens, cost.output_tokens, cost.cached_tokens, round(cost.usd or 0.0, 9)),
        sessions=_sessions(house, run),
        at_rest=len(house.jobs.list(run.id, (JobState.QUEUED, JobState.RUNNING))) <= 1,
        progress=_progress(house, run),
        untouched=git(folder, "status", "--porcelain", "--untracked-files=no") == ""
        and git(folder, "rev-parse", "HEAD") == run.base,
    )


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []


def _named(release: Any, merged: str) -> str:
    return "nothing" if release is None else "merged" if release["sha"] == merged else "another"


def _stages(moves: list[dict[str, Any]]) -> list[str]:
    told_: list[str] = []
    for move in moves:
        before, after = ({k: v for k, v in move[end].items() if k != "serial"} for end in ("from", "to"))
        said = f"{after['stage']} {after['state']}"
        if (before != after or not told_) and after["state"] not in ("paused", "parked") and told_[-1:] != [said]:
            told_.append(said)
    return told_


def _sessions(house: House, run: Run) -> dict[str, list[str]]:
    table = schema.messages
    query = sa.select(table.c.session, table.c.message).order_by(table.c.session, table.c.position)
    found: dict[str, list[str]] = {}
    with house.store.database.connect() as connection:
        for name, text in connection.execute(query):
            message = Message.model_validate_json(text)
            calls = [f"{p.name} {json.dumps(p.arguments)}" for p in message.parts if isinstance(p, ToolCall)]
            said = f"{message.role} {len(message.parts)} {' '.join(calls)} {message.usage and message.usage.requests}"
            found.setdefault(name.removeprefix(f"{run.id}:"), []).append(said)
    return found


def _progress(house: House, run: Run) -> Any:
    path = house.state / "runs" / run.id / "progress.json"
    said = progress(house.store, run).model_dump(mode="json", exclude_none=True)
    if not path.is_file() or json.loads(path.read_text()) != said:
        return None
    content = json.loads(path.read_text())
    return [content["status"], *(f"{step['step']} {step['task']}" for step in content["steps"])]


def lost_autosaves(place: Place) -> list[str]:
    """Autosaves that were made in any life and that no ref of ours reaches any more."""
    made = {line.removeprefix("autosave ") for line in told(place) if line.startswith("autosave ")}
    refs = git(place.folder, "for-each-ref", "--format=%(refname)", "refs/setpoint").splitlines()
    reached = set(git(place.folder, "rev-list", *refs).splitlines()) if refs else set()
    return sorted(made - reached)
