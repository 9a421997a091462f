"""Customers, and what is asked wrongly."""

from pathlib import Path

from orders.repository import Repository, migrate
from tests.client import served


def test_a_customer_is_told(tmp_path: Path) -> None:
    with served(tmp_path) as client:
        reply = client.get("/customers/1")
    assert (reply.status, reply.body) == (200, {"number": 1, "name": "Ada"})


def test_who_is_not_there_is_not_found(tmp_path: Path) -> None:
    with served(tmp_path) as client:
        assert client.get("/customers/9").status == 404
        assert client.get("/customers/ada").status == 404
        assert client.get("/").status == 404


def test_it_says_that_it_is_well(tmp_path: Path) -> None:
    with served(tmp_path) as client:
        assert client.get("/health").body == {"status": "ok"}


def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    path = str(tmp_path / "orders.db")
    assert migrate(path) >= 1
    assert migrate(path) == 0
    assert Repository(path).customer(2) == "Grace"
