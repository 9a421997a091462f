"""Migrations of a change: one head, nothing that was applied is rewritten, nothing is lost or locked unasked.

That they run, up and down, is `migration_trial`'s business.
"""

import ast
import re
from collections.abc import Iterator

from ..model.judgement import Measured
from ..model.objection import Deviation, Objection, Severity
from .change_set import ChangeSet, Delta, as_text
from .measured import built_in, minded
from .migration_files import Migration, dangling, heads, kind_of, number, read_all, read_migration
from .sql_locks import dangers

NAME = "migrations"
_POSTGRES = re.compile(r"postgres|psycopg|asyncpg|pg8000|\"pg\"\s*:", re.IGNORECASE)
_TOLD_IN = re.compile(
    r"(?:^|/)(?:pyproject\.toml|requirements[\w\-]*\.txt|setup\.cfg|package\.json|alembic\.ini|schema\.prisma"
    r"|(?:docker-)?compose[\w.\-]*\.ya?ml|settings\w*\.py|knexfile\.[jt]s|Pipfile)$"
)


def check_migrations(change: ChangeSet) -> Measured:
    """An objection for each thing that is wrong with the order of the migrations, or with a new one."""
    touched = [delta for delta in change.deltas if kind_of(delta.path) or kind_of(delta.path_before)]
    if not touched:
        return built_in(NAME, (), examined=0, unit="migrations", tree=change.head)
    found = [entry for delta in touched for entry in _rewritten(delta)]
    found += _order(change)
    postgres = speaks_postgres(change)
    fresh = [new for delta in touched if (new := _new(delta, change))]
    for migration in fresh:
        found += _content(migration, postgres=postgres)
    return built_in(NAME, found, examined=len(touched), unit="migrations", tree=change.head)


def speaks_postgres(change: ChangeSet) -> bool:
    """Whether some configuration of the repository names PostgreSQL."""
    paths = sorted(path for path in change.head_files if _TOLD_IN.search(path))[:50]
    return any(_POSTGRES.search(as_text(change.read_head(path))) for path in paths)


def _new(delta: Delta, change: ChangeSet) -> Migration | None:
    if delta.deleted or not delta.added:
        return None
    return read_migration(delta.path, delta.text_after, change.head_files)


def _mind(
    rule: str,
    what: str,
    path: str,
    cause: str,
    severity: Severity = Severity.HIGH,
    line: int | None = None,
    told: str = "",
) -> Objection:
    return minded(
        f"{NAME}/{rule}",
        what,
        path,
        line_=line,
        cause=cause,
        evidence=told,
        deviation=Deviation.ARCHITECTURE,
        severity=severity,
    )


def _rewritten(delta: Delta) -> Iterator[Objection]:
    if delta.added or not read_migration(delta.path_before, delta.text_before):
        return
    if delta.deleted:
        cause = "databases that ran it no longer know where they are; add one that takes its work back"
        yield _mind("deleted", "a migration that others may have run is deleted", delta.path, cause)
    elif not _same(delta):
        cause = "databases that ran it will not run it again; add a new one"
        line = next(iter(delta.added_lines), None)
        yield _mind("edited", "a migration that others may have run is changed", delta.path, cause, line=line)


def _same(delta: Delta) -> bool:
    """Whether only the form of a Python file was changed, where its name is no part of the order."""
    if delta.suffix != ".py" or (delta.was and kind_of(delta.path) == "django"):
        return False
    try:
        return ast.dump(ast.parse(delta.text_before)) == ast.dump(ast.parse(delta.text_after))
    except (SyntaxError, ValueError, RecursionError):
        return False


# -- order -----------------------------------------------------------------------------------------------------------


def _order(change: ChangeSet) -> Iterator[Objection]:
    before, after = read_all(change.base_files, change.read_base), read_all(change.head_files, change.read_head)
    old = heads(before)
    for group, ends in heads(after).items():
        if len(ends) > 1 and len(ends) > len(old.get(group, ())):
            names = ", ".join(sorted(end.key for end in ends))
            cause = "nobody can say which comes last; let one come after the other, or merge them"
            yield _mind("heads", f"the migrations of {group} have several heads", ends[-1].path, cause, told=names)
    known = {(entry.path, need) for entry, need in dangling(before)}
    for entry, need in dangling(after):
        if (entry.path, need) not in known:
            yield _mind(
                "broken-chain", f"{entry.key} comes after {need}, which is not there", entry.path, "name one that is"
            )
    yield from _twice(before, after)
    yield from _late(before, after)
    for entry in after:
        if not entry.readable and entry.path in {delta.path for delta in change.deltas}:
            yield _mind("unreadable", "the migration cannot be read", entry.path, "it is no Python")


def _twice(before: list[Migration], after: list[Migration]) -> Iterator[Objection]:
    old = {entry.path for entry in before}
    seen: dict[tuple[str, object], Migration] = {}
    for entry in sorted(after, key=lambda one: (one.path not in old, one.path)):
        key = (entry.group, entry.key if entry.kind in ("alembic", "django") else number(entry.key) or entry.key)
        if key in seen and entry.path not in old:
            yield _mind("twice", f"two migrations are {entry.key}", entry.path, f"the other is {seen[key].path}")
        seen.setdefault(key, entry)


def _late(before: list[Migration], after: list[Migration]) -> Iterator[Objection]:
    """Files that run in the order of their names must come last when they are new."""
    old = {entry.path for entry in before}
    last: dict[str, tuple[int, ...]] = {}
    for entry in before:
        at = number(entry.key)
        if at and entry.kind in ("sql", "prisma", "knex"):
            last[entry.group] = max(last.get(entry.group, at), at)
    for entry in after:
        at = number(entry.key)
        if entry.path not in old and at and entry.group in last and at < last[entry.group]:
            cause = "databases that are further on never run it, or refuse; give it the next number"
            yield _mind(
                "out-of-order", f"{entry.key} comes before migrations that were run", entry.path, cause, Severity.MEDIUM
            )


# -- content ---------------------------------------------------------------------------------------------------------


def _content(migration: Migration, *, postgres: bool) -> Iterator[Objection]:
    for danger in dangers(migration.steps, postgres=postgres):
        yield _mind(danger.rule, danger.what, migration.path, danger.cause, danger.severity, danger.line)
    if not migration.reversible and migration.kind != "prisma":
        cause = "after a failed release nobody can go back by it; say how, or that it is meant"
        yield _mind("irreversible", "the migration cannot be taken back", migration.path, cause, Severity.LOW)
