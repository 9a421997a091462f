"""A change reaches the database or the API by what its files declare, and then integration tests must hold."""

import pytest

from setpoint.gates.change_set import between
from setpoint.gates.reach import READ, check_reach, demanded, reached
from setpoint.model.evidence import GateKind
from setpoint.model.gate import Gate
from setpoint.model.objection import Severity

FASTAPI = '''"""Web."""

from fastapi import APIRouter

router = APIRouter()


@router.get("/a")
def a(n: int):
    return n
'''
PLAIN = "\n\ndef total(items):\n    return sum(items)\n"
EXPRESS = "const app = express()\napp.get('/a', (req, res) => res.json(1))\n"
MODEL = "class Cart(Base):\n    __tablename__ = 'carts'\n    id = mapped_column(Integer)\n"


def touched(path: str, before: str, after: str) -> list[str]:
    change = between({path: before.encode()} if before else {}, {path: after.encode()} if after else {})
    return [found.side for found in reached(change)]


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("app.py", FASTAPI, FASTAPI.replace('"/a"', '"/b"')),
        ("app.py", FASTAPI, FASTAPI.replace("return n", "return -n")),
        ("app.py", FASTAPI, ""),
        ("app.py", "@app.route('/a')\ndef a(): return 1\n", "@app.route('/a')\ndef a(): return 2\n"),
        ("urls.py", "urlpatterns = [path('a', a)]\n", "urlpatterns = [path('b', a)]\n"),
        ("views.py", "class A(APIView):\n    x = 1\n", "class A(APIView):\n    x = 2\n"),
        ("app.py", "", "app.include_router(carts)\n"),
        ("server.js", EXPRESS, EXPRESS.replace("json(1)", "json(2)")),
        ("a.controller.ts", "@Controller('a')\nexport class A {}\n", "@Controller('b')\nexport class A {}\n"),
        ("app/cart/route.ts", "export const GET = 1\n", "export const GET = 2\n"),
        ("openapi.yaml", "openapi: 3.1.0\n", "openapi: 3.0.0\n"),
        ("docs/shop.json", '{"openapi": "3.1.0"}', '{"openapi": "3.1.1"}'),
        ("shop.proto", "", "message A {}\n"),
    ],
)  # fmt: skip
def test_routes_and_their_descriptions_are_the_api(path: str, before: str, after: str) -> None:
    assert touched(path, before, after) == ["API"]


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("models.py", MODEL, MODEL.replace("Integer", "BigInteger")),
        ("models.py", "class A(models.Model):\n    a = CharField()\n", "class A(models.Model):\n    b = CharField()\n"),
        ("store.py", "q = 'SELECT a FROM b'\n", "q = 'SELECT a FROM c'\n"),
        ("migrations/0001_start.sql", "", "create table a (id int);\n"),
        ("shop/migrations/0002_more.py", "", "class Migration: pass\n"),
        ("prisma/schema.prisma", "model A {}\n", "model B {}\n"),
        ("models.ts", "@Entity()\nclass A { a = 1 }\n", "@Entity()\nclass A { b = 1 }\n"),
        ("models.js", "mongoose.model('A', a)\n", "mongoose.model('B', a)\n"),
    ],
)
def test_tables_queries_and_migrations_are_the_database(path: str, before: str, after: str) -> None:
    assert touched(path, before, after) == ["database"]


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("README.md", "# Shop\n", "# A shop: `app.get('/a')`, SELECT a FROM b\n"),
        ("app.py", FASTAPI, FASTAPI.replace("Web.", "The web.")),
        ("app.py", FASTAPI, FASTAPI.replace("    return n", "    # as it came\n    return (\n        n\n    )")),
        ("app.py", FASTAPI, FASTAPI.replace("def a(n: int):\n", 'def a(n: int):\n    """Select it from all."""\n')),
        ("app.py", FASTAPI + PLAIN, FASTAPI + PLAIN.replace("sum(items)", "sum(items) or 0")),
        ("shop.py", "settings.get('a')\n", "settings.get('b')\n"),
        ("cache.py", "@cache.get\ndef a(): return 1\n", "@cache.get\ndef a(): return 2\n"),
        ("server.js", EXPRESS, "// the shop\n" + EXPRESS),
        ("tests/test_app.py", FASTAPI, FASTAPI.replace('"/a"', '"/b"')),
        ("package.json", '{"version": "1"}', '{"version": "2"}'),
        ("broken.py", "def", "def a("),
    ],
)
def test_prose_layout_tests_and_other_code_reach_nothing(path: str, before: str, after: str) -> None:
    assert touched(path, before, after) == []


def test_too_large_a_change_counts_as_one_that_reaches() -> None:
    assert len(reached(between({}, {f"a{at}.txt": b"x" for at in range(READ + 1)}))) == 1


UNIT = Gate(kind=GateKind.TESTS, run=("pytest",), report="junit")
PARTS = Gate(kind=GateKind.INTEGRATION, run=("pytest", "tests/integration"), report="junit", required=False)


def test_integration_tests_are_required_by_what_the_change_reaches() -> None:
    gates = {"tests": UNIT, "parts": PARTS}
    prose = between({"README.md": b"a"}, {"README.md": b"b"})
    route = between({"app.py": FASTAPI.encode()}, {"app.py": FASTAPI.replace("/a", "/b").encode()})
    assert demanded(gates, prose) == gates
    assert {name: gate.required for name, gate in demanded(gates, route).items()} == {"tests": True, "parts": True}


def test_where_there_are_none_a_change_that_reaches_further_is_noted_and_not_refused() -> None:
    route = between({"app.py": FASTAPI.encode()}, {"app.py": FASTAPI.replace("/a", "/b").encode()})
    (noted,) = check_reach(route, {"tests": UNIT}).objections
    assert (noted.rule, noted.severity) == ("gates/no-integration", Severity.LOW)
    assert noted.place is not None
    assert noted.place.path == "app.py"
    assert "route a was changed" in noted.cause
    assert check_reach(route, {"parts": PARTS}).objections == ()
    assert check_reach(between({"a.md": b"a"}, {"a.md": b"b"}), {}).objections == ()
