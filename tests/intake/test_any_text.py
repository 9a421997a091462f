"""Whatever is given as a ticket, intake answers with a ticket or a clear error, quickly."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setpoint.errors import TicketError
from setpoint.model.ticket import Ticket
from setpoint.pipeline.choose import choose
from setpoint.pipeline.intake import intent, missing, read_ticket, require_concrete

WORDS = st.sampled_from(
    [
        *(
            "Add",
            "tests",
            "for",
            "a",
            ",",
            "and",
            ".",
            "!",
            "?",
            "\n",
            "\n\n",
            "- ",
            "# ",
            "## Tests",
            "**Expected**",
            "`x`",
            "```",
        ),
        *(
            "must",
            "not",
            "keep",
            "unchanged",
            "do not change",
            "the database schema",
            "---",
            "kind: epic",
            "id:",
            ":",
            "[",
            "{",
        ),
        *(
            "when",
            "fails",
            "cannot",
            "Users:",
            "<!--",
            "-->",
            "<x>",
            "|",
            "\u202e",
            "\u200d",
            "é",
            "FR-001:",
            "200",
            "\t",
            "    ",
        ),
    ]
)


def read(text: str) -> None:
    try:
        ticket = read_ticket(text)
    except TicketError as error:
        refusal = error
    else:
        holds_together(ticket)
        return
    assert refusal.what
    assert refusal.fix


def holds_together(ticket: Ticket) -> None:
    assert ticket.title
    assert len({criterion.id for criterion in ticket.criteria}) == len(ticket.criteria)
    assert choose(ticket)[0] is ticket.kind
    assert "\u202e" not in ticket.text
    missing(ticket)
    try:
        require_concrete(ticket)
    except TicketError:
        assert not ticket.building or not (ticket.criteria or ticket.required_tests)


@given(st.text(max_size=400))
@settings(max_examples=150, deadline=None)
def test_arbitrary_text_never_crashes_intake(text: str) -> None:
    read(text)


@given(st.lists(WORDS, max_size=60).map(" ".join), st.booleans())
@settings(max_examples=200, deadline=None)
def test_arbitrary_ticket_like_text_never_crashes_intake(text: str, fronted: bool) -> None:
    read(f"---\n{text}\n---\n{text}" if fronted else text)


@given(st.lists(WORDS, max_size=40).map(" ".join))
@settings(max_examples=100, deadline=None)
def test_reading_is_deterministic_and_rereading_the_kept_text_changes_nothing(text: str) -> None:
    try:
        ticket = read_ticket(text, name="t.md")
    except TicketError:
        return
    assert read_ticket(ticket.text, name="t.md") == ticket
    assert intent(text) == intent(text)


@pytest.mark.parametrize(
    "piece",
    [
        "`",
        "` ",
        "``a `b ",
        '"a ',
        "/a",
        "Keep a ",
        "must not ",
        ". ",
        "<!--",
        "**",
        "as a ",
        "a_",
        "[",
        "no ",
        "be a ",
        "# \t",
        "'",
    ],
)
def test_a_text_that_repeats_itself_is_read_to_its_end(piece: str) -> None:
    """A pattern that backtracks would never come back from one of these."""
    text = (piece * 65_000)[:65_000] + "x"
    read(text)
    read(f"---\n{text[:30_000]}\n---\n{text[:30_000]}")
