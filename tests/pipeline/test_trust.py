"""Trust is earned by clean runs, lost by the next that is not, and never asks less than autonomy wishes."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from setpoint.adapters.store import SqlStore
from setpoint.model.approval import Answer, Approval
from setpoint.model.policy import Layer, PolicyFile
from setpoint.model.release import Environment
from setpoint.model.run import Run, State
from setpoint.pipeline.trust import asks_deploy, clean_in_a_row, let_go
from setpoint.policy.rules import Rules, effective
from setpoint.testing.stores import NOON, sample_run

STAGING = Environment(name="staging", deploy=("d",), smoke=("s",), rollback=("r",))
SURE = [{"by": "ada", "step": step, "because": "a year of it"} for step in ("merge", "deploy:production")]


def trusting(**trust: Any) -> Rules:
    """The rules of a repository whose base says this of trust."""
    said = PolicyFile.model_validate({"trust": {"confidence": SURE, **trust}})
    return effective([Layer(whose="base: .setpoint/policy.toml", said=said)])


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    made = SqlStore(f"sqlite:///{tmp_path / 'state.db'}")
    yield made
    made.close()


class Runs:
    """Runs of one repository, one after the other."""

    def __init__(self, store: SqlStore) -> None:
        self.store = store
        self.count = 0

    def ended(self, *answers: tuple[str, Answer], state: State = State.DONE, **more: Any) -> Run:
        """A run that came to this end, with these answers given on the way."""
        self.count += 1
        released = more.pop("released", {})
        repository = more.pop("repository", "/somewhere")
        at = NOON + timedelta(hours=self.count)
        run = sample_run(f"{self.count:04x}", state=state, stage="deploy", **more)
        run = run.model_copy(update={"updated": at, "created": at, "repository": repository})
        with self.store.transaction() as tx:
            tx.create(run)
            for about, answer in answers:
                tx.approve(run.id, 1, Approval(about=about, answer=answer, by="Ada", subject="s", at=at))
            for place, ok in released.items():
                tx.remember(run.id, f"released:1:{place}", {"ok": ok})
        return run


YES, NO = ("change", Answer.GRANTED), ("change", Answer.SENT_BACK)


def test_a_level_is_earned_by_that_many_clean_runs_in_a_row(store: SqlStore) -> None:
    runs, rules = Runs(store), trusting(merge="auto-after-3-clean")
    mine = runs.ended(state=State.RUNNING)
    for clean in range(3):
        assert let_go(store, mine, rules, "merge") is None, clean
        runs.ended(YES)
    assert "3 clean runs" in str(let_go(store, mine, rules, "merge"))


@pytest.mark.parametrize(
    "spoilt",
    [
        {"answers": (YES, NO)},
        {"answers": (YES,), "cycle": 2},
        {"answers": (("change", Answer.DECLINED),), "state": State.DECLINED},
    ],
)
def test_one_run_that_was_taken_back_loses_it_for_all(store: SqlStore, spoilt: dict[str, Any]) -> None:
    runs, rules = Runs(store), trusting(merge="auto-after-2-clean")
    mine = runs.ended(state=State.RUNNING)
    for _ in range(5):
        runs.ended(YES)
    assert let_go(store, mine, rules, "merge") is not None
    runs.ended(*spoilt.pop("answers"), **spoilt)
    assert let_go(store, mine, rules, "merge") is None
    runs.ended(YES)
    assert let_go(store, mine, rules, "merge") is None
    runs.ended(YES)
    assert let_go(store, mine, rules, "merge") is not None


def test_other_repositories_and_runs_that_never_came_there_count_neither_way(store: SqlStore) -> None:
    runs = Runs(store)
    mine = runs.ended(state=State.RUNNING)
    runs.ended(YES)
    runs.ended(state=State.CANCELLED)
    runs.ended(YES, repository="/elsewhere")
    runs.ended(NO, repository="/elsewhere")
    assert clean_in_a_row(store, mine, "merge", 9) == 1


def test_a_place_is_trusted_by_its_own_releases(store: SqlStore) -> None:
    runs, rules = Runs(store), trusting(deploy={"staging": "auto-after-1-clean", "production": "ask"})
    mine = runs.ended(state=State.RUNNING)
    production = STAGING.model_copy(update={"name": "production"})
    runs.ended(YES, released={"production": True})
    assert asks_deploy(store, mine, rules, STAGING)
    runs.ended(YES, released={"staging": True})
    assert not asks_deploy(store, mine, rules, STAGING)
    assert asks_deploy(store, mine, rules, production)
    assert asks_deploy(store, mine, rules, STAGING.model_copy(update={"approval": True}))
    runs.ended(YES, released={"staging": False})
    assert asks_deploy(store, mine, rules, STAGING)


def test_who_says_nothing_of_trust_leaves_it_to_autonomy_and_who_says_ask_is_asked(store: SqlStore) -> None:
    mine = Runs(store).ended(state=State.RUNNING)
    assert let_go(store, mine, effective(()), "merge") == ""
    assert let_go(store, mine, trusting(merge="ask"), "merge") is None
    assert let_go(store, mine, trusting(merge="auto"), "merge") == ""
    unsure = PolicyFile.model_validate({"trust": {"merge": "auto"}})
    assert let_go(store, mine, effective([Layer(whose="base: p", said=unsure)]), "merge") is None
