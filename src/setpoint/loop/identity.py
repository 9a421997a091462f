"""Which objection is which, from round to round: one that moved or was said in other words is the same one.

What checks and gates say is compared by its mark: the same trouble has the same words there. What a model says is
compared by place, criterion, names and words, unless the model names the earlier one itself. A wrong match hides
nothing: every objection stays listed with its own words, and only its age and id are those of another.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from ..model.objection import Objection, Source, wording
from ..model.run import Round

SIMILAR = 0.65
"""Share of common words from which two objections of a model at one place are one."""
SAME_PROBE = 0.2
"""What the very same probe adds to that share."""
REMEMBERED = 20
"""Rounds back in which an objection is looked for."""
COMPARED = 2_000
"""Characters of an objection that are compared."""

_MODELS = frozenset({Source.VALIDATOR, Source.REVIEWER})
_CRITERION = re.compile(r"\b(?:[A-Z]{2,4}-\d+|T\d{3})\b")
_NAME = re.compile(r"\b[^\W_]+(?:[._][^\W_]+)+\b")
_LITERAL = re.compile(r"(?<![\w.-])-?\d+(?:\.\d+)?(?![\w-])")
_EMPTY = frozenset(
    re.findall(
        r"\w+",
        """a an and any are as at be because been before but by can cannot could did do does each even for from has have
        if in into is it its may more must no none not of on only or other should so some still than that the their then
        there these this those to under was when where which while will with without would you your also now""",
    )
)
_ALIKE = {
    "throw": "raise", "threw": "raise", "thrown": "raise", "crash": "fail", "break": "fail", "broken": "fail",
    "null": "nil", "none": "nil", "lack": "miss", "absent": "miss", "omit": "miss", "forgot": "miss",
    "forget": "miss", "give": "return", "yield": "return", "reject": "refuse", "deny": "refuse", "allow": "accept",
    "permit": "accept", "verify": "check", "validate": "check", "ensure": "check", "bug": "fault", "error": "fault",
    "exception": "fault", "unclosed": "leak", "twice": "duplicate",
}  # fmt: skip


def recognised(
    objections: Sequence[Objection], history: Sequence[tuple[Round, Sequence[Objection]]]
) -> tuple[Objection, ...]:
    """The objections with the id of the earlier one each is, if it is one. Asking again changes nothing."""
    seen = (objection for _, found in history[-REMEMBERED:] for objection in found)
    known = list({(o.source, o.what, o.cause, _path(o)): o for o in seen}.values())
    names = {objection.mark: objection.fingerprint for objection in known}
    settled = [_named(objection, names, known) for objection in objections]
    taken = {objection.fingerprint for objection in settled}
    pairs = sorted(_pairs(settled, known, names, taken), key=lambda pair: -pair[0])
    for _, index, name in pairs:
        if name not in taken and not _is_known(settled[index], names):
            settled[index] = settled[index].model_copy(update={"again": name})
            taken.add(name)
    return tuple(settled)


def _is_known(objection: Objection, names: dict[str, str]) -> bool:
    return bool(objection.again) or objection.mark in names


def _named(objection: Objection, names: dict[str, str], known: Sequence[Objection]) -> Objection:
    """By its own words, else by the id it names itself, where there is such a one of the same source."""
    own = names.get(objection.mark, "")
    claimed = [old for old in known if old.fingerprint == objection.again and old.source is objection.source]
    again = own or (objection.again if claimed else "")
    return objection.model_copy(update={"again": "" if again == objection.mark else again})


def _pairs(
    settled: Sequence[Objection], known: Sequence[Objection], names: dict[str, str], taken: set[str]
) -> Iterator[tuple[float, int, str]]:
    for index, objection in enumerate(settled):
        if objection.source not in _MODELS or _is_known(objection, names):
            continue
        for old in known:
            if old.fingerprint not in taken and (score := likeness(objection, old)) >= SIMILAR:
                yield score, index, old.fingerprint


def likeness(one: Objection, other: Objection) -> float:
    """How much two objections of a model have in common, from 0; another source, place or criterion is another one."""
    if one.source is not other.source or _path(one) != _path(other):
        return 0.0
    what, was = (o.what[:COMPARED] for o in (one, other))
    told, before = f"{what} {one.cause[:COMPARED]}", f"{was} {other.cause[:COMPARED]}"
    if _apart(_CRITERION, told, before) or any(_apart(each, what, was) for each in (_LITERAL, _NAME)):
        return 0.0
    probe = SAME_PROBE if one.probe and one.probe.split() == other.probe.split() else 0.0
    return max(_shared(what, was), _shared(told, before)) + probe


def _path(objection: Objection) -> str:
    return objection.place.path if objection.place else ""


def _apart(shape: re.Pattern[str], one: str, other: str) -> bool:
    """Whether both name something of this shape, and nothing in common."""
    mine, theirs = set(shape.findall(one)), set(shape.findall(other))
    return bool(mine) and bool(theirs) and not mine & theirs


def _shared(one: str, other: str) -> float:
    a, b = _stems(one), _stems(other)
    return 2 * len(a & b) / (len(a) + len(b)) if a and b else 0.0


@lru_cache(maxsize=2048)
def _stems(text: str) -> frozenset[str]:
    return frozenset(_stem(word) for word in wording(text) if word not in _EMPTY)


def _stem(word: str) -> str:
    for ending, instead in (("ies", "y"), ("ing", ""), ("ed", ""), ("es", ""), ("s", ""), ("ly", ""), ("e", "")):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            word = word.removesuffix(ending) + instead
            break
    return _ALIKE.get(word, _ALIKE.get(f"{word}e", word))
