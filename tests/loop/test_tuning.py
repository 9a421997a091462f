"""What recorded runs say about limits and models. The history goes through the real store."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setpoint.adapters.store import SqlStore
from setpoint.config import parse
from setpoint.model.run import Round
from setpoint.model.settings import Config
from setpoint.service.tuning import ENOUGH, PhaseFit, Share, fits, knee, patched
from setpoint.testing.stores import sample_run

MODELS = Config(
    models={"large": ("p/big",), "medium": ("p/middle",), "small": ("p/little",), "tiny": ("p/least",)},
)


class History:
    """Loops of one run in a SQLite store."""

    def __init__(self, file: Path) -> None:
        self.store = SqlStore(f"sqlite:///{file}")
        self._count = 0
        with self.store.transaction() as tx:
            tx.create(sample_run())

    def loops(self, phase: str, count: int, rounds: int, accepted: bool, model: str = "p/middle") -> None:
        """`count` loops of so many rounds each, accepted in the last one or not."""
        with self.store.transaction() as tx:
            for _ in range(count):
                self._count += 1
                for number in range(1, rounds + 1):
                    open_ = 0 if accepted and number == rounds else 1
                    stage = f"{phase}:T{self._count:03}"
                    round_ = Round(stage=stage, attempt=number, error=8.0 * open_, blocking=open_, model=model)
                    tx.round("3c91aa", 1, 1, round_, ())

    def with_knee(self, loops: int, chance: float, at: int, later: float, most: int) -> None:
        """As many loops as such chances give: `chance` an attempt up to `at`, `later` after it, none beyond `most`."""
        left = loops
        for number in range(1, most + 1):
            won = round(left * (chance if number <= at else later))
            self.loops("implementation", won, number, accepted=True)
            left -= won
        self.loops("implementation", left, most, accepted=False)

    def fit(self, phase: str = "implementation", config: Config = MODELS) -> PhaseFit:
        """What is made of it."""
        found = {fit.phase: fit for fit in fits(self.store, config)}
        self.store.close()
        return found[phase]


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "runs.db")


def test_an_empty_store_has_no_data(history: History) -> None:
    assert fits(history.store, MODELS) == ()
    assert patched("", ()) == ""
    history.store.close()


def test_too_few_loops_are_no_data(history: History) -> None:
    history.with_knee(ENOUGH - 1, 0.5, 2, 0.0, 8)
    fit = history.fit()
    assert fit.because == (f"no data: {ENOUGH - 1} loops, {ENOUGH} are the least",)
    assert (fit.propose_limit, fit.propose_model) == (None, None)


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(
    loops=st.integers(min_value=200, max_value=400),
    chance=st.floats(min_value=0.25, max_value=0.45),
    at=st.integers(min_value=2, max_value=5),
    later=st.floats(min_value=0.0, max_value=0.03),
)
def test_a_known_knee_is_found_to_within_one(
    tmp_path_factory: pytest.TempPathFactory, loops: int, chance: float, at: int, later: float
) -> None:
    history = History(tmp_path_factory.mktemp("tune") / "runs.db")
    history.with_knee(loops, chance, at, later, 12)
    fit = history.fit()
    found = fit.propose_limit or fit.limit
    assert abs(found - at) <= 1
    told = parse(patched("", [fit]), "setpoint.toml")
    assert told.settings("implementation").attempts == found


shares = st.lists(
    st.tuples(st.integers(0, 50), st.integers(0, 50)).map(lambda p: Share(of=sum(p), got=p[0])), max_size=9
)


@given(shares)
def test_a_share_lies_in_its_interval(found: Sequence[Share]) -> None:
    for share in found:
        low, high = share.interval
        assert 0 <= low <= share.value + 1e-9
        assert share.value <= high + 1e-9 <= 1 + 1e-9
    assert knee(found) is None or 1 <= (knee(found) or 0) < len(found)


@given(st.integers(1, 400), st.floats(0.05, 0.95), st.integers(2, 9))
def test_where_every_attempt_is_as_good_there_is_no_knee(loops: int, chance: float, count: int) -> None:
    left, found = loops, []
    for _ in range(count):
        found.append(Share(of=left, got=round(left * chance)))
        left -= found[-1].got
    assert knee(found) is None or loops < ENOUGH or _lumpy(found)


def _lumpy(found: Sequence[Share]) -> bool:
    """Whether rounding to whole loops made chances differ twofold."""
    values = [share.value for share in found if share.of]
    return min(values) * 2 < max(values)


def test_wilson_s_interval_is_the_published_one() -> None:
    low, high = Share(of=10, got=8).interval
    assert (round(low, 3), round(high, 3)) == (0.490, 0.943)


def test_a_smaller_model_that_does_as_well_is_proposed(history: History) -> None:
    history.loops("implementation", 90, 1, accepted=True, model="p/middle")
    history.loops("implementation", 10, 2, accepted=False, model="p/middle")
    history.loops("implementation", 95, 1, accepted=True, model="p/little")
    history.loops("implementation", 5, 2, accepted=False, model="p/little")
    fit = history.fit()
    assert (fit.model, fit.propose_model) == ("medium", "small")
    assert parse(patched("", [fit]), "setpoint.toml").settings("implementation").model == "small"


def test_a_larger_model_is_proposed_only_beyond_doubt(history: History) -> None:
    for model, won in (("p/middle", 10), ("p/big", 28)):
        history.loops("implementation", won, 1, accepted=True, model=model)
        history.loops("implementation", 30 - won, 3, accepted=False, model=model)
    assert history.fit().propose_model == "large"


def test_a_few_loops_of_another_model_propose_nothing(history: History) -> None:
    history.loops("implementation", 50, 2, accepted=False, model="p/middle")
    history.loops("implementation", ENOUGH - 1, 1, accepted=True, model="p/little")
    assert history.fit().propose_model is None


def test_a_loop_that_a_person_restarted_counts_as_two(history: History) -> None:
    with history.store.transaction() as tx:
        for attempt, open_ in ((1, 1), (2, 1), (1, 0)):
            tx.round("3c91aa", 1, 1, Round(stage="planning", attempt=attempt, error=open_, blocking=open_), ())
    fit = history.fit("planning")
    assert fit.loops == 2
    assert fit.attempts == (Share(of=2, got=1), Share(of=1, got=0))


def test_a_patch_keeps_what_else_is_written() -> None:
    fit = PhaseFit(phase="tests", loops=99, attempts=(), models={}, limit=4, model="medium", propose_limit=2)
    before = "# ours\n[phase.tests]\nminutes = 5.0  # quick\n\n[loop]\nplateau = 4\n"
    after = patched(before, [fit])
    assert "minutes = 5.0  # quick" in after
    assert after.startswith("# ours\n")
    config = parse(after, "setpoint.toml")
    assert (config.settings("tests").attempts, config.settings("tests").minutes, config.loop.plateau) == (2, 5.0, 4)
