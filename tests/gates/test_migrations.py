"""Migrations keep one head, rewrite nothing that was run, and say what they lose or lock."""

from collections.abc import Mapping

import pytest

from setpoint.gates.change_set import between
from setpoint.gates.measured import vacuous
from setpoint.gates.migrations import check_migrations
from setpoint.gates.sql_locks import statements
from setpoint.model.judgement import Measured

POSTGRES = {"requirements.txt": "psycopg==3.3\n"}


def alembic(revision: str, down: str | None, up: str = "op.create_table('a')", back: str = "op.drop_table('a')") -> str:
    return (
        f'import sqlalchemy as sa\nfrom alembic import op\n\nrevision = "{revision}"\ndown_revision = {down!r}\n\n\n'
        f"def upgrade():\n    {up}\n\n\ndef downgrade():\n    {back}\n"
    )


def django(operations: str, needs: str = "0001_initial") -> str:
    return (
        "from django.db import migrations, models\n\n\nclass Migration(migrations.Migration):\n"
        f"    dependencies = [('shop', '{needs}')]\n    operations = [{operations}]\n"
    )


FIRST = {"db/versions/a1.py": alembic("a1", None)}
DJANGO = {
    "shop/migrations/0001_initial.py": django("migrations.CreateModel('Order', [])", "x").replace("('shop', 'x')", "")
}
SQL = {"db/migrations/0001_first.sql": "CREATE TABLE a (id int);\n", "db/migrations/0003_third.sql": "SELECT 1;\n"}


def judged(base: Mapping[str, str], change: Mapping[str, str | None]) -> Measured:
    after = {path: text for path, text in {**base, **change}.items() if text is not None}
    before = {path: text.encode() for path, text in base.items()}
    return check_migrations(between(before, {path: text.encode() for path, text in after.items()}))


def rules(measured: Measured, *, blocking: bool = True) -> set[str]:
    return {entry.rule.removeprefix("migrations/") for entry in measured.objections if entry.blocks or not blocking}


def alembic_of(up: str) -> dict[str, str | None]:
    return {"db/versions/b2.py": alembic("b2", "a1", up)}


def django_of(operations: str) -> dict[str, str | None]:
    return {"shop/migrations/0002_more.py": django(operations)}


def sql_of(text: str) -> dict[str, str | None]:
    return {"db/migrations/0004_fourth.sql": text}


KNEX = "exports.up = k => k.schema.alterTable('a', t => {\n  t.dropColumn('c');\n});"
BATCH = "with op.batch_alter_table('t') as batch:\n        batch.drop_column('c')"
FIELD = "migrations.AddField('Order', 'state', models.CharField(max_length=9%s))"
WRONG: list[tuple[str, Mapping[str, str], Mapping[str, str | None], set[str]]] = [
    ("edited", FIRST, {"db/versions/a1.py": alembic("a1", None, "op.create_table('b')")}, {"edited"}),
    ("edited SQL", SQL, {"db/migrations/0001_first.sql": "CREATE TABLE a (id bigint);\n"}, {"edited"}),
    ("deleted", DJANGO, {"shop/migrations/0001_initial.py": None}, {"deleted"}),
    (
        "two heads",
        {**FIRST, **{"db/versions/b2.py": alembic("b2", "a1")}},
        {"db/versions/c3.py": alembic("c3", "a1")},
        {"heads"},
    ),
    (
        "Django's two heads",
        {**DJANGO, "shop/migrations/0002_a.py": django("")},
        {"shop/migrations/0002_b.py": django("")},
        {"heads"},
    ),
    ("a missing parent", FIRST, {"db/versions/b2.py": alembic("b2", "zz")}, {"broken-chain", "heads"}),
    ("one revision twice", FIRST, {"db/versions/other.py": alembic("a1", None)}, {"twice", "heads"}),
    ("a number twice", SQL, {"db/migrations/0003_other.sql": "SELECT 2;\n"}, {"twice"}),
    ("too late", SQL, {"db/migrations/0002_second.sql": "SELECT 2;\n"}, {"out-of-order"}),
    ("unreadable", FIRST, {"db/versions/b2.py": "def upgrade(:\n"}, {"unreadable"}),
    (
        "a value is demanded",
        FIRST,
        alembic_of("op.add_column('t', sa.Column('c', sa.Integer(), nullable=False))"),
        {"not-null"},
    ),
    ("a column is dropped", FIRST, alembic_of("op.drop_column('t', 'c')"), {"destructive"}),
    ("dropped in a batch", FIRST, alembic_of(BATCH), {"destructive"}),
    ("a table is dropped", FIRST, alembic_of("op.drop_table('t')"), {"destructive"}),
    ("a column is renamed", FIRST, alembic_of("op.alter_column('t', 'c', new_column_name='d')"), {"rename"}),
    ("another type", FIRST, alembic_of("op.alter_column('t', 'c', type_=sa.Text())"), {"type-changed"}),
    ("raw SQL", FIRST, alembic_of("op.execute(sa.text('DELETE FROM t'))"), {"destructive"}),
    ("an index on PostgreSQL", {**FIRST, **POSTGRES}, alembic_of("op.create_index('i', 't', ['c'])"), {"index-locks"}),
    ("Django demands a value", DJANGO, django_of(FIELD % ""), {"not-null"}),
    ("Django drops a field", DJANGO, django_of("migrations.RemoveField('Order', 'state')"), {"destructive"}),
    ("Django drops a model", DJANGO, django_of("migrations.DeleteModel('Order')"), {"destructive"}),
    ("Django runs SQL", DJANGO, django_of("migrations.RunSQL('TRUNCATE t', '')"), {"destructive"}),
    ("SQL demands a value", SQL, sql_of("ALTER TABLE a ADD COLUMN c int NOT NULL;"), {"not-null"}),
    ("SQL drops", SQL, sql_of("-- gone\nALTER TABLE a DROP COLUMN c;"), {"destructive"}),
    ("a volatile default", SQL, sql_of("ALTER TABLE a ADD c uuid DEFAULT gen_random_uuid();"), {"volatile-default"}),
    (
        "a constraint on PostgreSQL",
        {**SQL, **POSTGRES},
        sql_of("ALTER TABLE a ADD CONSTRAINT k CHECK (id > 0);"),
        {"constraint-scan"},
    ),
    (
        "Prisma drops",
        {"prisma/migrations/1/migration.sql": "SELECT 1"},
        {"prisma/migrations/2/migration.sql": 'DROP TABLE "a";'},
        {"destructive"},
    ),
    ("Knex drops", {"migrations/001_a.js": "exports.up = k => k;"}, {"migrations/002_b.js": KNEX}, {"destructive"}),
]


@pytest.mark.parametrize(("base", "change", "expected"), [pytest.param(*row[1:], id=row[0]) for row in WRONG])
def test_what_loses_locks_or_confuses_is_minded(
    base: Mapping[str, str], change: Mapping[str, str | None], expected: set[str]
) -> None:
    assert rules(judged(base, change)) == expected


HONEST: list[tuple[str, Mapping[str, str], Mapping[str, str | None]]] = [
    ("the next", FIRST, alembic_of("op.create_table('b')")),
    ("a nullable column", FIRST, alembic_of("op.add_column('t', sa.Column('c', sa.Integer()))")),
    (
        "a default",
        FIRST,
        alembic_of("op.add_column('t', sa.Column('c', sa.Integer(), nullable=False, server_default='0'))"),
    ),
    ("its own new table", FIRST, alembic_of("op.create_table('n')\n    op.create_index('i', 'n', ['c'])")),
    (
        "concurrently",
        {**FIRST, **POSTGRES},
        alembic_of("op.create_index('i', 't', ['c'], postgresql_concurrently=True)"),
    ),
    ("an index elsewhere", FIRST, alembic_of("op.create_index('i', 't', ['c'])")),
    ("only formatted", FIRST, {"db/versions/a1.py": "# first\n" + alembic("a1", None)}),
    (
        "a merge",
        {**FIRST, "db/versions/b.py": alembic("b", "a1"), "db/versions/c.py": alembic("c", "a1")},
        {"db/versions/d.py": alembic("d", None).replace("None", "('b', 'c')")},
    ),
    ("Django's default", DJANGO, django_of(FIELD % ", default=''")),
    ("Django's null", DJANGO, django_of(FIELD % ", null=True")),
    ("SQL with a default", SQL, sql_of("ALTER TABLE a ADD COLUMN c int NOT NULL DEFAULT 0;")),
    ("only in a comment", SQL, sql_of("-- DROP TABLE a;\n/* TRUNCATE a; */ SELECT 'DROP TABLE a;';")),
    ("a delete of some", SQL, sql_of("DELETE FROM a WHERE id = 1;")),
    ("dropping in the way down", FIRST, alembic_of("op.create_table('b')")),
]


@pytest.mark.parametrize(("base", "change"), [pytest.param(*row[1:], id=row[0]) for row in HONEST])
def test_honest_migrations_block_nothing(base: Mapping[str, str], change: Mapping[str, str | None]) -> None:
    assert rules(judged(base, change)) == set()


@pytest.mark.parametrize(
    ("base", "change"),
    [
        (FIRST, {"db/versions/b2.py": alembic("b2", "a1", back="pass")}),
        (FIRST, {"db/versions/b2.py": alembic("b2", "a1", back="raise NotImplementedError")}),
        (DJANGO, django_of("migrations.RunPython(print)")),
        (SQL, sql_of("SELECT 1;")),
    ],
)
def test_no_way_back_is_noted(base: Mapping[str, str], change: Mapping[str, str | None]) -> None:
    told = judged(base, change)
    assert (rules(told), rules(told, blocking=False)) == (set(), {"irreversible"})


def test_a_change_without_migrations_is_nothing_to_look_at() -> None:
    assert vacuous(judged(FIRST, {"a.py": "x = 1\n"}))


def test_statements_know_quotes_comments_and_their_lines() -> None:
    text = "-- one\nSELECT ';', \"a;b\";\n\n/* two\n*/ DO $$ BEGIN; END; $$;\nSELECT 2"
    assert [(entry.text, entry.line) for entry in statements(text)] == [
        ("SELECT ';', \"a;b\"", 2),
        ("DO $$ BEGIN; END; $$", 5),
        ("SELECT 2", 6),
    ]
