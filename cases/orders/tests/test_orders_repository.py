"""Orders are kept."""

from pathlib import Path

from orders.repository import OrdersRepository, migrate
from orders.schema import Item, NewOrder


def test_an_order_is_found_again(tmp_path: Path) -> None:
    path = str(tmp_path / "orders.db")
    assert migrate(path) == 2
    repository = OrdersRepository(path)
    order_id = repository.save(NewOrder(1, (Item("tea", 2, 4.5),), 9.0))
    assert repository.total(order_id) == 9.0
    assert repository.total("another") is None


def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    path = str(tmp_path / "orders.db")
    migrate(path)
    assert migrate(path) == 0


def test_customers_are_known(tmp_path: Path) -> None:
    path = str(tmp_path / "orders.db")
    migrate(path)
    assert OrdersRepository(path).has_customer(2)
    assert not OrdersRepository(path).has_customer(3)
