"""Planning: from the design to an implementation contract."""

from collections.abc import Sequence

from pydantic import BaseModel

from ..model.objection import Objection
from ..model.plan import Plan
from .artifacts import deliverable_text
from .bench import Ground
from .context import brief
from .criteria import check_plan
from .document import Document, write_document
from .readiness import unobserved
from .rounds import Done


def before(ground: Ground) -> str:
    """The functional spec and the design."""
    return brief(*(deliverable_text(name, ground.given(name) or {}) for name in ("functional_spec", "tech_spec")))


def _check(ground: Ground, record: BaseModel) -> Sequence[Objection]:
    assert isinstance(record, Plan)
    return [*check_plan(ground, record), *unobserved(ground.run.ticket, record)]


PLANNING = Document("planning", "plan", Plan, before, _check)


async def plan(ground: Ground) -> Done:
    """One attempt on the plan."""
    return await write_document(ground, PLANNING)
