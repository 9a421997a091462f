"""Migrations as files: Alembic's, Django's, plain SQL, Prisma's and Knex's; their order, and what they do."""

import ast
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from .change_set import Read, as_text
from .migration_steps import alembic_steps, django_steps
from .sql_locks import Statement, statements

Kind = Literal["alembic", "django", "sql", "prisma", "knex"]
READ = 2000
"""Most migration files of one repository that are read."""
_DJANGO = re.compile(r"(?:^|/)migrations/\d{4}_\w+\.py$")
_ALEMBIC = re.compile(r"(?:^|/)versions/[\w\-]+\.py$")
_PRISMA = re.compile(r"(?:^|/)prisma/migrations/[^/]+/migration\.sql$")
_SQL = re.compile(
    r"(?:^|/)(?:migrations?|migrate|flyway|changelogs?)/(?:[^/]+/)*[^/]+\.sql$|(?:^|/)[VUR]\d*[\w.]*__\w+\.sql$"
)
_KNEX = re.compile(r"(?:^|/)migrations/\d[\w\-]*\.[cm]?[jt]s$")
_DOWN_FILE = re.compile(r"[._\-]down\.sql$|(?:^|/)down\.sql$|(?:^|/)U\d[\w.]*__")
_DOWN_PART = re.compile(
    r"^--\s*(?:migrate:down|\+goose\s+Down|\+migrate\s+Down|@undo|rollback)\b.*$", re.IGNORECASE | re.MULTILINE
)


@dataclass(frozen=True)
class Migration:
    """One step of a schema."""

    path: str
    kind: Kind
    key: str
    """Its name among the others of its group."""
    group: str
    """The folder it lies in, or Django's app."""
    needs: tuple[str, ...] = ()
    """The keys it comes after; of files in the order of their names none."""
    reversible: bool = True
    steps: tuple[Statement, ...] = ()
    """What it does, as SQL as far as that can be said."""
    readable: bool = True


def kind_of(path: str) -> Kind | None:
    """What kind of migration the file is by its name."""
    pure = PurePosixPath(path)
    if pure.name == "__init__.py":
        return None
    shapes: tuple[tuple[Kind, re.Pattern[str]], ...] = (
        ("django", _DJANGO), ("alembic", _ALEMBIC), ("prisma", _PRISMA), ("sql", _SQL), ("knex", _KNEX),
    )  # fmt: skip
    return next((kind for kind, shape in shapes if shape.search(path)), None)


def read_migration(path: str, text: str, files: Collection[str] = ()) -> Migration | None:
    """The migration in a file; None when it holds none. `files` are those beside it."""
    kind = kind_of(path)
    folder, _, name = path.rpartition("/")
    if kind in ("alembic", "django"):
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError):
            return Migration(path, kind, PurePosixPath(path).stem, folder, readable=False)
        return _alembic(path, folder, tree) if kind == "alembic" else _django(path, folder, tree)
    if kind == "knex":
        if not re.search(r"exports\.up\b|export\s+(?:async\s+)?(?:function|const)\s+up\b", text):
            return None
        down = re.search(r"(?:exports\.down|\bfunction\s+down|const\s+down)\b[^{]*\{\s*(?!\})", text)
        return Migration(path, "knex", name, folder, reversible=bool(down), steps=tuple(_knex(text)))
    if kind in ("sql", "prisma"):
        if _DOWN_FILE.search(path):
            return None
        parts = _DOWN_PART.split(text, maxsplit=1)
        key = PurePosixPath(folder).name if kind == "prisma" else name
        group = folder.rpartition("/")[0] if kind == "prisma" else folder
        reversible = len(parts) > 1 or _has_down(path, files)
        return Migration(path, kind, key, group, reversible=reversible, steps=tuple(statements(parts[0])))
    return None


def _has_down(path: str, files: Collection[str]) -> bool:
    folder, _, name = path.rpartition("/")
    twins = {re.sub(r"(?:[._\-]up)?\.sql$", end, name) for end in (".down.sql", "_down.sql", "-down.sql")}
    twins |= {re.sub(r"^V", "U", name)} if name.startswith("V") else set()
    twins |= {"down.sql"} if name in ("up.sql", "migration.sql") else set()
    return any(f"{folder}/{twin}" in files for twin in twins)


def read_all(files: Collection[str], read: Read) -> list[Migration]:
    """All migrations of a tree, by path."""
    paths = sorted(path for path in files if kind_of(path))[:READ]
    return [found for path in paths if (found := read_migration(path, as_text(read(path)), files))]


def _alembic(path: str, folder: str, tree: ast.Module) -> Migration | None:
    names = dict(_assigned(tree))
    if "revision" not in names or "down_revision" not in names:
        return None
    down = next((node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "downgrade"), None)
    return Migration(
        path,
        "alembic",
        next(iter(_strings(names["revision"])), PurePosixPath(path).stem),
        folder,
        tuple(_strings(names["down_revision"])),
        reversible=down is not None and _does_something(down),
        steps=tuple(alembic_steps(tree)),
    )


def _assigned(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            yield node.target.id, node.value


def _strings(node: ast.expr) -> list[str]:
    return [part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)]


def _does_something(function: ast.FunctionDef) -> bool:
    quiet = (ast.Pass, ast.Raise)
    return any(
        not isinstance(node, quiet) and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for node in function.body
    )


def _django(path: str, folder: str, tree: ast.Module) -> Migration | None:
    made = next((node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Migration"), None)
    if made is None:
        return None
    app = PurePosixPath(folder).parent.name
    values = {
        node.targets[0].id: node.value
        for node in made.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    pairs = (
        [node for node in ast.walk(values["dependencies"]) if isinstance(node, ast.Tuple)]
        if "dependencies" in values
        else []
    )
    needs = [tuple(_strings(pair)) for pair in pairs]
    steps, reversible = django_steps(values.get("operations"), app)
    return Migration(
        path,
        "django",
        PurePosixPath(path).stem,
        folder,
        tuple(pair[1] for pair in needs if len(pair) == 2 and pair[0] == app),
        reversible=reversible,
        steps=tuple(steps),
    )


_KNEX_CALLS: Mapping[str, str] = {
    r"\.dropColumns?\(\s*['\"](\w+)": "ALTER TABLE {table} DROP COLUMN {0}",
    r"\.dropTable(?:IfExists)?\(\s*['\"](\w+)": "DROP TABLE {0}",
    r"\.renameColumn\(\s*['\"](\w+)": "ALTER TABLE {table} RENAME COLUMN {0} TO x",
    r"\.renameTable\(\s*['\"](\w+)": "ALTER TABLE {0} RENAME TO x",
    r"\.createTable\(\s*['\"](\w+)": "CREATE TABLE {0} (id int)",
}


def _knex(text: str) -> Iterator[Statement]:
    up = re.split(r"exports\.down\b|\bfunction\s+down\b|\bconst\s+down\b", text)[0]
    table = (re.findall(r"\.(?:alterTable|table)\(\s*['\"](\w+)", up) or ["t"])[0]
    for shape, form in _KNEX_CALLS.items():
        for found in re.finditer(shape, up):
            yield Statement(form.format(found[1], table=table), up[: found.start()].count("\n") + 1)
    for found in re.finditer(
        r"^\s*(?:table|t)\.\w+\(\s*['\"](\w+)[^\n]*\.notNullable\(\)(?![^\n]*defaultTo)[^\n]*", up, re.MULTILINE
    ):
        if "alterTable" in up or ".table(" in up:
            yield Statement(
                f"ALTER TABLE {table} ADD COLUMN {found[1]} int NOT NULL", up[: found.start()].count("\n") + 1
            )


# -- order -----------------------------------------------------------------------------------------------------------


def heads(migrations: Sequence[Migration]) -> dict[str, list[Migration]]:
    """By group, the migrations that no other comes after, where migrations name what they come after."""
    found: dict[str, list[Migration]] = {}
    for group in {entry.group for entry in migrations if entry.kind in ("alembic", "django")}:
        own = [entry for entry in migrations if entry.group == group and entry.readable]
        followed = {need for entry in own for need in entry.needs}
        found[group] = [entry for entry in own if entry.key not in followed]
    return found


def dangling(migrations: Sequence[Migration]) -> list[tuple[Migration, str]]:
    """Migrations that come after one that is not there."""
    by_group: dict[str, set[str]] = {}
    for entry in migrations:
        by_group.setdefault(entry.group, set()).add(entry.key)
    named = {key for keys in by_group.values() for key in keys}
    return [
        (entry, need)
        for entry in migrations
        for need in entry.needs
        if need not in (named if entry.kind == "alembic" else by_group[entry.group]) and not need.startswith("__")
    ]


def number(key: str) -> tuple[int, ...] | None:
    """The version at the front of a file's name, where there is one."""
    found = re.match(r"^[VR]?(\d+(?:[._]\d+)*)", key)
    return tuple(int(part) for part in re.split(r"[._]", found[1]) if part) if found else None
