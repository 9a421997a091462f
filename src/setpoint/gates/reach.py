"""Whether a change reaches the database or the API: then tests of parts together must hold, whatever the gate says.

Read from the changed files alone. Python is compared by syntax, so comments, docstrings and layout reach nothing; of
other languages a file that declares routes or tables counts as a whole, comment lines left out.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from ..model.evidence import GateKind
from ..model.gate import Gate
from ..model.judgement import Measured
from ..model.objection import Severity
from .change_set import ChangeSet, Delta
from .frozen import is_test_path
from .measured import built_in, minded
from .migration_files import kind_of
from .written_tests import JAVASCRIPT

NAME = "integration"
READ = 400
"""Most changed files that are read; a larger change counts as one that reaches both."""
Side = Literal["database", "API"]
_METHODS = frozenset(
    ("route", "get", "post", "put", "patch", "delete", "head", "options", "websocket", "api_view", "action", "expose")
)
_ROUTERS = re.compile(
    r"^(?:app|api|application|router|blueprint|bp|server|web|routes|ns|ninja|\w+_(?:app|api|router|bp))$"
)
_REGISTERS = frozenset(
    ("add_url_rule", "add_api_route", "add_route", "include_router", "register_blueprint", "add_resource", "mount")
)
_VIEWS = re.compile(
    r"(?:APIView|ViewSet|MethodView|GenericView|HTTPEndpoint|^View|TemplateView|ListView|DetailView|Resource)$"
)
_TABLES = re.compile(r"^(?:Model|DeclarativeBase|SQLModel|Document|DeclarativeBaseNoMeta)$")
_COLUMNS = frozenset(("Column", "mapped_column", "relationship"))
_SQL = re.compile(
    r"^\s*(?:select\s.+\sfrom|insert\s+into|update\s+\S+\s+set|delete\s+from|(?:create|alter|drop)\s+(?:table|index|view))\b",
    re.IGNORECASE | re.DOTALL,
)
_DESCRIBED = re.compile(
    r"(?:^|/)(?:openapi|swagger)[\w.\-]*\.(?:json|ya?ml)$|\.(?:proto|graphqls?|gql)$", re.IGNORECASE
)
_DESCRIPTION = re.compile(r"^\s*(?:\{\s*)?[\"']?(?:openapi|swagger|asyncapi)[\"']?\s*:", re.MULTILINE)
_PLACED = re.compile(r"(?:^|/)pages/api/.+\.[jt]sx?$|(?:^|/)app/(?:.+/)?route\.[jt]s$")
_JS_ROUTES = re.compile(
    r"\b(?:app|api|router|server|fastify|\w+Router)\s*\.\s*(?:get|post|put|patch|delete|all|options|head|route|use)\s*\("
    r"|^\s*@(?:Get|Post|Put|Patch|Delete|All|Controller|Resolver)\s*\(",
    re.MULTILINE,
)
_JS_TABLES = re.compile(
    r"^\s*@(?:Entity|Table)\s*\(|\bsequelize\.define\s*\(|\.init\s*\([^)]*sequelize|\bmongoose\.model\s*\("
    r"|\bnew\s+(?:mongoose\.)?Schema\s*\(|\b(?:pg|mysql|sqlite)Table\s*\(",
    re.MULTILINE,
)
_JS_COMMENT = re.compile(r"^\s*(?://|\*|/\*|\*/|$)")


@dataclass(frozen=True)
class Reached:
    """One file by which a change reaches further."""

    path: str
    side: Side
    why: str


def reached(change: ChangeSet) -> tuple[Reached, ...]:
    """The changed files that reach the database or the API, at most one entry a file and side."""
    deltas = [delta for delta in change.deltas if not is_test_path(delta.path)]
    if len(deltas) > READ:
        return (Reached(deltas[0].path, "database", f"{len(deltas)} changed files are too many to be read"),)
    return tuple(found for delta in deltas for found in _of_file(delta))


def demanded(gates: Mapping[str, Gate], change: ChangeSet) -> dict[str, Gate]:
    """`gates` with those of parts together required where the change reaches the database or the API."""
    idle = [name for name, gate in gates.items() if gate.kind is GateKind.INTEGRATION and not gate.required]
    if not idle or not reached(change):
        return dict(gates)
    return {name: gate.model_copy(update={"required": True}) if name in idle else gate for name, gate in gates.items()}


def check_reach(change: ChangeSet, gates: Mapping[str, Gate]) -> Measured:
    """A note where a change reaches the database or the API, and no gate runs tests of parts together."""
    there = any(gate.kind is GateKind.INTEGRATION for gate in gates.values())
    found = [] if there else reached(change)[:1]
    objections = [
        minded(
            "gates/no-integration",
            f"the change reaches the {one.side}, and no gate runs integration tests",
            one.path,
            cause=f'{one.why}; a gate of kind "integration" would show that the parts still fit',
            severity=Severity.LOW,
        )
        for one in found
    ]
    return built_in(NAME, objections, examined=len(found), unit="files that reach further", tree=change.head)


def _of_file(delta: Delta) -> Iterator[Reached]:
    path, texts = delta.path, (delta.text_before, delta.text_after)
    if kind_of(path) or kind_of(delta.path_before) or delta.suffix == ".sql":
        yield Reached(path, "database", "it is SQL or a migration")
    elif PurePosixPath(path).name == "schema.prisma":
        yield Reached(path, "database", "it declares tables")
    elif _DESCRIBED.search(path) or (delta.suffix in (".json", ".yaml", ".yml") and any(map(_describes, texts))):
        yield Reached(path, "API", "it describes an interface")
    elif delta.suffix == ".py":
        before, after = (_python(text) for text in texts)
        moved = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
        first: dict[Side, str] = {}
        for side, name in moved:
            first.setdefault(side, name)
        yield from (Reached(path, side, f"{name} was changed") for side, name in first.items())
    elif delta.suffix in JAVASCRIPT:
        yield from _javascript(delta)


def _describes(text: str) -> bool:
    return bool(_DESCRIPTION.search(text[:2000]))


# -- Python ------------------------------------------------------------------------------------------------------------

_Units = dict[tuple[Side, str], str]
"""What is there of routes and tables, each in a form that comments, docstrings and layout do not change."""


def _python(text: str) -> _Units:
    try:
        tree = _without_docstrings(ast.parse(text))
        found: _Units = {}
        for node in ast.walk(tree):
            told = _unit(node)
            if told:
                found[told] = found.get(told, "") + ast.dump(node)
    except (SyntaxError, ValueError, RecursionError):
        return {}
    return found


def _unit(node: ast.AST) -> tuple[Side, str] | None:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return ("API", f"route {node.name}") if any(map(_routes, node.decorator_list)) else None
    if isinstance(node, ast.ClassDef):
        bases = [_last(base) for base in node.bases]
        if any(_VIEWS.search(base) for base in bases):
            return "API", f"view {node.name}"
        return ("database", f"table {node.name}") if _is_table(node, bases) else None
    if isinstance(node, ast.Assign | ast.AnnAssign):
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        return ("API", "urlpatterns") if isinstance(target, ast.Name) and target.id == "urlpatterns" else None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _REGISTERS:
        return "API", f"{_last(node.func.value)}.{node.func.attr}"
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and _SQL.match(node.value[:2000]):
        return "database", "SQL in a string"
    return None


def _routes(decorator: ast.expr) -> bool:
    call = decorator.func if isinstance(decorator, ast.Call) else decorator
    if isinstance(call, ast.Name):
        return call.id in ("api_view", "action", "route")
    if not isinstance(call, ast.Attribute) or call.attr not in _METHODS:
        return False
    return call.attr == "route" or bool(_ROUTERS.match(_last(call.value)))


def _is_table(node: ast.ClassDef, bases: list[str]) -> bool:
    if any(_TABLES.match(base) for base in bases):
        return True
    for part in node.body:
        if not isinstance(part, ast.Assign | ast.AnnAssign):
            continue
        target, value = part.targets[0] if isinstance(part, ast.Assign) else part.target, part.value
        if isinstance(target, ast.Name) and target.id == "__tablename__":
            return True
        if isinstance(value, ast.Call) and _last(value.func) in _COLUMNS:
            return True
    return False


def _last(node: ast.expr) -> str:
    """The last name of `a.b.c`, of a call or a subscript what it is made on."""
    while isinstance(node, ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:]
    return tree


# -- JavaScript and TypeScript -----------------------------------------------------------------------------------------


def _javascript(delta: Delta) -> Iterator[Reached]:
    lines = [*delta.added_lines.values(), *delta.removed_lines.values()]
    if all(_JS_COMMENT.match(line) for line in lines) and not delta.was:
        return
    texts = (delta.text_before, delta.text_after)
    if _PLACED.search(delta.path) or any(_JS_ROUTES.search(text) for text in texts):
        yield Reached(delta.path, "API", "it declares routes")
    if any(_JS_TABLES.search(text) for text in texts):
        yield Reached(delta.path, "database", "it declares tables")
