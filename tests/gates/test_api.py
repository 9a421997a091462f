"""What others build on: what breaks of it is named, unless a criterion asks for it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from setpoint.gates.api import check_api, check_interfaces
from setpoint.gates.change_set import between
from setpoint.gates.measured import vacuous
from setpoint.model.evidence import Outcome
from setpoint.model.judgement import Measured
from setpoint.model.settings import Interfaces
from setpoint.testing.gate_grounds import grounds_of

SHOP = '''"""A shop."""

from shop.price import total

__all__ = ["total"]
'''
PRICE = '''"""Prices."""

LIMIT = 3


def total(prices, tax=0, *, rounded=True):
    """All."""
    return sum(prices)


def _hidden(a):
    return a


class Cart:
    """A cart."""

    def add(self, item):
        """Add."""
        return self

    def __copy__(self, *shared):
        return self

    def __contains__(self, item):
        return False
'''
BASE = {
    "pyproject.toml": '[project]\nname = "shop"\n[build-system]\nrequires = ["hatchling"]\n',
    "src/shop/__init__.py": SHOP,
    "src/shop/price.py": PRICE,
}


def judged(
    change: Mapping[str, str | None], base: Mapping[str, str] = BASE, declared: tuple[str, ...] = ()
) -> Measured:
    after = {path: text for path, text in {**base, **change}.items() if text is not None}
    before = {path: text.encode() for path, text in base.items()}
    return check_api(between(before, {path: text.encode() for path, text in after.items()}), declared=declared)


def price(old: str, new: str) -> dict[str, str | None]:
    assert old in PRICE
    return {"src/shop/price.py": PRICE.replace(old, new)}


def rules(measured: Measured, *, blocking: bool = True) -> set[str]:
    return {entry.rule for entry in measured.objections if entry.blocks or not blocking}


BREAKS: list[tuple[str, Mapping[str, str | None], str, str]] = [
    (
        "a function gone",
        price("def total(prices, tax=0, *, rounded=True)", "def whole(prices)"),
        "api/removed",
        "total",
    ),
    ("a method renamed", price("def add(", "def put("), "api/removed", "shop.price.Cart.add"),
    ("a parameter gone", price("tax=0, ", ""), "api/signature", "shop.price.total(tax)"),
    ("a parameter required", price("tax=0", "tax"), "api/signature", "shop.price.total(tax)"),
    ("a new required parameter", price("(self, item)", "(self, item, count)"), "api/signature", "Cart.add(count)"),
    ("a keyword made positional", price("*, rounded", "rounded"), "", ""),
    ("a positional made keyword", price("prices, tax=0, *", "prices, *, tax=0"), "api/signature", "total(tax)"),
    ("a class made a function", price("class Cart:", "def Cart(): ...\n\n\nclass Basket:"), "api/kind", "Cart"),
    (
        "a special method's own parameter gone",
        price("__contains__(self, item)", "__contains__(self)"),
        "api/signature",
        "item",
    ),
    ("a special method gone", price("def __contains__", "def contains"), "api/removed", "__contains__"),
    (
        "a module gone",
        {"src/shop/price.py": None, "src/shop/__init__.py": '"""A shop."""\n'},
        "api/removed",
        "shop.price",
    ),
]


@pytest.mark.parametrize(("change", "rule", "name"), [pytest.param(*row[1:], id=row[0]) for row in BREAKS])
def test_a_break_of_an_installed_package_is_minded(change: Mapping[str, str | None], rule: str, name: str) -> None:
    told = judged(change)
    assert rules(told) == ({rule} if rule else set())
    assert not rule or any(name in entry.what for entry in told.objections)


CARTS = '"""Carts."""\n\n\n' + PRICE[PRICE.index("class Cart") :]
MOVED = PRICE[: PRICE.index("class Cart")].replace('"""\n', '"""\n\nfrom shop.carts import Cart\n', 1)
HONEST: list[tuple[str, Mapping[str, str | None]]] = [
    ("a new function", price("class Cart", "def more():\n    return 1\n\n\nclass Cart")),
    ("a new optional parameter", price("(self, item)", "(self, item, count=1)")),
    ("a private name gone", price("def _hidden(a)", "def _other(a)")),
    ("another body", price("return sum(prices)", "return sum(prices) + tax")),
    ("what the language never gives", price("__copy__(self, *shared)", "__copy__(self)")),
    ("another value", price("LIMIT = 3", "LIMIT = 4")),
    ("moved, and still importable", {"src/shop/carts.py": CARTS, "src/shop/price.py": MOVED}),
]


@pytest.mark.parametrize("change", [pytest.param(row[1], id=row[0]) for row in HONEST])
def test_what_users_can_still_do_blocks_nothing(change: Mapping[str, str | None]) -> None:
    assert rules(judged(change)) == set()


def test_a_break_that_a_criterion_names_is_noted() -> None:
    told = judged(price("def add(", "def put("), declared=("`Cart.add` is called put from now on",))
    assert (rules(told), rules(told, blocking=False)) == (set(), {"api/removed"})


def test_a_package_that_nobody_installs_may_change() -> None:
    base = {**BASE, "pyproject.toml": '[project]\nname = "shop"\n'}
    told = judged(price("def add(", "def put("), base)
    assert (rules(told), rules(told, blocking=False)) == (set(), {"api/removed"})


def test_a_change_of_tests_and_prose_is_nothing_to_look_at() -> None:
    assert vacuous(judged({"README.md": "x", "tests/test_a.py": "x = 1\n"}))


@pytest.mark.parametrize("text", ["def broken(:\n", "\0", "x = " + "(" * 5000])
def test_source_that_cannot_be_read_stops_nothing(text: str) -> None:
    judged({"src/shop/price.py": text})


# -- OpenAPI ---------------------------------------------------------------------------------------------------------


def api() -> dict[str, Any]:
    order = {
        "type": "object",
        "required": ["id"],
        "properties": {"id": {"type": "integer"}, "state": {"type": "string", "enum": ["open", "paid"]}},
    }
    answer = {
        "200": {
            "description": "ok",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}},
        }
    }
    return {
        "openapi": "3.1.0",
        "paths": {
            "/orders/{id}": {
                "get": {
                    "parameters": [
                        {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}},
                        {"name": "full", "in": "query", "schema": {"type": "boolean"}},
                    ],
                    "responses": answer,
                },
                "put": {
                    "requestBody": {
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}}
                    },
                    "responses": answer,
                },
            }
        },
        "components": {"schemas": {"Order": order}},
    }


def changed(**edits: Any) -> dict[str, Any]:
    told = api()
    order, item = told["components"]["schemas"]["Order"], told["paths"]["/orders/{id}"]
    for name, value in edits.items():
        if name == "path":
            told["paths"] = {value: item}
        elif name == "gone":
            del item[value]
        elif name == "parameter":
            item["get"]["parameters"].append(value)
        elif name == "parameters":
            item["get"]["parameters"] = value(item["get"]["parameters"])
        elif name == "field":
            order["properties"].update(value)
        elif name == "lost":
            del order["properties"][value]
        elif name == "required":
            order["required"] = value
    return told


QUERY = {"name": "page", "in": "query", "schema": {"type": "integer"}}
API_BREAKS: list[tuple[str, dict[str, Any], set[str]]] = [
    ("a path", changed(path="/order/{id}"), {"path-removed"}),
    ("a method", changed(gone="put"), {"method-removed"}),
    ("a required parameter", changed(parameter={**QUERY, "required": True}), {"required-added"}),
    ("a parameter gone", changed(parameters=lambda told: told[:1]), {"parameter-removed"}),
    ("a field gone", changed(lost="state"), {"field-removed"}),
    ("another type", changed(field={"id": {"type": "string"}}), {"type-changed"}),
    ("a field required", changed(required=["id", "state"]), {"required-added"}),
    ("a field optional", changed(required=[]), {"field-optional"}),
    ("a value gone", changed(field={"state": {"type": "string", "enum": ["open"]}}), {"value-removed"}),
    ("a parameter renamed in the path", changed(path="/orders/{number}"), set()),
    ("an optional parameter", changed(parameter=QUERY), set()),
    ("a new field", changed(field={"note": {"type": "string"}}), set()),
    ("a wider type", changed(field={"id": {"type": ["integer", "string"]}}), set()),
]


@pytest.mark.parametrize(("after", "expected"), [pytest.param(*row[1:], id=row[0]) for row in API_BREAKS])
def test_a_break_of_a_description_is_minded(after: dict[str, Any], expected: set[str]) -> None:
    told = judged({"docs/openapi.json": json.dumps(after)}, {"docs/openapi.json": json.dumps(api())})
    assert rules(told) == {f"api/{rule}" for rule in expected}


def test_a_description_that_is_deleted_or_broken_is_minded() -> None:
    base = {"openapi.yaml": json.dumps(api()), "a": ""}
    assert rules(judged({"openapi.yaml": None}, base)) == {"api/path-removed"}
    assert rules(judged({"openapi.yaml": "a: [\n"}, base)) == {"api/unreadable"}


def test_a_schema_that_contains_itself_ends() -> None:
    told = api()
    told["components"]["schemas"]["Order"]["properties"]["parent"] = {"$ref": "#/components/schemas/Order"}
    assert (
        judged({"openapi.json": json.dumps({**told, "info": {}})}, {"openapi.json": json.dumps(told)}).objections == ()
    )


# -- commands --------------------------------------------------------------------------------------------------------

TILL = """import argparse
parser = argparse.ArgumentParser(prog="till")
parser.add_argument("--coupon")
parser.add_argument("-v", "--verbose")
verbs = parser.add_subparsers()
verbs.add_parser("open", help="open it")
verbs.add_parser("close", help="close it")
parser.parse_args()
"""
HELP = Interfaces(helps={"till": ("python", "till.py", "--help")})


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('parser.add_argument("--coupon")', {"api/option-removed"}),
        ('verbs.add_parser("close", help="close it")', {"api/command-removed"}),
    ],
)
async def test_options_and_commands_that_are_gone_are_minded(tmp_path: Path, line: str, expected: set[str]) -> None:
    grounds = grounds_of(tmp_path, {"till.py": TILL}, {"till.py": TILL.replace(line, "pass")})
    told = await check_interfaces(grounds, HELP)
    assert rules(told) == expected
    assert rules(await check_interfaces(grounds, HELP, declared=("--coupon and close go away",))) == set()


async def test_a_schema_that_a_command_tells_is_compared(tmp_path: Path) -> None:
    def export(told: dict[str, Any]) -> str:
        return f"import json\nprint(json.dumps({told!r}))\n"

    grounds = grounds_of(tmp_path, {"export.py": export(api())}, {"export.py": export(changed(gone="put"))})
    told = await check_interfaces(grounds, Interfaces(schemas={"orders": ("python", "export.py")}))
    assert rules(told) == {"api/method-removed"}


async def test_a_command_that_fails_is_red_on_the_head_and_a_refusal_on_the_base(tmp_path: Path) -> None:
    grounds = grounds_of(tmp_path, {"till.py": TILL}, {"till.py": "raise SystemExit(3)\n"})
    assert rules(await check_interfaces(grounds, HELP)) == {"api/command-fails"}
    grounds = grounds_of(tmp_path / "other", {"till.py": "raise SystemExit(3)\n"}, {"till.py": TILL})
    assert (await check_interfaces(grounds, HELP)).result.outcome is Outcome.REFUSED
