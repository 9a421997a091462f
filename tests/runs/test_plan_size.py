"""What a person is shown at a decision."""

import pytest
from story import PLAN

from setpoint.model.plan import PlanTask
from setpoint.service.shown import large


def tasks(count: int) -> tuple[PlanTask, ...]:
    return tuple(PLAN.tasks[0].model_copy(update={"id": f"T{number:03d}"}) for number in range(1, count + 1))


@pytest.mark.parametrize(
    ("count", "lines", "warned"), [(1, 10, False), (10, 600, False), (11, 10, True), (2, 601, True)]
)
def test_a_plan_too_large_to_judge_well_is_called_so(count: int, lines: int, warned: bool) -> None:
    estimate = PLAN.estimate.model_copy(update={"lines": lines})
    told = large(PLAN.model_copy(update={"tasks": tasks(count), "estimate": estimate}))
    assert bool(told) is warned
    assert not warned or f"{count} tasks, about {lines} lines" in told[0]
    assert not warned or "--route epic" in told[1]
