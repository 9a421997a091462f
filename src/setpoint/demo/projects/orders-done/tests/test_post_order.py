"""POST /orders, as clients, the database and the log know it."""

import json
import sqlite3
from pathlib import Path
from typing import Any

from tests.client import served

TEA = {"sku": "tea", "quantity": 2, "price": 4.5}
ORDER = {"customer": 1, "items": [TEA], "total": 9.0}


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    base = sqlite3.connect(folder / "orders.db")
    found = base.execute(query).fetchall()
    base.close()
    return found


def entries(folder: Path) -> list[dict[str, Any]]:
    log = folder / "logs" / "orders.log"
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def test_an_order_is_taken(tmp_path: Path) -> None:
    with served(tmp_path) as client:
        reply = client.post("/orders", ORDER)
    assert reply.status == 201
    assert {name: reply.body[name] for name in ("status", "customer", "total")} == {
        "status": "created",
        "customer": 1,
        "total": 9.0,
    }
    assert reply.body["id"]


def test_what_is_no_order_is_refused(tmp_path: Path) -> None:
    with served(tmp_path) as client:
        for body in ([], {}, {"customer": "1"}, {"customer": 1, "items": {}}, {**ORDER, "items": [1]}):
            reply = client.post("/orders", body)
            assert reply.status == 400
            assert reply.body["error"]


def test_an_order_is_kept_with_its_items(tmp_path: Path) -> None:
    with served(tmp_path) as client:
        reply = client.post("/orders", {"customer": 2, "items": [TEA, TEA], "total": 18})
        assert reply.status == 201
    assert rows(tmp_path, "SELECT id, customer, total FROM orders") == [(reply.body["id"], 2, 18.0)]
    assert rows(tmp_path, "SELECT sku, quantity, price FROM items") == [("tea", 2, 4.5)] * 2


def test_what_cannot_be_ordered_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    refused = {
        "customer 9 does not exist": {**ORDER, "customer": 9},
        "items are empty": {**ORDER, "items": [], "total": 0},
        "total does not match the items": {**ORDER, "total": 8.99},
    }
    with served(tmp_path) as client:
        for problem, body in refused.items():
            reply = client.post("/orders", body)
            assert (reply.status, reply.body) == (422, {"errors": [problem]})
    assert rows(tmp_path, "SELECT * FROM orders") == []


def test_a_failure_has_an_error_id_that_the_log_knows(tmp_path: Path) -> None:
    with served(tmp_path, migrated=False) as client:
        reply = client.post("/orders", ORDER)
    assert reply.status == 500
    assert set(reply.body) == {"error_id"}
    assert len(reply.body["error_id"]) == 36
    assert [entry["error_id"] for entry in entries(tmp_path) if entry["event"] == "failed"] == [reply.body["error_id"]]


def test_every_entry_has_its_requests_correlation_id(tmp_path: Path) -> None:
    with served(tmp_path) as client:
        client.post("/orders", ORDER, x_correlation_id="first")
        client.post("/orders", [], x_correlation_id="second")
        client.post("/orders", ORDER)
    ids = [entry["correlation_id"] for entry in entries(tmp_path)]
    assert ids.count("first") == 3
    assert ids.count("second") == 2
    assert all(ids)


def test_one_order_leaves_answer_record_and_entry(tmp_path: Path) -> None:
    with served(tmp_path) as client:
        reply = client.post("/orders", ORDER)
    assert reply.status == 201
    assert rows(tmp_path, "SELECT id FROM orders") == [(reply.body["id"],)]
    assert [entry["event"] for entry in entries(tmp_path)] == ["request", "order created", "answered"]
    assert [entry["order"] for entry in entries(tmp_path) if "order" in entry] == [reply.body["id"]]
