"""What a run's journal teaches: every failure in it as a witness for a lesson. Pure, and the same for the same journal.

A lesson is known by its kind and words, not by its run, place or numbers: what two runs learned alike is one lesson.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

from ..model.lesson import Failure, LateDefect, Swap, Witness
from ..model.objection import Deviation, Objection, Place, Source, wording
from ..model.run import Event
from .late import Claims, late_finding, late_in_ci, late_in_smoke, late_to_person

MOST = 500
"""Lessons of one run; a run with more of them has one cause, which the first ones name."""
QUOTE = 1_500
"""Characters of evidence kept with the witness; the whole is kept by its hash."""
WORDS = 480
"""Characters of what and why."""
TELLING = 4
"""Words from which a failing test's own message tells more of the cause than the test's name does."""

CODE = frozenset({"tests", "implementation", "edge_tests", "review", "ci_fix"})
"""Stages whose rounds are about a tree of files."""

_TREE = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_FAILURES = {
    Source.REVIEWER: Failure.FINDING,
    Source.VALIDATOR: Failure.FINDING,
    Source.BOUNDARY: Failure.BOUNDARY,
    Source.CI: Failure.CI,
    Source.SMOKE: Failure.SMOKE,
    Source.PERSON: Failure.PERSON,
}


@dataclass(frozen=True)
class Taught:
    """A witness, and the whole of what shows it: kept by the hash that the witness names."""

    witness: Witness
    evidence: str = ""


@dataclass(frozen=True)
class _Failed:
    """One failure as one entry of the journal has it."""

    failure: Failure
    deviation: Deviation
    what: str
    rule: str
    cause: str = ""
    place: Place | None = None
    evidence: str = ""
    output: str = ""
    mark: str = ""
    """What the lesson is known by, where that is not `what`."""
    swap: Swap | None = None
    late: LateDefect | None = None


@dataclass
class _Told:
    """What of the journal the entries behind it are read by."""

    claims: Claims
    cycle: int = 1
    route: str = "feature"
    green: set[str] = field(default_factory=set)
    """Gates whose last word in this run was that they passed."""


def capture(events: Sequence[Event], claims: Claims | None = None) -> tuple[Taught, ...]:
    """One witness for each lesson of a run, in the order they were first seen. `claims` names the tests that stand for
    each criterion."""
    found: dict[str, Taught] = {}
    told = _Told(claims or {})
    swaps = _swaps(events)
    for event, after in zip(events, [*events[1:], None], strict=True):
        _notice(told, event)
        for failed in _failures(event, after, told, swaps):
            taught = _taught(event, failed)
            before = found.get(taught.witness.lesson)
            if before is not None or len(found) < MOST:
                found[taught.witness.lesson] = _joined(before, taught) if before else taught
    return tuple(found.values())


def _notice(told: _Told, event: Event) -> None:
    if event.kind == "created":
        told.route = str(event.data.get("route", told.route))
    if event.kind == "step":
        told.cycle = int(event.data.get("cycle", 1))
    if event.kind == "gates":
        for row in event.data["results"]:
            (told.green.add if row["outcome"] == "passed" else told.green.discard)(row["gate"])


def _failures(
    event: Event, after: Event | None, told: _Told, swaps: Mapping[tuple[int, str], Swap]
) -> Iterator[_Failed]:
    data = event.data
    if event.kind == "round":
        yield from _of_round(event, told, swaps)
    elif event.kind == "gates":
        yield from (_flaky(test) for row in data["results"] for test in row.get("flaky", ()))
    elif event.kind == "tool" and data.get("denied"):
        yield _denied(data)
    elif event.kind == "ci" and data["state"] == "red":
        yield from _of_ci(data, told)
    elif event.kind == "deploy" and not data["ok"]:
        yield _of_deploy(data, told)
    elif event.kind == "person":
        yield from _of_person(event, after, told)
    elif event.kind == "stopped":
        yield _stopped(data)


# -- rounds ------------------------------------------------------------------------------------------------------------


def _of_round(event: Event, told: _Told, swaps: Mapping[tuple[int, str], Swap]) -> Iterator[_Failed]:
    for number, listed in enumerate(event.data["objections"]):
        objection = Objection.model_validate({key: value for key, value in listed.items() if key != "id"})
        if objection.blocks:
            swap = swaps.get((event.seq, str(number)))
            yield replace(_of_objection(objection), swap=swap, late=late_finding(event.stage, objection, told.claims,
                                                                                route=told.route))  # fmt: skip
    if event.data["decision"] in ("hand-over", "plan-fault"):
        why = str(event.data["cause"]).partition(": `")[0]
        yield _Failed(
            Failure.STOP,
            Deviation.REQUIREMENT if event.data["decision"] == "plan-fault" else Deviation.QUALITY,
            f"the loop of {event.stage} was given up: {why}",
            f"Split or sharpen what {event.stage} is asked for before it starts: a loop was given up here ({why}).",
            cause=str(event.data["cause"]),
            evidence=str(event.data["cause"]),
        )


def _of_objection(objection: Objection) -> _Failed:
    what, cause = objection.what, objection.cause
    mark = _words(what, objection.place)
    said = cause.partition("; it ")[0]  # what follows tells of further runs, not of the failure
    if objection.rule == "gate/test" and len(_words(said, objection.place).split()) >= TELLING:
        what, mark = f"tests fail: {said}", _words(said, objection.place)
    failure = _FAILURES.get(objection.source, Failure.GATE)
    because = f" Because: {cause.rstrip('.')}." if said and said not in what else ""
    shown = objection.evidence or objection.probe
    return _Failed(
        failure,
        objection.deviation,
        what,
        f"{'Stay inside the boundaries' if failure is Failure.BOUNDARY else 'Avoid'}: {what.rstrip('.')}.{because}",
        cause=cause or "none was given",
        place=objection.place,
        evidence=shown,
        output=objection.output,
        mark=f"{objection.rule}|{mark}",
    )


def _swaps(events: Iterable[Event]) -> Mapping[tuple[int, str], Swap]:
    """By journal position and number of the objection: the trees between which it went away, in loops over code."""
    found: dict[tuple[int, str], Swap] = {}
    last: dict[tuple[int, str], Event] = {}
    cycle = 1
    for event in events:
        if event.kind == "step":
            cycle = int(event.data.get("cycle", 1))
        if event.kind != "round":
            continue
        loop = (cycle, str(event.data["stage"]))
        before = last.get(loop)
        if before is not None:
            found |= _gone(before, event)
        last[loop] = event
    return found


def _gone(before: Event, now: Event) -> dict[tuple[int, str], Swap]:
    old, new = str(before.data["diff"]), str(now.data["diff"])
    if now.stage not in CODE:
        return {}  # the digest of a document looks like a tree's name
    if not (_TREE.fullmatch(old) and _TREE.fullmatch(new)) or old == new:
        return {}
    there = {listed["id"] for listed in now.data["objections"]}
    return {
        (before.seq, str(number)): Swap(path=(listed.get("place") or {}).get("path", ""), before=old, after=new)
        for number, listed in enumerate(before.data["objections"])
        if listed["id"] not in there
    }


# -- what stands outside the loops ------------------------------------------------------------------------------------


def _flaky(test: str) -> _Failed:
    return _Failed(
        Failure.FLAKY,
        Deviation.QUALITY,
        f"test {test} gave different results on the same tree",
        f"Make {test} give the same result each time, and write no other test that depends on what it depends on.",
        cause="it depends on something that is not in the tree: time, order, chance, or what another test left",
        place=Place(path=test.partition("::")[0][:500]),
        mark=test,
    )


def _denied(data: Mapping[str, Any]) -> _Failed:
    why = str(data["denied"])
    return _Failed(
        Failure.BOUNDARY,
        Deviation.BOUNDARY,
        f"{data['name']} was refused: {why.splitlines()[0]}",
        f"Stay inside the boundaries: {why.splitlines()[0]}.",
        cause="a session tried what its run may not do",
        evidence=why,
    )


def _of_ci(data: Mapping[str, Any], told: _Told) -> Iterator[_Failed]:
    red = [gate for gate in data["gates"] if gate["outcome"] != "passed"]
    for gate in red or [{"gate": "CI", "outcome": "failed"}]:
        reason = str(gate.get("reason", ""))
        yield _Failed(
            Failure.CI,
            Deviation.ENVIRONMENT if gate["gate"] in told.green else Deviation.BEHAVIOUR,
            f"CI is red: {gate['gate']}" + (f": {reason}" if reason else ""),
            f"See that {gate['gate']} holds in a fresh clone too, not only where the work was done.",
            cause=reason,
            evidence=str(gate.get("tail", "")) or reason,
            mark=f"{gate['gate']}|{_words(reason, None)}",
            late=late_in_ci(str(gate["gate"]), here=gate["gate"] in told.green),
        )


def _of_deploy(data: Mapping[str, Any], told: _Told) -> _Failed:
    step, where, said = str(data["step"]), str(data["environment"]), str(data["output"]).strip()
    last = said.splitlines()[-1] if said else f"exit code {data.get('exit_code')}"
    if step == "rollback":
        rule = f"Try the rollback of {where} before it is needed: it failed when it was."
        return _Failed(Failure.ROLLBACK, Deviation.ENVIRONMENT, f"rollback of {where} failed: {last}", rule,
                       cause="it was not tried before it was needed", evidence=said)  # fmt: skip
    late = late_in_smoke(step, said, told.claims)
    return _Failed(
        Failure.SMOKE,
        Deviation.ENVIRONMENT if step == "deploy" else Deviation.BEHAVIOUR,
        f"{step} failed in {where}: {last}",
        f"Let a test see what the {step} of {where} sees before CI is green: {last}",
        cause=late.because,
        evidence=said,
        late=late,
    )


_GOING_BACK = ("sent-back", "declined", "cancelled", "retried")


def _of_person(event: Event, after: Event | None, told: _Told) -> Iterator[_Failed]:
    said, because = str(event.data["said"]), str(event.data.get("because", "")).strip()
    if said not in _GOING_BACK:
        return
    to = after.data["to"]["stage"] if after is not None and after.kind == "moved" else event.stage
    if said == "retried" and to == event.stage and not because:
        return  # trying the same again without a word objects to nothing
    how = {"sent-back": "sent back", "retried": f"back to {to}"}.get(said, said)
    words = because or "no reason given"
    yield _Failed(
        Failure.PERSON,
        Deviation.REQUIREMENT,
        f"{how} at {event.stage}: {words}",
        f"Mind what a person asked for at {event.stage}: {words}",
        cause=f"{event.data['by']} saw it at {event.stage}",
        evidence=because,
        mark=f"{event.stage}|{_words(words, None)}",
        late=late_to_person(event.stage, said, to, because, told.claims, route=told.route),
    )


def _stopped(data: Mapping[str, Any]) -> _Failed:
    what = str(data["error"]).splitlines()[0]
    return _Failed(
        Failure.TROUBLE,
        Deviation.ENVIRONMENT,
        what,
        f"See to it before a run starts that this cannot stop it: {what}",
        cause=str(data.get("kind", "")),
        evidence=str(data["error"]),
    )


# -- witnesses ---------------------------------------------------------------------------------------------------------


def _words(text: str, place: Place | None) -> str:
    """The words a lesson is known by: without numbers, and without the file it happened to be seen in."""
    path = place.path.casefold() if place else ""
    return " ".join(
        word for word in wording(text) if not path or (path not in word and word != PurePosixPath(path).name)
    )


def _taught(event: Event, failed: _Failed) -> Taught:
    mark = failed.mark or _words(failed.what, failed.place)
    lesson = hashlib.sha256(f"{failed.failure}|{mark}".encode("utf-8", "replace")).hexdigest()[:12]
    evidence = failed.evidence if not failed.output else ""
    known = failed.output or (hashlib.sha256(evidence.encode("utf-8", "replace")).hexdigest() if evidence else "")
    witness = Witness(
        lesson=lesson,
        run=event.run,
        seq=event.seq,
        at=event.at,
        stage=event.stage or "run",
        failure=failed.failure,
        deviation=failed.deviation,
        what=_short(failed.what),
        cause=_short(failed.cause),
        place=failed.place,
        evidence=known,
        quote=failed.evidence[:QUOTE],
        rule=_short(failed.rule, 2 * WORDS),
        swap=failed.swap,
        late=failed.late,
    )
    return Taught(witness, evidence)


def _short(text: str, most: int = WORDS) -> str:
    told = " ".join(text.split())
    return told if len(told) <= most else f"{told[: most - 1]}…"


def _joined(first: Taught, later: Taught) -> Taught:
    """The first, seen once more; what only the later one knows is taken over."""
    old, new = first.witness, later.witness
    more = {"times": old.times + 1, "swap": new.swap or old.swap, "late": old.late or new.late}
    return replace(first, witness=old.model_copy(update=more))
