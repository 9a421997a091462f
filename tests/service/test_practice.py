"""Whether a session wrote code, or wrote, ran, checked and mended it, is read from what it did."""

from datetime import UTC, datetime
from typing import Any

import pytest

from setpoint.model.run import Event
from setpoint.service.practice import practices


def wrote(*files: str) -> dict[str, Any]:
    return {"name": "write", "risk": "edit", "exit_code": None, "changed": list(files)}


def ran(code: int, risk: str = "test") -> dict[str, Any]:
    return {"name": "shell", "risk": risk, "exit_code": code, "changed": []}


HANDED_IN = {"name": "submit_change", "risk": "read", "exit_code": None, "changed": []}


def events(*calls: dict[str, Any], session: str = "r:c1:implementation:producer:1") -> list[Event]:
    return [
        Event(
            seq=number, run="r", at=datetime.now(UTC), kind="tool", stage="implementation",
            data={"session": session, **call},
        )
        for number, call in enumerate(calls)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("calls", "words"),
    [
        ([wrote("a"), wrote("a", "b"), HANDED_IN], "wrote 2 files, ran nothing"),
        ([wrote("a"), ran(0), HANDED_IN], "wrote 1 file, ran 1 command, tests passed after its last edit"),
        ([ran(0), wrote("a")], "wrote 1 file, ran 1 command, no test passed after its last edit"),
        ([wrote("a"), ran(0, "shell")], "wrote 1 file, ran 1 command, no test passed after its last edit"),
        (
            [wrote("a"), ran(1), wrote("a"), ran(0)],
            "wrote 1 file, ran 2 commands, tests passed after its last edit, mended 1 time",
        ),
        (
            [wrote("a"), ran(0), HANDED_IN, ran(1), wrote("a"), ran(0), HANDED_IN, wrote("b"), ran(0)],
            "wrote 2 files, ran 4 commands, tests passed after its last edit, mended 2 times",
        ),
    ],
)
def test_writing_is_told_apart_from_running_checking_and_mending(calls: list[dict[str, Any]], words: str) -> None:
    (practice,) = practices(events(*calls))
    assert practice.words == words


def test_each_session_that_wrote_code_is_told_by_itself() -> None:
    first, second = events(wrote("a")), events(wrote("b"), ran(0), session="r:c1:ci_fix:producer:1")
    others = [event.model_copy(update={"stage": "review"}) for event in events(ran(0), session="r:c1:review")]
    assert [practice.checked for practice in practices([*first, *others, *second])] == [False, True]
