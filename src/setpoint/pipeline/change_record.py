"""The change record: the five stages of a merge, each with its digest, its tree, who did it and when."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from ..model.approval import Bound
from ..model.change_record import ChangeRecord, StageProof
from ..model.evidence import GateResult
from ..model.record import digest_of
from ..model.release import CiRun, CiState, PullRequest
from ..model.run import Event
from .approvals import Word
from .bench import Ground

FACT = "change_record"


def change_record(
    ground: Ground, pull: PullRequest, due: Bound, word: Word, ci_run: CiRun | None, merged: str = ""
) -> ChangeRecord:
    """The record of exactly the change that is `due`, as far as it has come."""
    run, events = ground.run, ground.bench.store.events(ground.run.id, limit=100_000)
    return ChangeRecord(
        run=run.id,
        ticket=run.ticket.id,
        cycle=ground.position.cycle,
        repository=due.repository,
        tree=due.tree,
        base=run.base,
        head=pull.head_sha,
        merged=merged,
        pull_request=pull.number,
        policy=due.policy,
        stages=(
            _planning(ground, events),
            _implementation(ground, due.tree, events),
            _review(ground, due.tree, events),
            _validation(ci_run, due.tree, events),
            _approval(word),
        ),
        inspection=word.approval.inspection if word.approval and word.stands else {},
    )


def _planning(ground: Ground, events: Sequence[Event]) -> StageProof:
    name = "plan" if ground.given("plan") else "diagnosis"
    content = ground.given(name)
    answered = _approved_by(ground)
    return StageProof(
        stage="planning",
        passed=content is not None,
        sha256=digest_of(content or {}),
        by=(*_models(ground, "planning" if name == "plan" else "diagnosis"), *answered),
        at=_last(events, "deliverable", name=name),
        what=f"the {name}" + (f", approved by {answered[0]}" if answered else ""),
    )


def _approved_by(ground: Ground) -> tuple[str, ...]:
    given = ground.bench.store.approvals(ground.run.id, ground.position.cycle, "plan")
    return (given[-1].by,) if given else ()


def _implementation(ground: Ground, tree: str, events: Sequence[Event]) -> StageProof:
    results = {r.gate: r for _, r in ground.bench.store.results(ground.run.id, tree)}
    required = [name for name, gate in ground.config.gates.items() if gate.required]
    green = [name for name in required if name in results and results[name].green]
    return StageProof(
        stage="implementation",
        passed=len(green) == len(required),
        sha256=digest_of([result.model_dump(mode="json") for result in results.values()]),
        tree=tree,
        by=(*_models(ground, "implementation"), *_by_hand(events)),
        at=max((result.evidence.at for result in results.values()), default=None),
        what=f"gates on this tree: {', '.join(_counted(results[name]) for name in green) or 'none'}"[:500],
    )


def _counted(result: GateResult) -> str:
    return f"{result.gate} {result.evidence.examined} {result.evidence.unit}"


def _review(ground: Ground, tree: str, events: Sequence[Event]) -> StageProof:
    reviewed, report = ground.fact("reviewed") or {}, ground.given("review")
    models = tuple(str(name) for name in reviewed.get("models", ()))[:1]
    return StageProof(
        stage="review",
        passed=bool(report) and reviewed.get("tree") == tree,
        sha256=digest_of(report or {}),
        tree=str(reviewed.get("tree", "")),
        by=models,
        at=_last(events, "reviewed"),
        what=f"the whole change, independence: {reviewed.get('independence') or 'none'}",
    )


def _validation(ci_run: CiRun | None, tree: str, events: Sequence[Event]) -> StageProof:
    state = ci_run.state.value if ci_run else "not finished"
    results = ci_run.results if ci_run else ()
    return StageProof(
        stage="validation",
        passed=ci_run is not None and ci_run.state is CiState.GREEN,
        sha256=digest_of(ci_run.model_dump(mode="json") if ci_run else {}),
        tree=tree if ci_run else "",
        by=("CI",),
        at=_last(events, "ci"),
        what=f"CI is {state}: {', '.join(_counted(result) for result in results) or 'no gate'}"[:500],
    )


def _approval(word: Word) -> StageProof:
    given = word.approval
    if given is None or word.unasked:
        what = "nobody is asked: autonomy is full" if word.unasked else word.why
        return StageProof(stage="human approval", passed=word.stands, sha256="", what=what[:500])
    points = ", ".join(given.inspection) or "nothing"
    return StageProof(
        stage="human approval",
        passed=word.stands,
        sha256=given.digest(),
        tree=given.tree,
        by=(given.by,),
        at=given.at,
        what=(f"signed with {given.key}; inspected: {points}" if word.stands else word.why)[:500],
    )


def _models(ground: Ground, stage: str) -> tuple[str, ...]:
    rounds = ground.bench.store.rounds(ground.run.id, ground.position.cycle)
    found = (r.model for r, _ in rounds if r.model and r.stage.partition(":")[0].partition("#")[0] == stage)
    return tuple(dict.fromkeys(found))


def _by_hand(events: Sequence[Event]) -> Iterator[str]:
    yield from dict.fromkeys(str(event.data["by"]) for event in events if event.kind == "manual")


def _last(events: Sequence[Event], kind: str, **data: str) -> datetime | None:
    wanted = (e.at for e in reversed(events) if e.kind == kind and all(e.data.get(k) == v for k, v in data.items()))
    return next(wanted, None)
