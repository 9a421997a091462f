"""What a proof says of a reviewer: one that cannot tell a defect from an honest change proved nothing."""

from datetime import UTC, datetime

import pytest

from setpoint.service.proofs import Proof, Sample


def proof(found: int, alarms: int, of: int = 14) -> Proof:
    planted = [Sample(seed=f"s{n}", check="tests", planted=True, found=n < found) for n in range(of)]
    honest = [
        Sample(seed=f"s{n}", check="tests", planted=False, findings=("odd",) if n < alarms else (), beside=n < alarms)
        for n in range(of)
    ]
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Proof(model="a/b", prompt="p", corpus="c", at=now, samples=(*planted, *honest))


@pytest.mark.parametrize(("found", "alarms"), [(14, 14), (14, 12), (10, 10), (7, 5), (3, 3), (0, 0), (0, 14)])
def test_who_objects_to_everything_or_by_chance_or_never_guesses(found: int, alarms: int) -> None:
    assert proof(found, alarms).guesses


@pytest.mark.parametrize(("found", "alarms"), [(14, 0), (14, 5), (11, 3), (7, 2), (2, 0)])
def test_who_objects_where_something_is_wrong_does_not(found: int, alarms: int) -> None:
    assert not proof(found, alarms).guesses


def test_without_both_kinds_of_changes_nothing_is_said() -> None:
    whole = proof(14, 0)
    assert not whole.model_copy(update={"samples": ()}).guesses
    assert not whole.model_copy(update={"samples": whole.samples[:14]}).guesses
