"""Orders are kept."""

import sqlite3
from pathlib import Path

import pytest

from orders.repository import Repository, migrate
from orders.schema import Item, NewOrder


def test_an_order_is_found_again(tmp_path: Path) -> None:
    path = str(tmp_path / "orders.db")
    assert migrate(path) == 2
    repository = Repository(path)
    order_id = repository.save(NewOrder(1, (Item("tea", 2, 4.5),), 9.0))
    assert repository.total(order_id) == 9.0
    assert repository.total("another") is None


def test_a_database_with_customers_is_brought_up(tmp_path: Path) -> None:
    path = str(tmp_path / "orders.db")
    base = sqlite3.connect(path)
    base.executescript("CREATE TABLE customers (number INTEGER PRIMARY KEY, name TEXT); PRAGMA user_version = 1;")
    base.close()
    assert migrate(path) == 1
    assert migrate(path) == 0


def test_an_order_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    path = str(tmp_path / "orders.db")
    migrate(path)
    broken = Item("cup", 1, object())
    with pytest.raises(sqlite3.Error):
        Repository(path).save(NewOrder(1, (Item("tea", 2, 4.5), broken), 9.0))
    base = sqlite3.connect(path)
    assert base.execute("SELECT count(*) FROM orders").fetchone() == (0,)
    base.close()
