"""Journals as runs write them, entry by entry."""

from datetime import UTC, datetime, timedelta
from typing import Any

from setpoint.model.objection import Deviation, Objection, Place, Severity, Source
from setpoint.model.run import Event

BEGAN = datetime(2026, 1, 5, 9, tzinfo=UTC)
RED = "a" * 40
GREEN = "b" * 40


def objection(what: str, source: Source = Source.GATE, **more: Any) -> Objection:
    """One that blocks."""
    usual = {"deviation": Deviation.BEHAVIOUR, "severity": Severity.HIGH, "cause": "the limit is not looked at"}
    return Objection(source=source, what=what, **{**usual, **more})


class Journal:
    """The entries of one run."""

    def __init__(self, run: str = "r1", route: str = "feature") -> None:
        self.run = run
        self.events: list[Event] = []
        self.note("created", route=route)

    def note(self, kind: str, at: str = "implementation", /, **data: Any) -> "Journal":
        """One entry more."""
        seq = len(self.events) + 1
        event = Event(seq=seq, run=self.run, at=BEGAN + timedelta(minutes=seq), kind=kind, stage=at, data=data)
        self.events.append(event)
        return self

    def round(self, *found: Objection, stage: str = "implementation", diff: str = RED, **more: Any) -> "Journal":
        """One verdict of a loop."""
        listed = [{"id": o.fingerprint, **o.model_dump(mode="json", exclude_defaults=True)} for o in found]
        usual = {"decision": "correct" if found else "accept", "cause": "again", "stage": stage, "diff": diff}
        return self.note("round", stage.partition(":")[0], objections=listed, **{**usual, **more})

    def person(self, said: str, stage: str, because: str = "", to: str = "implementation") -> "Journal":
        """A person's word, and the move it makes."""
        self.note("person", stage, by="Ann", said=said, because=because)
        return self.note("moved", to, **{"from": {"stage": stage}, "to": {"stage": to}})

    def deploy(self, step: str, output: str, ok: bool = False) -> "Journal":
        """One step in an environment."""
        return self.note(
            "deploy", "deploy", environment="uat", step=step, ok=ok, sha="c" * 40, exit_code=1, output=output
        )

    def gates(self, outcome: str = "passed", flaky: tuple[str, ...] = ()) -> "Journal":
        """What the tests said."""
        row = {"gate": "tests", "outcome": outcome, "reason": "", "examined": 3, "unit": "tests"}
        return self.note("gates", tree=RED, results=[{**row, "flaky": list(flaky)} if flaky else row])

    def ci(self, outcome: str = "failed") -> "Journal":
        """A red CI."""
        gate = {"gate": "tests", "outcome": outcome, "examined": 3, "reason": "1 of 3 tests failed", "tail": "E boom"}
        return self.note("ci", "ci", sha="c" * 40, state="red", gates=[gate])


def placed(path: str, line: int = 3) -> Place:
    """A place."""
    return Place(path=path, line=line)
