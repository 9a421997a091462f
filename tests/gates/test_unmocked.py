"""Nothing stands in for a part in end-to-end tests."""

import pytest

from setpoint.gates.change_set import between
from setpoint.gates.unmocked import check_unmocked, is_through


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("tests/e2e/test_orders.py", "from unittest.mock import patch"),
        ("tests/e2e/test_orders.py", "    monkeypatch.setattr(shop, 'pay', lambda: None)"),
        ("tests/e2e/test_orders.py", "with patch('shop.pay'):"),
        ("tests/test_e2e.py", "import responses"),
        ("e2e/orders.spec.ts", "  await page.route('**/api', route => route.fulfill({}))"),
        ("web/cypress/orders.cy.js", "cy.intercept('GET', '/orders', [])"),
        ("test/orders.e2e-spec.ts", "jest.mock('../src/pay')"),
    ],
)
def test_what_stands_in_for_a_part_is_an_objection_with_its_line(path: str, line: str) -> None:
    measured = check_unmocked(between({}, {path: f"first = 1\n{line}\n".encode()}))
    (objection,) = measured.objections
    assert objection.rule == "end-to-end/mocked"
    assert objection.place is not None
    assert (objection.place.path, objection.place.line) == (path, 2)
    assert not measured.result.green


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("tests/e2e/test_orders.py", "answer = client.patch('/orders/1', json={})"),
        ("tests/e2e/test_orders.py", "responses = [client.get('/orders')]"),
        ("tests/e2e/test_orders.py", "monkeypatch.setenv('LANG', 'C')"),
        ("tests/e2e/test_orders.py", "# no mock.patch here"),
        ("tests/unit/test_orders.py", "from unittest.mock import patch"),
        ("src/shop/e2e.py", "import mock"),
    ],
)
def test_honest_tests_and_other_tests_are_let_be(path: str, line: str) -> None:
    assert check_unmocked(between({}, {path: f"{line}\n".encode()})).objections == ()


def test_what_stood_there_before_is_not_the_changes() -> None:
    path, old = "tests/e2e/test_a.py", b"import mock\n"
    assert check_unmocked(between({path: old}, {path: old + b"a = 1\n"})).objections == ()
    assert not is_through("tests/test_shop.py")
