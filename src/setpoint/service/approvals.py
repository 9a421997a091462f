"""What the answers of a run are worth: as a bundle that can be verified anywhere, without the run and without a net."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Literal

from ..errors import SetpointError, UsageError
from ..model.approval import CHANGE, Answer, Approval, Bound, Used
from ..model.record import Line, Record, Time, digest_of
from ..model.run import State
from ..pipeline.approvals import change_due, deploy_due
from ..pipeline.bench import Ground
from ..pipeline.counting import moment, trusted, voices_of
from ..policy.approvals import Fault, Voices, faults, forgeries

_RESTS = frozenset(("publish", "ci", "merge"))
"""Steps that rest on the answer to the change."""


class Entry(Record):
    """One answer, with what is to be known of it."""

    cycle: int
    approval: Approval
    used: Used | None = None
    due: Bound | None = None
    """What it would have to be given for, where something that is still to be done rests on it."""


class Bundle(Record):
    """All answers of a run, and by whose keys they are to be judged."""

    form: Literal["setpoint-approvals"] = "setpoint-approvals"
    version: Literal[1] = 1
    run: Line
    repository: Line
    started: Time
    at: Time
    """When it was made."""
    voices: Voices
    merged: tuple[int, ...] = ()
    """Cycles in which something was merged."""
    unasked: bool = False
    """Whether nobody is asked in this run."""
    entries: tuple[Entry, ...]


class Finding(Record):
    """What one answer is worth."""

    cycle: int
    about: Line
    answer: Answer | None
    by: str = ""
    at: Time | None = None
    worth: Line
    """`used for …`, `counts`, `void`, or `not used`."""
    problems: tuple[Fault, ...] = ()


class Findings(Record):
    """What all of them are worth."""

    run: Line
    keys: Line
    """Whose keys they were judged by."""
    findings: tuple[Finding, ...]

    @property
    def exit_code(self) -> int:
        """30: nobody whose word counts has said it; 20: it holds no more, or nobody can tell; 0: all hold."""
        codes = {fault.code for finding in self.findings for fault in finding.problems}
        forged = {fault.code for finding in self.findings for fault in finding.problems if fault.forged}
        return 30 if forged - {"unsigned"} else 20 if codes else 0


async def bundle(ground: Ground) -> Bundle:
    """The answers of all cycles, as they stand."""
    run, store = ground.run, ground.bench.store
    config = await trusted(ground)
    uses = {use.nonce: use for use in store.uses(run.id)}
    cycles = range(1, ground.position.cycle + 1)
    entries = [
        Entry(cycle=cycle, approval=given, used=uses.get(given.nonce) if given.nonce else None)
        for cycle in cycles
        for given in store.approvals(run.id, cycle)
    ]
    due = await _due(ground)
    if due is not None:
        last = max((n for n, e in enumerate(entries) if _is_due(e, due)), default=None)
        if last is not None:
            entries[last] = entries[last].model_copy(update={"due": due})
    return Bundle(
        run=run.id,
        repository=digest_of(run.repository),
        started=run.created,
        at=moment(ground),
        voices=voices_of(ground, config, due.about if due else ""),
        merged=tuple(cycle for cycle in cycles if store.recall(run.id, f"merged:{cycle}")),
        unasked=run.autonomy == "full",
        entries=tuple(entries),
    )


def _is_due(entry: Entry, due: Bound) -> bool:
    return entry.used is None and (entry.cycle, entry.approval.about) == (due.cycle, due.about)


async def _due(ground: Ground) -> Bound | None:
    """What the next effect rests on; None when none is under way."""
    position = ground.position
    if position.state is State.WAITING or position.state.final:
        return None
    config = await trusted(ground)
    if position.stage in _RESTS:
        return change_due(ground, config, await (await ground.workspace()).tree())
    places = ground.config.environment
    if position.stage == "deploy" and position.environment < len(places) and ground.fact("merged"):
        return deploy_due(ground, config, places[position.environment])
    return None


def findings(given: Bundle, voices: Voices | None = None, now: datetime | None = None) -> Findings:
    """What each answer is worth by `voices` (else the bundle's own) at `now` (else when it was made)."""
    by, at = voices or given.voices, now or given.at
    nonces = Counter(entry.approval.nonce for entry in given.entries if entry.approval.nonce)
    found = [_finding(entry, given, by, at, nonces) for entry in given.entries]
    found += [_nobody(cycle) for cycle in _unapproved(given)]
    known = ", ".join(by.settings.approvers) or by.own or "nobody's"
    return Findings(run=given.run, keys=known[:500], findings=tuple(found))


def _finding(entry: Entry, given: Bundle, voices: Voices, now: datetime, nonces: Counter[str]) -> Finding:
    approval = entry.approval
    problems = list(forgeries(approval, voices))
    if not any(fault.code in ("unsigned", "signature", "form") for fault in problems):
        problems += _elsewhere(entry, given)
        if nonces[approval.nonce] > 1:
            problems.append(Fault(code="used", what="another answer has the same nonce"))
        if entry.used is not None and not _fits(entry.used.effect, approval):
            problems.append(Fault(code="used", what=f"it was used for {entry.used.effect}"[:500]))
        if entry.used is not None and approval.until and entry.used.at > approval.until:
            problems.append(Fault(code="expired", what="it had expired when it was used"))
        if entry.due is not None:
            known = {fault.code for fault in problems}
            problems += [fault for fault in faults(approval, entry.due, voices, now) if fault.code not in known]
    worth = f"used for {entry.used.effect}" if entry.used else "counts" if entry.due and not problems else "not used"
    return Finding(
        cycle=entry.cycle,
        about=approval.about,
        answer=approval.answer,
        by=approval.by,
        at=approval.at,
        worth="void" if problems else worth[:500],
        problems=tuple(problems),
    )


def _elsewhere(entry: Entry, given: Bundle) -> Iterator[Fault]:
    approval = entry.approval
    if (approval.repository, approval.run, approval.started) != (given.repository, given.run, given.started):
        yield Fault(code="run", what="it was given for another run")
    if approval.cycle != entry.cycle:
        yield Fault(code="cycle", what="it was given in another cycle")


def _fits(effect: str, approval: Approval) -> bool:
    """Whether an effect of that name rests on such an answer."""
    if approval.answer is Answer.GRANTED and approval.about == CHANGE:
        return effect.startswith("merge:")
    if approval.answer is Answer.GRANTED and approval.about.startswith("deploy:"):
        return effect == f"{approval.about}:{approval.arguments.get('release')}"
    return effect == f"decision:{approval.about}:{approval.serial}"


def _unapproved(given: Bundle) -> Iterator[int]:
    """Cycles whose merge no answer was used for."""
    if given.unasked:
        return
    merges = {entry.cycle for entry in given.entries if entry.used and entry.used.effect.startswith("merge:")}
    yield from (cycle for cycle in given.merged if cycle not in merges)


def _nobody(cycle: int) -> Finding:
    what = Fault(code="unsigned", what="it was merged, and no signed answer was used for it")
    return Finding(cycle=cycle, about=CHANGE, answer=None, worth="void", problems=(what,))


def bundle_in(content: object) -> Bundle:
    """The bundle that an exported document holds: one of its own, or within a whole run. Raises UsageError."""
    inner = content.get("approvals", content) if isinstance(content, dict) else content
    try:
        return Bundle.model_validate(inner)
    except ValueError as error:
        raise UsageError(
            "this is no bundle of approvals",
            why=str(error).splitlines()[0][:300],
            fix="`setpoint export RUN --format approvals` writes one",
        ) from error


def trusting(voices: Voices, keys: Sequence[str]) -> Voices:
    """`voices` with other keys: `NAME=ed25519:…` each, or one key alone. Raises UsageError."""
    from ..policy.signatures import key_bytes

    named, own = dict[str, str](), ""
    for written in keys:
        name, _, key = written.rpartition("=ed25519:")
        key = f"ed25519:{key}" if name else written
        try:
            key_bytes(key)
        except SetpointError as error:
            raise UsageError(
                f"`{written[:80]}` names no key", fix="--key 'Ada=ed25519:…', or --key ed25519:…"
            ) from error
        if name:
            named[name] = key
        else:
            own = key
    settings = voices.settings.model_copy(update={"approvers": named})
    return voices.model_copy(update={"settings": settings, "own": own})
