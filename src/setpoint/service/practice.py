"""How the code came about, from the journal: written only, or written, run, checked and mended."""

from collections.abc import Iterable, Mapping
from typing import Any

from ..model.numbers import counted
from ..model.record import Line, Record
from ..model.run import Event

CODE = ("implementation", "ci_fix")
"""Stages whose sessions write code."""


class Practice(Record):
    """What one session did, by its own hand: gates and reviewers come after it."""

    session: Line
    files: int
    """Different files it wrote."""
    commands: int
    """Commands it ran, its tests among them."""
    checked: bool
    """Its last test run passed and came after its last edit."""
    mended: int
    """How often it wrote again after a test of its own had failed, or after its work came back."""

    @property
    def words(self) -> str:
        """For people."""
        files = f"wrote {counted(self.files, 'files')}"
        if not self.commands:
            return f"{files}, ran nothing"
        ran = f"ran {counted(self.commands, 'commands')}"
        checked = "tests passed after its last edit" if self.checked else "no test passed after its last edit"
        mended = f", mended {counted(self.mended, 'times')}" if self.mended else ""
        return f"{files}, {ran}, {checked}{mended}"


def practices(events: Iterable[Event]) -> tuple[Practice, ...]:
    """Of each session that wrote code, in the order they began."""
    calls: dict[str, list[Mapping[str, Any]]] = {}
    for event in events:
        if event.kind == "tool" and event.stage in CODE:
            calls.setdefault(str(event.data["session"]), []).append(event.data)
    return tuple(_of(session, made) for session, made in calls.items())


def _of(session: str, calls: Iterable[Mapping[str, Any]]) -> Practice:
    files: set[str] = set()
    commands = mended = 0
    checked = back = False
    for call in calls:
        if call["changed"]:
            files |= set(call["changed"])
            mended += back
            checked = back = False
        elif call["risk"] in ("shell", "test"):
            commands += 1
            if call["risk"] == "test":
                checked = call["exit_code"] == 0
                back = back or not checked
        elif str(call["name"]).startswith("submit_"):
            back = True
    return Practice(session=session, files=len(files), commands=commands, checked=checked, mended=mended)
