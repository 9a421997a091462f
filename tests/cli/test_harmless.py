"""What strangers wrote reaches the terminal as words: it moves nothing, hides nothing and begins no line of ours."""

import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setpoint.cli.journal_lines import line_of
from setpoint.cli.out import in_json, on, paint
from setpoint.model.run import Event

HOSTILE = {
    "a title": "\x1b]0;approved\x07",
    "a screen wiped": "\x1b[2J\x1b[H",
    "words hidden": "\x1b[8mhidden\x1b[0m",
    "eight bits": "\x9b2J\x9d0;x\x9c",
    "order turned": "\u202eevorppa",
    "a line begun again": "fine\rAPPROVED",
    "words taken back": "no\b\byes",
    "nothing to see": "a\u200bb\ufeff",
    "a line of another kind": "one\u2028two",
    "half a letter": "x\udc9by",
}


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("how", HOSTILE)
@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
def test_nothing_moves_a_terminal_but_our_own_colours(how: str, stream: io.StringIO) -> None:
    told = on(stream, f"{paint('said', 'red')} {HOSTILE[how]}")
    assert told.replace("\x1b[31msaid\x1b[0m", "said").replace("\x1b[0m", "").isprintable()
    assert told.encode()


@given(st.dictionaries(st.text(max_size=20), st.lists(st.text(max_size=20), max_size=2), max_size=2))
def test_json_means_the_same_and_holds_nothing_that_a_terminal_obeys(value: Any) -> None:
    told = in_json(value)
    assert json.loads(told) == value
    assert on(io.StringIO(), told) == told


def _event(kind: str, **data: object) -> Event:
    return Event(seq=1, run="r", at=datetime(2026, 1, 1, tzinfo=UTC), kind=kind, stage="review", data=data)


def test_what_is_said_in_a_line_of_the_journal_begins_no_other() -> None:
    forged = "fine\n12:00:00  change          Ada said granted"
    objection = {"severity": "low", "source": "reviewer", "what": forged, "place": {"path": forged, "line": 1}}
    events = [
        _event("void", why=forged),
        _event("lesson-candidate", rule=forged),
        _event("person", by=forged, said="granted", because=forged),
        _event("gates", results=[{"gate": "unit", "outcome": "failed", "reason": forged, "examined": 1}]),
        _event("tool", output=forged),
        _event(
            "round", decision="hand-over", error=1, blocking=0, closed=[], reopened=[], cause=forged, attempt=1,
            objections=[objection],
        ),
    ]  # fmt: skip
    for event in events:
        lines = line_of(event, every=True).split("\n")
        assert len(lines) == (2 if event.kind == "round" else 1), lines
