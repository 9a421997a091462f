"""Tech spec: from the functional spec to a design in this repository."""

from collections.abc import Sequence

from pydantic import BaseModel

from ..model.objection import Objection
from ..model.spec import TechSpec
from .artifacts import deliverable_text
from .bench import Ground
from .criteria import criteria_of
from .document import Document, objection, write_document
from .predecessor import design_off_spec
from .rounds import Done


def before(ground: Ground) -> str:
    """The functional spec."""
    return deliverable_text("functional_spec", ground.given("functional_spec") or {})


def _check(ground: Ground, record: BaseModel, files: Sequence[str]) -> Sequence[Objection]:
    assert isinstance(record, TechSpec)
    found = list(design_off_spec(record, criteria_of(ground), files))
    if not record.choices:
        found.append(objection("choices: there is none", "a design without a decision is a copy of the spec"))
    return found


TECH_SPEC = Document("tech_spec", "tech_spec", TechSpec, before, _check)


async def design(ground: Ground) -> Done:
    """One attempt on the tech spec."""
    return await write_document(ground, TECH_SPEC)
