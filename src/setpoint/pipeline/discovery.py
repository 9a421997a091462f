"""Discovery: from the ticket to a functional spec."""

from collections.abc import Sequence

from pydantic import BaseModel

from ..model.objection import Objection
from ..model.spec import FunctionalSpec
from .bench import Ground
from .criteria import check_criteria
from .document import Document, write_document
from .intake import open_points
from .predecessor import dropped_from_ticket
from .prompts import section
from .rounds import Done


def before(ground: Ground) -> str:
    """What intake read from the ticket."""
    ticket = ground.run.ticket
    lines = [
        f"- building: {ticket.building or 'not said: find out'}",
        f"- users: {ticket.users or 'not said: find out'}",
        f"- can break: {ticket.can_break or 'not said: find out'}",
        *(f"- must stay: {item}" for item in ticket.must_stay),
        *(f"- required test: {item}" for item in ticket.required_tests),
        *(f"- open: {item}" for item in open_points(ticket)),
    ]
    return section("What intake read", "\n".join(lines))


def _check(ground: Ground, record: BaseModel, files: Sequence[str]) -> Sequence[Objection]:
    assert isinstance(record, FunctionalSpec)
    found = check_criteria(ground.run.ticket, record.criteria)
    return [*found, *dropped_from_ticket(ground.run.ticket, record)]


DISCOVERY = Document("discovery", "functional_spec", FunctionalSpec, before, _check)


async def discover(ground: Ground) -> Done:
    """One attempt on the functional spec."""
    return await write_document(ground, DISCOVERY)
