"""Circuits in the store: what one process found dead, no other asks."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from setpoint.adapters.store import SqlStore
from setpoint.model.settings import Breaker
from setpoint.pipeline.circuits import KeptCircuits, ask_again, circuits
from setpoint.service.doctor import providers
from setpoint.testing.stores import NOON

LAW = Breaker(failures=2, rest_seconds=30, probe_seconds=60)
NAMES = ("anthropic", "anthropic/claude-opus-4-5")


class Clock:
    """The time, as a test says it."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    made = SqlStore(f"sqlite:///{tmp_path / 'state.db'}")
    yield made
    made.close()


def test_what_one_process_finds_dead_another_leaves_alone_until_one_of_them_tries(store: SqlStore) -> None:
    clock = Clock()
    one, other = (KeptCircuits(store, LAW, clock) for _ in range(2))
    assert [one.failed("anthropic", "no route") for _ in range(2)] == [0.0, 30.0]
    assert other.rest(NAMES) == 30.0
    clock.later(30)
    assert [other.rest(NAMES), one.rest(NAMES)] == [0.0, 60.0]
    other.answered(NAMES)
    assert one.rest(NAMES) == 0.0
    assert circuits(store) == {}


def test_a_model_that_rests_does_not_keep_others_of_its_provider_from_answering(store: SqlStore) -> None:
    one = KeptCircuits(store, LAW, Clock())
    one.rests(NAMES[1], 300, "asked for it")
    assert one.rest(NAMES) == 300.0
    assert one.rest(("anthropic", "anthropic/claude-haiku-4-5")) == 0.0


def test_a_person_who_goes_on_has_it_tried_at_once_by_one(store: SqlStore) -> None:
    clock = Clock()
    one = KeptCircuits(store, LAW, clock)
    one.rests("anthropic", 900, "dead")
    with store.transaction() as tx:
        ask_again(store, clock())(tx)
    assert [one.rest(NAMES), one.rest(NAMES)] == [0.0, 60.0]
    assert one.failed("anthropic", "still dead") == 30.0


def test_a_key_in_a_providers_words_is_not_kept(store: SqlStore) -> None:
    one = KeptCircuits(store, LAW, Clock(), lambda text: text.replace("sk-123", "[secret]"))
    one.failed("anthropic", "bad key sk-123")
    one.rests("openai", 60, "bad key sk-123")
    assert {circuit.why for circuit in circuits(store).values()} == {"bad key [secret]"}


def test_the_doctor_tells_who_does_not_answer(store: SqlStore) -> None:
    clock = Clock()
    one = KeptCircuits(store, LAW, clock)
    for _ in range(2):
        one.failed("anthropic", "All connection attempts failed")
    one.failed("openai/gpt-5.1", "HTTP 529: overloaded_error")
    found = {check.name: (check.state, check.found) for check in providers(store, clock())}
    assert found == {
        "provider anthropic": (
            "warn", "open, 2 outages in a row, asked again in 30 s: All connection attempts failed",
        ),
        "provider openai/gpt-5.1": ("ok", "closed, 1 outage in a row: HTTP 529: overloaded_error"),
    }  # fmt: skip


def test_a_clock_that_was_set_back_locks_nobody_out(store: SqlStore) -> None:
    clock = Clock()
    clock.later(365 * 86_400)
    ahead = KeptCircuits(store, LAW, clock)
    ahead.failed("anthropic", "refused")
    assert ahead.failed("anthropic", "refused") > 0
    clock.later(-365 * 86_400)
    behind = KeptCircuits(store, LAW, clock)
    assert behind.rest(NAMES) == 0.0, "somebody tries it now"
    assert 0 < behind.rest(NAMES) <= LAW.probe_seconds, "and the others wait for what comes of it"
