"""The controller keeps its promises on loops whose nature is known, whatever the dice."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.plants import PLANTS, plants
from bench.policies import HORIZON, controlled, fixed, oracle
from bench.simulate import main, promises, simulate
from setpoint.model.settings import PhaseSettings

seeds = st.integers(min_value=0, max_value=10**9)


@pytest.mark.slow
async def test_every_promise_holds_over_many_seeds(capsys: pytest.CaptureFixture[str]) -> None:
    kept = promises(await simulate(100))
    assert [promise for promise, holds in kept.items() if not holds] == []


def test_a_broken_promise_is_told_by_the_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    # One loop of each plant is too few for the shares that are promised, and enough for the series.
    code = main(["--seeds", "1"])
    told = capsys.readouterr().out
    assert (code == 1) is ("BROKEN" in told)
    assert "holds   5,3,1,0 is not stopped" in told
    assert "holds   its stop names its cause: plateau" in told


@settings(max_examples=25, deadline=None)
@given(seeds)
async def test_two_faults_that_stand_against_each_other_are_told_as_oscillation(seed: int) -> None:
    trial = await controlled(plants()["oscillating"], seed)
    assert trial.choices == ["correct", "correct", "narrow", "hand-over"]
    assert trial.causes[-1].startswith("oscillation")
    assert all(fault in trial.causes[-1] for fault in ("case0", "case1"))


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(["stuck", "tampering builder", "diverging"]), seeds)
async def test_what_never_ends_is_handed_over_within_twice_the_attempts(name: str, seed: int) -> None:
    trial = await controlled(plants()[name], seed)
    assert not trial.accepted
    assert trial.rounds <= 2 * PhaseSettings().attempts


@settings(max_examples=25, deadline=None)
@given(st.sampled_from([name for name in PLANTS if name != "noisy reviewer"]), seeds)
async def test_nothing_wrong_is_accepted_where_the_reviewer_overlooks_nothing(name: str, seed: int) -> None:
    trial = await controlled(plants()[name], seed)
    assert trial.right or not trial.accepted


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(sorted(PLANTS)), seeds)
async def test_the_same_seed_is_the_same_story(name: str, seed: int) -> None:
    make = plants()[name]
    assert await controlled(make, seed) == await controlled(make, seed)
    assert fixed(make, seed, 5) == fixed(make, seed, 5)


@pytest.mark.parametrize("name", sorted(PLANTS))
def test_the_oracle_wastes_nothing(name: str) -> None:
    knows = oracle(plants()[name], 7)
    assert knows.rounds <= (HORIZON if knows.accepted else 1)
