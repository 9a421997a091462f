"""Split: an epic cut into child tickets with their order. The epic itself writes no code."""

from collections.abc import Sequence

from pydantic import BaseModel

from ..errors import TicketError
from ..model.objection import Objection
from ..model.spec import Split
from .artifacts import deliverable_text
from .bench import Ground
from .context import brief
from .criteria import criteria_of
from .document import Document, objection, write_document
from .intake import read_ticket, require_concrete
from .rounds import Done


def before(ground: Ground) -> str:
    """The functional spec and the design."""
    return brief(*(deliverable_text(name, ground.given(name) or {}) for name in ("functional_spec", "tech_spec")))


def _check(ground: Ground, record: BaseModel, _files: Sequence[str]) -> Sequence[Objection]:
    assert isinstance(record, Split)
    seen: set[str] = set()
    found: list[Objection] = []
    for child in record.children:
        if child.id in seen:
            found.append(objection(f"children: {child.id} stands twice", "an id names one ticket"))
        if not set(child.needs) <= seen:
            found.append(objection(f"children: {child.id} comes before one it needs", "children stand in their order"))
        seen.add(child.id)
        try:
            require_concrete(read_ticket(child.text, name=child.id, kind=child.kind))
        except TicketError as error:
            found.append(
                objection(f"children: {child.id} is too vague to run: {error.what}", error.why or "intake refuses it")
            )
    served = {name for child in record.children for name in child.criteria}
    left = {criterion.id for criterion in criteria_of(ground)} - served
    return [
        *found,
        *(objection(f"children: nobody serves {name}", "a criterion of the epic is lost") for name in sorted(left)),
    ]


SPLIT = Document("split", "split", Split, before, _check)


async def split(ground: Ground) -> Done:
    """One attempt on the split."""
    return await write_document(ground, SPLIT)
