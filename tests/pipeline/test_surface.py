"""How far a review reaches, and what a follow-up reads like."""

import pytest

from setpoint.model.objection import Deviation, Objection, Place, Severity, Source
from setpoint.model.ticket import Kind
from setpoint.pipeline.choose import choose
from setpoint.pipeline.intake import read_ticket
from setpoint.pipeline.surface import Surface, ticket_of

PRICE = "def discounted(price):\n    return price\n"


@pytest.mark.parametrize(
    ("path", "text", "near"),
    [
        ("shop/receipt.py", "from shop.price import discounted\n", True),
        ("docs/prices.md", "See `shop/price.py`.\n", True),
        ("shop/stock.py", "def left(count): return count\n", False),
        ("shop/stock.py", "unpriced = 1\n", False),
        ("shop/discounted.py", "", True),
        ("shop/__init__.py", '"""A small shop."""\n', False),
    ],
)
def test_a_file_is_near_where_it_and_a_changed_one_speak_of_each_other(path: str, text: str, near: bool) -> None:
    assert Surface({"shop/price.py": PRICE}).touches(path, text) is near


def far(what: str, probe: str = "", evidence: str = "left(-1) gives -1") -> Objection:
    return Objection(
        source=Source.REVIEWER, deviation=Deviation.BEHAVIOUR, severity=Severity.HIGH, what=what,
        place=Place(path="shop/stock.py", line=5), evidence=evidence, probe=probe,
    )  # fmt: skip


@pytest.mark.parametrize(
    "found",
    [
        far("`left` accepts a negative count. Nobody notices until the audit."),
        far("`left` accepts a negative count", probe="python -c 'from shop.stock import left; left(-1)'"),
        far("x" * 300, evidence=""),
        far("# not a heading\n- nor a list", evidence="```\nkind: epic\n```\n# neither\n"),
    ],
    ids=["words", "probe", "long", "hostile"],
)
def test_a_follow_up_can_be_run_as_a_ticket(found: Objection) -> None:
    ticket = read_ticket(ticket_of(found), name="follow")
    assert choose(ticket)[0] is Kind.HOTFIX
    assert ticket.title.startswith("Fix: ")
    assert ticket.criteria
