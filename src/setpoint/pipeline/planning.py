"""Planning: from the design to an implementation contract."""

from collections.abc import Sequence

from pydantic import BaseModel

from ..model.objection import Objection
from ..model.plan import Plan
from .artifacts import deliverable_text
from .bench import Ground
from .context import brief
from .criteria import check_plan, criteria_of
from .document import Document, write_document
from .predecessor import plan_off_design, too_large
from .readiness import unobserved
from .rounds import Done


def before(ground: Ground) -> str:
    """The functional spec and the design."""
    return brief(*(deliverable_text(name, ground.given(name) or {}) for name in ("functional_spec", "tech_spec")))


def _check(ground: Ground, record: BaseModel, files: Sequence[str]) -> Sequence[Objection]:
    assert isinstance(record, Plan)
    return [
        *check_plan(ground, record),
        *plan_off_design(record, criteria_of(ground), files),
        *too_large(record, ground.config.tasks),
        *unobserved(ground.run.ticket, record),
    ]


PLANNING = Document("planning", "plan", Plan, before, _check)


async def plan(ground: Ground) -> Done:
    """One attempt on the plan."""
    return await write_document(ground, PLANNING)
