"""What is asked of POST /orders, and what it answers."""

from dataclasses import dataclass
from typing import Any

LARGEST = 2**53
"""What JSON, Python and SQLite all keep exactly."""


class MalformedError(Exception):
    """The request does not have the form of an order."""


@dataclass(frozen=True)
class Item:
    """One position of an order."""

    sku: str
    quantity: int
    price: float


@dataclass(frozen=True)
class NewOrder:
    """An order as it is asked for."""

    customer: int
    items: tuple[Item, ...]
    total: float


def read_order(body: Any) -> NewOrder:
    """The order that a JSON body asks for. Raises MalformedError."""
    if not isinstance(body, dict):
        raise MalformedError("an order is an object")
    items = body.get("items")
    if not isinstance(items, list):
        raise MalformedError("items: a list is expected")
    return NewOrder(
        customer=_number(body, "customer", int),
        items=tuple(_item(item) for item in items),
        total=_number(body, "total", float),
    )


def _item(body: Any) -> Item:
    if not isinstance(body, dict) or not isinstance(body.get("sku"), str):
        raise MalformedError("items: each is an object with a sku")
    return Item(body["sku"], _number(body, "quantity", int), _number(body, "price", float))


def _number(body: dict[str, Any], name: str, kind: type) -> Any:
    value = body.get(name)
    wanted = (int, float) if kind is float else (int,)
    if isinstance(value, bool) or not isinstance(value, wanted) or not -LARGEST <= value <= LARGEST:
        raise MalformedError(f"{name}: a number is expected")
    return kind(value)


def created(order_id: str, order: NewOrder) -> dict[str, Any]:
    """The answer for an order that was taken."""
    return {"id": order_id, "status": "created", "customer": order.customer, "total": order.total}
