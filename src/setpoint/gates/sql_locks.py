"""SQL statements of a migration that lose data, fail on tables with rows, or hold up everybody else while they run."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..model.objection import Severity

_TOKEN = re.compile(
    r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|(?P<tag>\$\w*\$).*?(?P=tag)|;|[^;'\"\-/$]+|.", re.DOTALL
)
_TABLE = r"(?:IF\s+(?:NOT\s+)?EXISTS\s+)?(?:ONLY\s+)?([\w.\"`\[\]]+)"
_VOLATILE = r"(?:random|gen_random_uuid|uuid_generate_v\d\w*|clock_timestamp|timeofday|nextval|newid|uuid)\s*\("


@dataclass(frozen=True)
class Statement:
    """One statement, its comments gone and its spaces folded."""

    text: str
    line: int


@dataclass(frozen=True)
class Danger:
    """One thing that is wrong with a statement."""

    rule: str
    what: str
    cause: str
    severity: Severity
    line: int


@dataclass(frozen=True)
class _Pattern:
    rule: str
    shape: re.Pattern[str]
    what: str
    cause: str
    severity: Severity
    postgres: bool = False
    """It weighs less where the database is not known to be PostgreSQL."""


def _pattern(rule: str, shape: str, what: str, cause: str, severity: Severity, *, postgres: bool = False) -> _Pattern:
    return _Pattern(rule, re.compile(shape, re.IGNORECASE | re.DOTALL), what, cause, severity, postgres)


_ALTER = rf"^ALTER\s+TABLE\s+{_TABLE}\s.*?"
_PATTERNS = (
    _pattern(
        "not-null",
        rf"{_ALTER}\bADD\s+(?:COLUMN\s+)?(?!CONSTRAINT|PRIMARY|FOREIGN|UNIQUE|CHECK|INDEX)(?:(?!\bDEFAULT\b|,\s*ADD\b).)*"
        r"\bNOT\s+NULL\b(?!(?:(?!,\s*ADD\b).)*\bDEFAULT\b)",
        "a column that must have a value is added without a default",
        "it fails on a table that has rows; add it nullable or with a default, fill it, then demand it",
        Severity.HIGH,
    ),
    _pattern(
        "volatile-default",
        rf"{_ALTER}\bADD\s+(?:COLUMN\s+)?.*\bDEFAULT\s+\(?\s*{_VOLATILE}",
        "a column is added whose default differs from row to row",
        "the whole table is written anew under a lock; add it without, then fill it in batches",
        Severity.MEDIUM,
    ),
    _pattern(
        "destructive",
        rf"^DROP\s+TABLE\s+{_TABLE}|^TRUNCATE\s+(?:TABLE\s+)?{_TABLE}",
        "a table is dropped or emptied",
        "its rows are lost for good, and code that still runs fails",
        Severity.HIGH,
    ),
    _pattern(
        "destructive",
        rf"{_ALTER}\bDROP\s+COLUMN\b",
        "a column is dropped",
        "its values are lost for good, and code that still runs fails; stop using it first, drop it in a later release",
        Severity.HIGH,
    ),
    _pattern(
        "destructive",
        rf"^DELETE\s+FROM\s+{_TABLE}(?!.*\bWHERE\b)",
        "all rows of a table are deleted",
        "they are lost for good",
        Severity.HIGH,
    ),
    _pattern(
        "rename",
        rf"{_ALTER}\bRENAME\b",
        "a table or column is renamed",
        "code that still runs fails; add the new name, write both, then drop the old one",
        Severity.MEDIUM,
    ),
    _pattern(
        "type-changed",
        rf"{_ALTER}(?:\bALTER\s+(?:COLUMN\s+)?[\w\"`]+\s+(?:SET\s+DATA\s+)?TYPE\b|\bMODIFY\b|\bCHANGE\s+COLUMN\b)",
        "the type of a column is changed",
        "the whole table may be written anew under a lock; add a column of the new type and copy in batches",
        Severity.MEDIUM,
    ),
    _pattern(
        "index-locks",
        rf"^CREATE\s+(?:UNIQUE\s+)?INDEX\s+(?!CONCURRENTLY\b)(?:.*?)\bON\s+{_TABLE}",
        "an index is built while nobody can write",
        "build it CONCURRENTLY, outside a transaction",
        Severity.MEDIUM,
        postgres=True,
    ),
    _pattern(
        "set-not-null",
        rf"{_ALTER}\bSET\s+NOT\s+NULL\b",
        "a column is made to demand a value",
        "all rows are read under a lock, and it fails on empty ones; validate a CHECK first",
        Severity.MEDIUM,
        postgres=True,
    ),
    _pattern(
        "constraint-scan",
        rf"{_ALTER}\bADD\s+(?:CONSTRAINT\s+\S+\s+)?(?:FOREIGN\s+KEY|CHECK)\b(?!.*\bNOT\s+VALID\b)",
        "a constraint is checked on all rows at once",
        "add it NOT VALID, and validate it afterwards",
        Severity.MEDIUM,
        postgres=True,
    ),
)  # fmt: skip
_CREATED = re.compile(rf"^CREATE\s+(?:TEMP\w*\s+|UNLOGGED\s+)?TABLE\s+{_TABLE}", re.IGNORECASE)
_ON = re.compile(
    rf"^(?:ALTER\s+TABLE|DROP\s+TABLE|TRUNCATE(?:\s+TABLE)?|DELETE\s+FROM)\s+{_TABLE}|\bON\s+{_TABLE}", re.IGNORECASE
)


def statements(text: str) -> list[Statement]:
    """The statements of an SQL text."""
    found: list[Statement] = []
    held, line, start = "", 1, 0
    for token in _TOKEN.finditer(text):
        part = token[0]
        if part == ";":
            found += [Statement(" ".join(held.split()), start)] if held.strip() else []
            held, start = "", 0
        elif not part.startswith(("--", "/*")):
            if not start and part.strip():
                start = line + part[: len(part) - len(part.lstrip())].count("\n")
            held += part
        else:
            held += " "
        line += part.count("\n")
    return [*found, Statement(" ".join(held.split()), start)] if held.strip() else found


def dangers(listed: Sequence[Statement], *, postgres: bool) -> Iterator[Danger]:
    """What is wrong with them; on a table that they make themselves nothing is."""
    made = {_bare(found[1]) for statement in listed if (found := _CREATED.match(statement.text))}
    for statement in listed:
        if not made & _tables(statement.text):
            for pattern in _PATTERNS:
                if pattern.shape.search(statement.text):
                    severity = Severity.LOW if pattern.postgres and not postgres else pattern.severity
                    yield Danger(pattern.rule, pattern.what, pattern.cause, severity, statement.line)


def _tables(text: str) -> set[str]:
    found = _ON.search(text)
    return {_bare(name) for name in found.groups() if name} if found else set()


def _bare(name: str) -> str:
    return re.sub(r"[\"`\[\]]", "", name).rpartition(".")[2].lower()
