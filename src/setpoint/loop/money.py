"""Whether a model request may be made under a cap. Pure.

A request holds its worst case before it is made and is settled by what it cost. What is settled and held never passes
the cap, but for one request: where nothing else is under way and money is left, it is made even if its worst case is
more than what is left. So the sum passes a cap by less than one request, however many sessions run.
"""

from enum import StrEnum

from ..model.money import Cap, Spent


class Admission(StrEnum):
    """What becomes of a request."""

    GO = "go"
    WAIT = "wait"
    """Others under way hold what is left; they may turn out cheaper."""
    STOP = "stop"


def admission(cap: Cap, spent: Spent, worst_usd: float) -> Admission:
    """Whether a request whose worst case is `worst_usd` may be made when `spent` is what the cap's scope came to."""
    if spent.settled >= cap.usd:
        return Admission.STOP
    if spent.held <= 0 or spent.settled + spent.held + worst_usd <= cap.usd:
        return Admission.GO
    return Admission.WAIT
