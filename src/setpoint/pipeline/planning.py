"""Planning: from the design to an implementation contract."""

from collections.abc import Sequence

from pydantic import BaseModel

from ..model.objection import Deviation, Objection
from ..model.plan import Plan
from .artifacts import deliverable_text
from .bench import Ground
from .context import brief
from .criteria import check_plan, criteria_of
from .diagrams import problems, source_of
from .document import Document, objection, write_document
from .predecessor import plan_off_design, too_large
from .readiness import unobserved
from .rounds import Done

COMPLEX_TASKS = 6
COMPLEX_MODULES = 6
"""From so many tasks or modules on a plan has a picture."""


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
        *check_diagram(record),
    ]


def check_diagram(plan: Plan) -> list[Objection]:
    """A complex plan has a picture, and every picture can be drawn."""
    source = source_of(plan.diagram)
    if source:
        return [
            objection(f"diagram: {problem}", "a reader would see an error and no picture", Deviation.QUALITY)
            for problem in problems(source)
        ]
    tasks, modules = len(plan.tasks), len(plan.modules)
    if tasks < COMPLEX_TASKS and modules < COMPLEX_MODULES:
        return []
    why = f"from {COMPLEX_TASKS} tasks or {COMPLEX_MODULES} modules on: this one has {tasks} and {modules}"
    return [objection("diagram: a complex plan needs a picture in Mermaid", why, Deviation.QUALITY)]


PLANNING = Document("planning", "plan", Plan, before, _check)


async def plan(ground: Ground) -> Done:
    """One attempt on the plan."""
    return await write_document(ground, PLANNING)
