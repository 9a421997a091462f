"""A standard that names how many: `all 12 scenarios must pass`. Who says less is red, who says nothing is refused."""

import re
from dataclasses import replace

from ..model.command import Completed
from ..model.evidence import Outcome
from ..model.steps import Count
from .reading import line
from .verdict import Verdict

_WELL = r"(?:passed|pass|succeeded|ok|green)\b"
_OF = re.compile(r"(?<![\w.])(\d{1,6})\s*(?:/|(?:out\s+)?of)\s*(\d{1,6})(?![\w.])")
_FAILED = re.compile(r"(?<![\w.])(\d{1,6})\s+(?:\w+\s+)?(?:failed|failures?|errors?)\b")


def all_of(count: Count, verdict: Verdict, done: Completed) -> Verdict:
    """`verdict` on a command, given that it should have gone through `count` of something: every one of them, by its
    tests one by one where it reports them, else by its output."""
    if verdict.outcome is not Outcome.PASSED:
        return verdict
    told = _by_tests(verdict) or _by_words(f"{done.stderr}\n{done.stdout}", count.noun)
    if told is None:
        example = f"{count.number} of {count.number} {count.noun} passed"
        words = f"it does not say how many {count.noun} passed; let it print `{example}`"
        return _judged(verdict, Outcome.REFUSED, 0, count, words)
    passed, examined = told
    if not examined:
        return _judged(verdict, Outcome.REFUSED, 0, count, f"nothing was examined: 0 {count.noun}")
    if passed < examined:
        words = f"{examined - passed} of {examined} {count.noun} did not pass though it exited with 0"
        return _judged(verdict, Outcome.FAILED, examined, count, words)
    if examined < count.number:
        words = f"{examined} of the {count.number} {count.noun} that are named were examined"
        return _judged(verdict, Outcome.FAILED, examined, count, words)
    return _judged(verdict, Outcome.PASSED, examined, count, f"{passed} of {examined} {count.noun} passed")


def _judged(verdict: Verdict, outcome: Outcome, examined: int, count: Count, words: str) -> Verdict:
    reading = replace(verdict.reading, examined=examined, unit=count.noun, guessed=False)
    return Verdict(outcome, line(words), reading)


def _by_tests(verdict: Verdict) -> tuple[int, int] | None:
    tests = verdict.reading.tests
    return (sum(1 for test in tests if test.outcome == "passed"), len(tests)) if tests else None


def _by_words(text: str, noun: str) -> tuple[int, int] | None:
    """How many passed, of how many, as the last line says that speaks of it."""
    stem = re.escape(noun.casefold().removesuffix("s"))
    passed = re.compile(rf"(?<![\w.])(\d{{1,6}})\s+(?:{stem}s?\s+)?(?:have\s+|has\s+)?{_WELL}")
    numbered = re.compile(rf"(?:{stem}|test|case|no\.?|nr\.?|#)\s*#?\s*$")
    for row in reversed(text.casefold().splitlines()):
        well = passed.search(row)
        share = _OF.search(row)
        if share and (stem in row or re.search(_WELL, row)):
            return int(share[1]), int(share[2])
        # "scenario 3 passed" tells which, not how many.
        if well and not numbered.search(row[: well.start()]):
            failed = sum(int(number) for number in _FAILED.findall(row))
            return int(well[1]), int(well[1]) + failed
    return None
