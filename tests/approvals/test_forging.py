"""`setpoint selftest forge-approval` refuses every way, each for its own reason, and honest answers go through."""

import asyncio

import pytest

from setpoint.forging.moves import attempts
from setpoint.forging.selftest import Report, forge_approval


@pytest.fixture(scope="module")
def report() -> Report:
    """What came of all of them; run once."""
    return asyncio.run(forge_approval(lambda _one: None))


@pytest.mark.parametrize("name", [attempt.name for attempt in attempts()])
def test_nobody_gets_past_the_person_by(report: Report, name: str) -> None:
    (tried,) = [one for one in report.tried if one.name == name]
    assert tried.held, tried.told


def test_honest_answers_go_through(report: Report) -> None:
    honest = [one for one in report.tried if one.kind == "honest"]
    assert [one.told for one in honest] == ["as it should be"] * 2


def test_there_are_as_many_ways_as_promised_and_every_layer_has_its_own(report: Report) -> None:
    ways = [one for one in report.tried if one.kind == "attempt"]
    assert len(ways) >= 12
    assert {one.layer for one in ways} == {
        "signature", "binding", "base branch", "engine", "time", "used once", "sandbox",
    }  # fmt: skip
    assert report.held
