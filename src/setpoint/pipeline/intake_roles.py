"""Gives every sentence of a ticket its role: none is dropped, and what no check was found for is said so."""

import re
from enum import StrEnum

from ..errors import TicketError
from ..model.record import Record
from . import intake_words as words
from .intake_text import Passage, passages, sentences

MAX_SENTENCES = 2_000
_READ = 2_000
"""Characters of a sentence that the rules look at."""


class RoleOf(StrEnum):
    """What a sentence of a ticket is for."""

    CRITERION = "criterion"
    KEEP = "must stay"
    TEST = "required test"
    QUESTION = "question"
    UNCHECKABLE = "uncheckable"
    SYMPTOM = "symptom"
    CONTEXT = "context"
    BUILDING = "building"
    USERS = "users"
    CAN_BREAK = "can break"
    OUT = "out of scope"


class Sentence(Record):
    """A sentence of the ticket and what it is for."""

    text: str
    role: RoleOf
    section: str = ""


def intent(body: str) -> tuple[Sentence, ...]:
    """Every sentence of a ticket's body with its role, in order (S3-6: a check, or reported as uncheckable)."""
    found: list[Sentence] = []
    before = ""
    for passage in passages(body):
        if passage.kind == "heading":
            continue
        whole = passage.kind == "bullet" and passage.section in ("criteria", "tests", "must_stay", "out", "questions")
        for text in [passage.text] if whole else sentences(passage.text):
            found.append(_with_what_it_means(_sentence(text, passage), before))
            before = text
        if len(found) > MAX_SENTENCES:
            raise TicketError(
                f"the ticket has more than {MAX_SENTENCES} sentences", fix="split it into several tickets"
            )
    return tuple(found)


_BY_SECTION = {
    "building": RoleOf.BUILDING,
    "users": RoleOf.USERS,
    "can_break": RoleOf.CAN_BREAK,
    "must_stay": RoleOf.KEEP,
    "tests": RoleOf.TEST,
    "out": RoleOf.OUT,
    "questions": RoleOf.QUESTION,
    "symptom": RoleOf.SYMPTOM,
}
_OPEN = re.compile(r"\[NEEDS CLARIFICATION\b|\?[\"'”’)*_]*$")


def _role(text: str, passage: Passage) -> RoleOf:
    if passage.introduces:
        return RoleOf.CONTEXT
    if _OPEN.search(text):
        return RoleOf.QUESTION
    if words.tests_asked(text):
        return RoleOf.TEST
    given = _BY_SECTION.get(passage.section)
    if given and not (given is RoleOf.BUILDING and words.says_keep(text)):
        return given
    if words.says_keep(text):
        return RoleOf.KEEP
    if passage.section == "criteria" or (words.is_demand(text) and passage.section != "background"):
        return RoleOf.CRITERION if _checkable(text, passage) else RoleOf.UNCHECKABLE
    return RoleOf.SYMPTOM if words.defect_in(text) else RoleOf.CONTEXT


def _checkable(text: str, passage: Passage) -> bool:
    if words.asks_for_record(text):
        return True
    if passage.section == "criteria" and not words.is_taste(text):
        return len(words.words_of(text)) >= 2 or words.is_specific(text)
    return words.is_specific(text)


_PRONOUNS = frozenset(("they", "it", "this", "these", "those", "that"))


def _sentence(text: str, passage: Passage) -> Sentence:
    return Sentence(text=text, role=_role(text[:_READ], passage), section=passage.section)


def _with_what_it_means(sentence: Sentence, before: str) -> Sentence:
    """`They should be decoded.` says nothing alone: with the sentence it points back to it may be checkable."""
    if sentence.role is not RoleOf.UNCHECKABLE or words.first_word(sentence.text) not in _PRONOUNS:
        return sentence
    both = f"{before} {sentence.text}"
    if not words.is_specific(both[:_READ]):
        return sentence
    return sentence.model_copy(update={"text": both, "role": RoleOf.CRITERION})
