"""What one test lost between before and after: assertions removed, loosened, swallowed, switched off, rows dropped."""

import builtins
import difflib
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from ...model.objection import Objection
from .cases import COMPARED, SELF, TRUTHY, Case, Check, Off, Pair
from .raised import HIGH, LOW, MEDIUM, REQUEST, tampered
from .tries import Key, Surroundings, dropped, dropped_rows, fewer_tries

_DEAD = {
    "swallowed": ("assertion-swallowed", "its failure is caught, so it can never fail the test"),
    "unreachable": ("assertion-unreachable", "no run reaches it"),
    "tautology": ("tautology", "it holds whatever the code does"),
    "never awaited": ("assertion-unreachable", "nothing waits for the promise, so its failure is lost"),
}
ROUNDING = 1e-5
"""A tolerance up to this takes the rounding of floating numbers, nothing else."""
_PLAIN = frozenset(
    (*dir(builtins), *dir(str), "append", "get", "items", "keys", "values", "monotonic", "perf_counter", "time", "Path",
     "stdout", "stderr", "returncode", "map", "length", "size", "toString", "JSON", "stringify", "Object", "Array")
)  # fmt: skip
"""Names that are nobody's subject."""
_SIGNIFICANT = re.compile(r"(?<=\.)[A-Za-z_]\w*|[A-Za-z_]\w*(?=\()")


def weakened(pair: Pair, around: Surroundings) -> Iterator[Objection]:
    """Everything that `pair.new` checks less than `pair.old`."""
    yield from _switched_off(pair)
    if pair.old.collected and pair.new.collected:
        yield from _emptied_or_loosened(pair, around)
        yield from fewer_tries(pair)
    else:
        yield from _assertions(pair, around)


def _emptied_or_loosened(pair: Pair, around: Surroundings) -> Iterator[Objection]:
    old, new = pair
    asked = bool(old.live) or (old.asks and not old.checks)
    nothing = not new.checks and not new.asks
    if asked and nothing and not _explained(old.live, new, around):
        rule, how = (
            ("test-emptied", "is empty now") if new.statements <= 1 else ("assertion-removed", "asserts nothing now")
        )
        yield tampered(
            rule, f"test {new.name} {how}", new.path, new.line, cause=f"it checked something before; {REQUEST}",
            evidence=f"before: {'; '.join(check.told for check in old.live[:5])}",
        )  # fmt: skip
    else:
        yield from _assertions(pair, around)
        yield from dropped_rows(pair, around)


def _explained(checks: Sequence[Check], new: Case, around: Surroundings) -> bool:
    return all(around.added[check.key] or check.names & around.gone for check in checks) and bool(checks)


# -- switched off ----------------------------------------------------------------------------------------------------


def _switched_off(pair: Pair) -> Iterator[Objection]:
    old, new = pair
    if new.off and _worse(old.off, new.off):
        rule = "xfail-added" if new.off.how == "xfail" else "skip-added"
        severity = LOW if new.off.foreign else HIGH
        why = f": {new.off.reason}" if new.off.reason else ""
        told = {"xfail": "is expected to fail now", "todo": "is only a to-do now"}.get(new.off.how, "is skipped now")
        yield tampered(
            rule, f"test {new.name} {told}", new.path, new.off.line, severity=severity,
            cause=f"it ran before, and what it checks is not checked any more; {REQUEST}",
            evidence=f"{new.off.how}{why}",
        )  # fmt: skip
    if new.only and not old.only:
        yield focused(new)


def focused(case: Case) -> Objection:
    """The objection against a test that keeps all others from running."""
    return tampered(
        "focus-added", f"test {case.name} is focused, so the others of its file do not run", case.path, case.line,
        cause="a focused test hides every other test; take the focus out",
    )  # fmt: skip


def _worse(old: Off | None, new: Off) -> bool:
    if old is None:
        return True
    if old.how == "xfail" and new.how != "xfail":
        return True
    return (old.foreign and not new.foreign) or (not old.always and new.always) or (old.strict and not new.strict)


# -- assertions ------------------------------------------------------------------------------------------------------


def _assertions(pair: Pair, around: Surroundings) -> Iterator[Objection]:
    old, new = pair
    left = Counter(check.key for each in new.each for check in each if not check.dead)
    left += Counter(check.key for check in new.checks if not check.dead)
    yield from _same_but_laxer(old, new)
    yield from _made_of_itself(old, new)
    templates = {check.key for check in new.checks if not check.dead}
    missing = []
    for check, each in zip(old.checks, old.each, strict=True):
        if check.dead or check.key in templates or check.names & around.gone:
            continue
        lost = [one for one in (each or (check,)) if not _found(left, around, one)]
        if lost:
            missing.append((check, lost, len(each)))
    fresh = _fresh(old, new)
    for check, lost, times in missing:
        dead = next((one for one in new.checks if one.dead and one.key == check.key), None)
        if dead is not None:
            yield died(new, dead)
            continue
        if any(_covers(one, check) for one in fresh):
            continue
        other = _nearest(check, fresh)
        if other is not None:
            fresh.remove(other)
            found = list(_judged(pair, check, other, around))
            same_table = {table.names for table in old.tables} & {table.names for table in new.tables}
            if times > _times(new, other) and not same_table and not any(one.blocks for one in found):
                yield dropped(new, [one.told for one in lost], times)
            yield from found
        else:
            yield _removed(new, check)


def _times(case: Case, check: Check) -> int:
    return next((len(each) for one, each in zip(case.checks, case.each, strict=True) if one is check), 1)


def _found(left: Counter[Key], around: Surroundings, check: Check) -> bool:
    if left[check.key] > 0:
        left[check.key] -= 1
        return True
    return around.added[check.key] > 0


def _fresh(old: Case, new: Case) -> list[Check]:
    known = Counter(check.key for check in old.checks)
    found = []
    for check in new.checks:
        if known[check.key] > 0 and not check.dead:
            known[check.key] -= 1
        else:
            found.append(check)
    return found


def _same_but_laxer(old: Case, new: Case) -> Iterator[Objection]:
    """Assertions that read the same but for a tolerance, or that now stand below a condition."""
    before: dict[Key, Check] = {}
    for check in old.live:
        before.setdefault(check.key, check)
    sure = {check.key for check in new.live if not check.conditional}
    for check in new.live:
        was = before.pop(check.key, None)
        if was is None:
            continue
        if check.bound is not None and check.bound > (was.bound if was.bound is not None else ROUNDING):
            yield _loosened(new, was, check, "its tolerance is wider")
        elif check.strength < was.strength and check.bound is None:
            yield _loosened(new, was, check, "it says less")
        elif check.conditional and not was.conditional and check.key not in sure:
            yield _loosened(new, was, check, "it is checked under a condition only", MEDIUM)


def _made_of_itself(old: Case, new: Case) -> Iterator[Objection]:
    """Assertions whose expectation is worked out now, row by row, by what they look at."""
    honest = {
        check.key: check
        for check, each in zip(old.checks, old.each, strict=True)
        if all(one.strength > SELF for one in each)
    }
    for check, each in zip(new.checks, new.each, strict=True):
        made = next((one for one in each if one.kind == "equal" and not one.dead and one.strength <= SELF), None)
        if made is not None and check.strength > SELF and check.key in honest:
            yield _loosened(new, honest[check.key], made, "what it expects is worked out by what it looks at")


def _covers(new: Check, old: Check) -> bool:
    """One comparison of several things says what several comparisons said."""
    if new.dead or (old.kind, new.kind) != ("equal", "equal") or new.strength < old.strength - 4:
        return False
    return old.subject in new.subject and bool(old.expected) and _words(old.expected) <= _words(new.expected)


def _words(text: str) -> set[str]:
    return set(re.findall(r"'[^']*'|\"[^\"]*\"|[\w.]+", text))


def _nearest(check: Check, fresh: Sequence[Check]) -> Check | None:
    def likeness(other: Check) -> float:
        score = difflib.SequenceMatcher(None, check.subject, other.subject, autojunk=False).ratio()
        return score + 0.5 * (other.subject == check.subject) + 0.3 * (other.expected == check.expected != "")

    best = max(fresh, key=likeness, default=None)
    if best is None:
        return None
    shared = set(_SIGNIFICANT.findall(check.subject)) & set(_SIGNIFICANT.findall(f"{best.subject} {best.expected}"))
    return best if likeness(best) >= 0.5 or shared or best.dead or len(fresh) == 1 else None


def _judged(pair: Pair, old: Check, new: Check, around: Surroundings) -> Iterator[Objection]:
    case = pair.new
    if new.dead:
        yield died(case, new)
    elif old.kind == "raises" != new.kind and new.strength >= TRUTHY and not new.dead:
        yield changed(case, old, new)
    elif new.strength < old.strength:
        yield _loosened(case, old, new, "it says less about the same thing")
    elif _laxer(old, new):
        yield _loosened(case, old, new, "it lets more values pass")
    elif _lost_subject(pair, old, new, around):
        yield _removed(case, old)
    elif old.subject == new.subject or (
        old.expected == new.expected and old.strength > COMPARED and _inputs(old) != _inputs(new)
    ):
        yield changed(case, old, new)


def _laxer(old: Check, new: Check) -> bool:
    if old.kind != new.kind:
        return False
    if old.kind == "raises":
        return _broader(old.expected.partition(" ")[0], new.expected.partition(" ")[0])
    return None not in (old.bound, new.bound) and (new.bound or 0) > (old.bound or 0) and old.subject == new.subject


def _broader(old: str, new: str) -> bool:
    first, second = getattr(builtins, old, None), getattr(builtins, new, None)
    return isinstance(first, type) and isinstance(second, type) and first is not second and issubclass(first, second)


def _lost_subject(pair: Pair, old: Check, new: Check, around: Surroundings) -> bool:
    """Whether another thing is looked at now, and nothing in the test looks at the former any more."""
    if old.kind == new.kind and old.expected == new.expected:
        return False
    looked = " ".join(f"{check.subject} {check.expected}" for check in pair.new.live)
    names = set(_SIGNIFICANT.findall(old.subject)) - around.gone - _PLAIN
    return bool(names) and not names & set(_SIGNIFICANT.findall(looked))


def _inputs(check: Check) -> list[str]:
    return re.findall(r"'[^']*'|\"[^\"]*\"|\b\d[\d.]*", check.subject)


def died(case: Case, check: Check) -> Objection:
    """The objection against an assertion that cannot fail."""
    rule, why = _DEAD[check.dead]
    return tampered(
        rule, f"in test {case.name} an assertion cannot fail: {check.told}", case.path, check.line, cause=why
    )


def _loosened(case: Case, old: Check, new: Check, why: str, severity: object = HIGH) -> Objection:
    return tampered(
        "assertion-weakened", f"in test {case.name} an assertion is weaker: {new.told}", case.path, new.line,
        cause=f"{why}; {REQUEST}", evidence=f"before: {old.told}{_tolerated(old)}\nafter: {new.told}{_tolerated(new)}",
        severity=MEDIUM if severity is MEDIUM else HIGH,
    )  # fmt: skip


def _tolerated(check: Check) -> str:
    return f" (within {check.bound:g})" if check.bound is not None and check.kind == "equal" else ""


def _removed(case: Case, check: Check) -> Objection:
    return tampered(
        "assertion-removed", f"test {case.name} no longer asserts: {check.told}", case.path, case.line,
        cause=f"what it looked at is still there; {REQUEST}", evidence=f"before: {check.told}",
    )  # fmt: skip


def changed(case: Case, old: Check, new: Check) -> Objection:
    """The note that a test expects something else: a person who reads the change decides whether rightly."""
    return tampered(
        "expectation-changed", f"test {case.name} expects something else: {new.told}", case.path, new.line,
        cause="an expectation changed together with the code it judges; see that a criterion asks for it",
        evidence=f"before: {old.told}\nafter: {new.told}", severity=LOW,
    )  # fmt: skip
