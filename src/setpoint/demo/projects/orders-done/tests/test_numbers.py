"""Numbers that JSON can say and a shop cannot keep."""

import json
from pathlib import Path

import pytest

from tests.client import served

TEA = '{"sku": "tea", "quantity": 2, "price": 4.5}'


@pytest.mark.parametrize("total", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_a_total_is_a_finite_number(tmp_path: Path, total: str) -> None:
    with served(tmp_path) as client:
        reply = client.post("/orders", json.loads(f'{{"customer": 1, "items": [{TEA}], "total": {total}}}'))
    assert (reply.status, reply.body) == (400, {"error": "total: a number is expected"})


@pytest.mark.parametrize("customer", [2**53 + 1, -(2**53) - 1, 10**30])
def test_a_customer_is_a_number_that_the_database_can_hold(tmp_path: Path, customer: int) -> None:
    body = {"customer": customer, "items": [json.loads(TEA)], "total": 9}
    with served(tmp_path) as client:
        reply = client.post("/orders", body)
    assert (reply.status, reply.body) == (400, {"error": "customer: a number is expected"})
