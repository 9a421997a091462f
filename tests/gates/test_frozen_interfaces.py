"""What is frozen stays as it is: a changed name, call or table is an objection with its place, criterion or not."""

import pytest

from setpoint.gates.api import check_api
from setpoint.gates.change_set import between
from setpoint.gates.frozen_interfaces import as_frozen, check_frozen, held_by
from setpoint.model.objection import Severity

BASE = {
    "shop/__init__.py": "",
    "shop/price.py": "def total(prices, tax=0):\n    return sum(prices)\n\n\nclass Till:\n    def ring(self, x): ...\n",
    "app.py": "@app.post('/signup')\ndef signup(): ...\n\n\n@app.get('/health')\ndef health(): ...\n",
    "schema.sql": "CREATE TABLE users (id int);\n",
    "flat.py": "async def pay(amount): ...\n",
    "tests/test_price.py": "def total(): ...\n",
}


def judged(frozen: str, **changed: str | None) -> list[tuple[str, str, Severity]]:
    """What is said of a change of these files (`shop__price_py`), with path and severity."""
    after: dict[str, str] = dict(BASE)
    for name, text in changed.items():
        path = next(each for each in BASE if each.replace("/", "__").replace(".", "_") == name)
        if text is None:
            del after[path]
        else:
            after[path] = text
    sides = ({path: text.encode() for path, text in side.items()} for side in (BASE, after))
    found = check_frozen(between(*sides, base="b", head="h"), [frozen])
    assert found.result.evidence.examined == 1
    return [(o.what, o.place.path if o.place else "", o.severity) for o in found.objections]


PRICE = BASE["shop/price.py"]


@pytest.mark.parametrize(
    ("frozen", "now", "told"),
    [
        ("total", PRICE.replace("tax=0", "tax"), "shop.price.total is called otherwise"),
        ("shop.price.total", PRICE.replace("def total(", "async def total("), "shop.price.total is called otherwise"),
        ("`total(prices)`", PRICE.replace("tax=0", "tax=0, more=1"), "shop.price.total is called otherwise"),
        ("shop.price.*", PRICE.replace("def total", "def sum_up"), "shop.price.total is gone from its place"),
        ("Till.ring", PRICE.replace("self, x", "self"), "shop.price.Till.ring is called otherwise"),
        ("Till", PRICE.replace("class Till:", "class Till(dict):"), "shop.price.Till is called otherwise"),
        ("shop.price.Till", None, "shop.price.Till is gone from its place"),
    ],
)
def test_a_frozen_name_keeps_its_place_and_how_it_is_called(frozen: str, now: str | None, told: str) -> None:
    assert judged(frozen, shop__price_py=now) == [(told, "shop/price.py", Severity.HIGH)]


def test_what_a_frozen_name_does_inside_may_change_and_others_beside_it() -> None:
    inside = PRICE.replace("return sum(prices)", "return sum(prices) + tax") + "\n\ndef more(): ...\n"
    assert judged("total", shop__price_py=inside) == []
    assert judged("Till.ring", shop__price_py=PRICE.replace("tax=0", "tax=1")) == []
    assert judged("total", tests__test_price_py="def total(x): ...\n") == []
    assert judged("pay", flat_py="async def pay(): ...\n") == [
        ("flat.pay is called otherwise", "flat.py", Severity.HIGH)
    ]


def test_a_frozen_call_may_move_and_not_go() -> None:
    app = BASE["app.py"]
    gone = [("the call /signup is gone", "app.py", Severity.HIGH)]
    assert judged("POST /signup", app_py=app.replace("/signup", "/register")) == gone
    assert judged("/signup", app_py=None) == gone
    assert judged("POST /signup", app_py=app.replace("/health", "/alive")) == []
    assert judged("POST /signup", app_py=app.replace("@app.post", "@api.post")) == []


def test_a_frozen_table_is_not_touched_by_any_statement() -> None:
    more = "ALTER TABLE users ADD COLUMN name text;\n"
    (objection,) = judged("table users", schema_sql=BASE["schema.sql"] + more)
    assert objection == ("the table users is changed", "schema.sql", Severity.HIGH)
    assert judged("users table", schema_sql="CREATE TABLE orders (id int);\n")[0][1] == "schema.sql"
    assert judged("table users", schema_sql=BASE["schema.sql"] + "ALTER TABLE orders ADD COLUMN users int;\n")
    assert judged("table users", schema_sql=BASE["schema.sql"] + "CREATE TABLE orders (id int);\n") == []


def test_a_break_that_a_criterion_names_still_counts_where_the_interface_is_frozen() -> None:
    files = {**BASE, "pyproject.toml": "[build-system]\nrequires=[]\n[project]\nname='shop'\n"}
    broken = {**files, "shop/price.py": PRICE.replace("prices, tax=0", "tax=0")}
    change = between(*({p: t.encode() for p, t in side.items()} for side in (files, broken)), base="b", head="h")
    found = check_api(change, declared=("total takes no prices any more",)).objections
    assert {o.severity for o in found} == {Severity.LOW}
    assert {o.severity for o in as_frozen(found, ("total",))} == {Severity.HIGH}
    assert {o.severity for o in as_frozen(found, ("the API of the package",))} == {Severity.HIGH}
    assert {o.severity for o in as_frozen(found, ("the existing API response shape",))} == {Severity.LOW}
    assert {o.severity for o in as_frozen(found, ("Till",))} == {Severity.LOW}


def test_a_broken_call_of_a_description_is_frozen_with_the_api_or_by_its_path() -> None:
    described = '{"openapi": "3", "paths": {"/signup": {"post": {"responses": {"200": {}}}}}}'
    sides = ({"openapi.json": text.encode()} for text in (described, '{"openapi": "3", "paths": {}}'))
    found = check_api(between(*sides, base="b", head="h"), declared=("/signup is gone, nobody calls POST /signup",))
    assert {o.severity for o in found.objections} == {Severity.LOW}
    for entry in ("the existing API response shape", "POST /signup"):
        assert {o.severity for o in as_frozen(found.objections, (entry,))} == {Severity.HIGH}, entry
    assert {o.severity for o in as_frozen(found.objections, ("POST /login",))} == {Severity.LOW}


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        ("shop.price.total", "name"), ("total(x)", "name"), ("shop.*", "name"), ("POST /signup", "call"),
        ("/v1/users", "call"), ("table users", "table"), ("database schema", "schema"),
        ("dependencies", "dependencies"), ("the existing API response shape", "interfaces"),
        ("how a receipt looks", "words"),
    ],
)  # fmt: skip
def test_each_frozen_entry_says_what_holds_it(entry: str, kind: str) -> None:
    assert held_by(entry) == kind
