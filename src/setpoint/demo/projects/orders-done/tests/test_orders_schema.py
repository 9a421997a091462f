"""The form of requests and answers."""

import pytest

from orders.schema import Item, MalformedError, NewOrder, created, read_order


def test_create_order_schema() -> None:
    body = {"customer": 1, "items": [{"sku": "tea", "quantity": 2, "price": 4.5}], "total": 9}
    order = read_order(body)
    assert order == NewOrder(1, (Item("tea", 2, 4.5),), 9.0)
    assert created("o1", order) == {"id": "o1", "status": "created", "customer": 1, "total": 9.0}


@pytest.mark.parametrize("body", [[], {}, {"customer": "1"}, {"customer": 1, "items": [{}], "total": 1}])
def test_nonsense_is_malformed(body: object) -> None:
    with pytest.raises(MalformedError):
        read_order(body)
