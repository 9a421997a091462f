"""Lessons: captured from journals, listed by how often they were seen, and never put before a session by themselves.

A person accepts one as a file in the working tree, which reaches sessions once it is committed to the trusted base; or
drops it with a reason. Both words stay on record.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ..errors import SetpointError, UsageError
from ..loop.late import Claims
from ..loop.lessons import capture
from ..model.lesson import Example, LateDefect, LessonCandidate, LessonWord, Said, Slip, Swap, Witness
from ..model.run import Run
from ..pipeline.bench import Ground
from ..ports import Store, Trees
from .prompting import prompts_of
from .rule_files import example_of, write_rule

TAUGHT = "taught"
LAW = 1
"""Moves when journals are to be read anew: the reading of them changed."""
LISTED = 100_000


def harvest(store: Store, run: Run) -> int:
    """Bring what a run teaches up to its journal; how many lessons it has then."""
    events = store.events(run.id, limit=LISTED)
    last = {"seq": events[-1].seq if events else 0, "law": LAW}
    known = store.recall(run.id, TAUGHT)
    if known is not None and {key: known[key] for key in last} == last:
        return int(known["lessons"])
    taught = capture(events, claims_of(store, run))
    # The hash that a witness names must lead to what it stands for.
    for each in taught:
        if each.evidence:
            store.put_blob(each.evidence.encode("utf-8", "replace"))
    with store.transaction() as tx:
        tx.teach(run.id, [each.witness for each in taught])
        tx.remember(run.id, TAUGHT, {**last, "lessons": len(taught), "prompts": prompts_of(events).model_dump()})
    return len(taught)


def taught_by(store: Store, run: Run) -> int:
    """How many lessons a run taught when it rested last."""
    known = store.recall(run.id, TAUGHT)
    return int(known["lessons"]) if known else 0


def claims_of(store: Store, run: Run) -> Claims:
    """The tests that stand for each criterion of a run; none for one without a test."""
    claims: dict[str, list[str]] = {}
    for _, name, _, content in store.deliverables(run.id):
        if name in ("functional_spec", "diagnosis"):
            for criterion in content["criteria"]:
                claims.setdefault(criterion["id"], [])
        if name == "tests":
            for test in content["tests"]:
                for proved in test["proves"]:
                    claims.setdefault(proved, []).append(test["id"])
    return claims


def gathered(witnesses: Sequence[Witness], words: Sequence[LessonWord]) -> tuple[LessonCandidate, ...]:
    """One candidate a lesson, the one seen most often first."""
    by_lesson: dict[str, list[Witness]] = {}
    for witness in witnesses:
        by_lesson.setdefault(witness.lesson, []).append(witness)
    said: dict[str, list[LessonWord]] = {}
    for word in words:
        said.setdefault(word.lesson, []).append(word)
    found = [
        LessonCandidate(id=lesson, witnesses=tuple(seen), words=tuple(said.get(lesson, ())))
        for lesson, seen in by_lesson.items()
    ]
    return tuple(sorted(found, key=lambda each: (-len(each.witnesses), -each.times, each.first.seq, each.id)))


@dataclass(frozen=True)
class Lessons:
    """What a person can do with lessons."""

    store: Store
    root: Path
    ground: Callable[[Run], Ground]
    person: Callable[[], Awaitable[str]]
    now: Callable[[], datetime]

    def all(self, state: str = "") -> tuple[LessonCandidate, ...]:
        """Every lesson of every run, up to date; only those `open`, `accepted` or `dropped` where a state is given."""
        for run in self.store.runs():
            harvest(self.store, run)
        found = gathered(self.store.witnesses(), self.store.lesson_words())
        return tuple(each for each in found if not state or each.state == state)

    def one(self, prefix: str) -> LessonCandidate:
        """The one lesson whose id starts with `prefix`. Raises UsageError when none or several do."""
        found = [each for each in self.all() if each.id.startswith(prefix)]
        if len(found) == 1:
            return found[0]
        several = f"several lessons start with `{prefix}`: {', '.join(each.id for each in found[:10])}"
        what = several if found else f"no lesson starts with `{prefix}`"
        raise UsageError(what, fix="`setpoint lessons --all` lists them")

    async def example(self, lesson: LessonCandidate) -> Example | None:
        """Lines that were rejected for it and the lines that replaced them, from the first run that has both."""
        for witness in lesson.witnesses:
            if witness.swap is not None:
                ground = self.ground(self.store.run(witness.run))
                found = await _example(ground.bench.trees, witness.swap)
                if found is not None:
                    return Example.model_validate(ground.bench.redact(found.model_dump(mode="json")))
        return None

    async def accept(self, prefix: str, *, rule: str = "", paths: Sequence[str] = ()) -> LessonWord:
        """Write the rule into the working tree, for a person to commit; the word that says so."""
        lesson = self.one(prefix)
        by, example = await self.person(), await self.example(lesson)
        # Rules may share a file: whoever writes one is alone with them until the word is on record.
        with self.store.transaction() as tx:
            tx.alone("rules")
            file = write_rule(self.root, lesson, rule.strip() or lesson.first.rule, paths, example)
            word = LessonWord(
                lesson=lesson.id, said=Said.ACCEPTED, by=by, at=self.now(), because=rule.strip(), file=file
            )
            tx.rule_on(word)
        return word

    async def drop(self, prefix: str, *, because: str) -> LessonWord:
        """No rule comes of it. The reason stays on record. Raises UsageError without one."""
        if not because.strip():
            raise UsageError("a lesson is dropped with its reason", fix="`setpoint lessons drop ID --reason '…'`")
        return await self._said(self.one(prefix), Said.DROPPED, because=because.strip())

    async def classify(
        self, prefix: str, slip: Slip, *, introduced: str = "", due: str = "", because: str
    ) -> LessonWord:
        """Say how a defect slipped through, over what the journal tells."""
        lesson, by = self.one(prefix), await self.person()
        if not because.strip():
            raise UsageError("a classification needs its reason", fix="add `--reason '…'`")
        told = lesson.late
        late = LateDefect(
            found=told.found if told else lesson.first.stage,
            introduced=introduced or (told.introduced if told else _MADE_BY[slip]),
            due=due or _DUE_IN[slip],
            slip=slip,
            because=because.strip()[:400],
            by=by,
        )
        return await self._said(lesson, Said.CLASSIFIED, because=because.strip(), late=late)

    async def _said(self, lesson: LessonCandidate, said: Said, **more: Any) -> LessonWord:
        word = LessonWord(lesson=lesson.id, said=said, by=await self.person(), at=self.now(), **more)
        with self.store.transaction() as tx:
            tx.rule_on(word)
        return word


_MADE_BY = {
    Slip.MISSING_CRITERION: "discovery",
    Slip.WRONG_PLAN: "planning",
    Slip.MISSING_TEST: "implementation",
    Slip.WEAK_TEST: "implementation",
    Slip.REVIEWER_MISS: "implementation",
    Slip.ENVIRONMENT: "setup",
}
_DUE_IN = {
    Slip.MISSING_CRITERION: "discovery",
    Slip.WRONG_PLAN: "planning",
    Slip.MISSING_TEST: "tests",
    Slip.WEAK_TEST: "tests",
    Slip.REVIEWER_MISS: "review",
    Slip.ENVIRONMENT: "ci",
}


async def _example(trees: Trees, swap: Swap) -> Example | None:
    try:
        changed = await trees.changed(swap.before, swap.after)
    except SetpointError:
        return None  # git has cleaned the tree away; the words are left
    # Where the objection pointed first: it may have pointed at a test, and code was mended.
    for entry in sorted(changed, key=lambda entry: (entry.path != swap.path, entry.path)):
        names = [side.name if side else "" for side in (entry.before, entry.after)]
        contents = await trees.blobs([name for name in names if name])
        found = example_of(entry.path, *(contents.get(name, b"") for name in names))
        if found is not None:
            return found
    return None
