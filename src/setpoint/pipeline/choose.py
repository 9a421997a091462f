"""Chooses the route by the ticket's shape: no model is asked, and the reason is said."""

import re
from collections.abc import Sequence

from ..model.ticket import Kind, Ticket
from .intake_front import kind_of, read_front, split_front
from .intake_text import Passage, passages, sentences
from .intake_words import IMPERATIVES, VAGUE_VERBS, defect_in, first_word, is_demand, is_imperative, is_specific

LABELS: dict[str, Kind] = {
    **dict.fromkeys(("bug", "defect", "hotfix", "fix", "incident", "regression", "kind/bug", "type: bug"), Kind.HOTFIX),
    **dict.fromkeys(("feature", "enhancement", "story", "kind/feature", "type: feature"), Kind.FEATURE),
    **dict.fromkeys(("epic", "initiative"), Kind.EPIC),
}
_FIX_TITLE = re.compile(r"^(?:hot-?fix|bug-?fix|fix|repair|correct|mend|resolve)\b", re.IGNORECASE)
_FEATURE_TITLE = re.compile(r"^feat(?:ure)?(?:\([^)]*\))?!?:", re.IGNORECASE)
_EPIC_TITLE = re.compile(r"^\W*epic\b|\bepic:", re.IGNORECASE)
_STORY = re.compile(r"\bas an? [^,.]{2,60},? i (?:want|need|would like|can)\b", re.IGNORECASE)
SEVERAL = 3
"""Independent features from which a ticket counts as an epic."""
_BUILDS = frozenset(("add", "build", "create", "implement", "introduce", "provide", "offer", "support", "migrate"))


def choose(ticket: Ticket, override: Kind | None = None) -> tuple[Kind, str]:
    """The kind of route for `ticket`, and why. `override` is a person's choice and always wins."""
    if override is not None:
        return override, "asked for by a person"
    front, body = split_front(ticket.text)
    if kind_of(read_front(front)) is ticket.kind:
        return ticket.kind, f"the ticket says `kind: {ticket.kind}`"
    shape, because = by_shape(ticket.title, ticket.labels, body)
    return (shape, because) if shape is ticket.kind else (ticket.kind, f"filed as {ticket.kind}")


def by_shape(title: str, labels: Sequence[str], body: str) -> tuple[Kind, str]:
    """What the labels, the title and the words say, in this order, and why."""
    for label in labels:
        kind = LABELS.get(label.casefold().strip())
        if kind is not None:
            return kind, f"label `{label}`"
    found = passages(body)
    return (
        _epic(title, body, found) or _hotfix(title, found) or (Kind.FEATURE, "asks for one thing and reports no defect")
    )


def _epic(title: str, body: str, found: Sequence[Passage]) -> tuple[Kind, str] | None:
    if _EPIC_TITLE.search(title):
        return Kind.EPIC, "the title says epic"
    stories = len(_STORY.findall(" ".join(body.split())))
    if stories >= SEVERAL:
        return Kind.EPIC, f"{stories} user stories"
    parts = _features_under_headings(found)
    if parts >= SEVERAL:
        return Kind.EPIC, f"{parts} features under headings of their own"
    built = sum(1 for p in found if p.kind == "bullet" and p.section == "" and _builds(p.text))
    if built > SEVERAL:
        return Kind.EPIC, f"a list of {built} features to build"
    return None


def _features_under_headings(found: Sequence[Passage]) -> int:
    """Headings of no known section that have a checkable demand of their own below; the title's does not count."""
    counted, heading, first = 0, False, True
    for passage in found:
        if passage.kind == "heading":
            heading = not first and passage.section == ""
            first = False
        elif heading and any(_builds(s) and is_demand(s) for s in sentences(passage.text)):
            counted, heading = counted + 1, False
    return counted


def _builds(text: str) -> bool:
    return first_word(text) in _BUILDS and is_specific(text) and not text.casefold().startswith("add tests")


def _hotfix(title: str, found: Sequence[Passage]) -> tuple[Kind, str] | None:
    if _FIX_TITLE.match(title):
        return Kind.HOTFIX, "the title asks for a fix"
    if _FEATURE_TITLE.match(title) or (is_imperative(title) and first_word(title) in IMPERATIVES | VAGUE_VERBS):
        return None
    in_title = defect_in(title)
    if in_title:
        return Kind.HOTFIX, f"the title reports a defect: “{in_title.group()}”"
    if any(passage.section == "symptom" for passage in found):
        return Kind.HOTFIX, "it has a section on what goes wrong"
    for passage in found:
        if passage.kind == "heading" or passage.section not in ("", "building", "background"):
            continue
        for sentence in sentences(passage.text):
            defect = None if is_imperative(sentence) else defect_in(sentence)
            if defect:
                return Kind.HOTFIX, f"the text reports a defect: “{defect.group()}”"
    return None
