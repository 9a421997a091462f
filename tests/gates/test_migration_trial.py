"""Migrations run for real, up, down and up again; models that say more than they do are named."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from setpoint.gates.measured import vacuous
from setpoint.gates.migration_trial import try_migrations
from setpoint.model.evidence import Outcome
from setpoint.model.judgement import Measured
from setpoint.testing.gate_grounds import grounds_of

ENV = """from alembic import context
from sqlalchemy import engine_from_config
from models import metadata

engine = engine_from_config(context.config.get_section("alembic"), prefix="sqlalchemy.")
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
"""
MODELS = """from sqlalchemy import Column, Integer, MetaData, String, Table

metadata = MetaData()
orders = Table("orders", metadata, Column("id", Integer, primary_key=True))
"""
STATE = 'Column("id", Integer, primary_key=True), Column("state", String)'
MODELS_WITH_STATE = MODELS.replace('Column("id", Integer, primary_key=True)', STATE)


def revision(name: str, down: str | None, up: str, back: str) -> str:
    return (
        f'import sqlalchemy as sa\nfrom alembic import op\n\nrevision = "{name}"\ndown_revision = {down!r}\n\n\n'
        f"def upgrade():\n    {up}\n\n\ndef downgrade():\n    {back}\n"
    )


CREATE = "op.create_table('orders', sa.Column('id', sa.Integer(), primary_key=True))"
ADD = "op.add_column('orders', sa.Column('state', sa.String()))"
DROP = "op.drop_column('orders', 'state')"
ALEMBIC = {
    "alembic.ini": "[alembic]\nscript_location = db\nsqlalchemy.url = postgresql://nowhere.example/shop\n",
    "models.py": MODELS,
    "db/env.py": ENV,
    "db/script.py.mako": "",
    "db/versions/a1.py": revision("a1", None, CREATE, "op.drop_table('orders')"),
}


async def judged(tmp_path: Path, base: Mapping[str, str], change: Mapping[str, str]) -> Measured:
    return await try_migrations(grounds_of(tmp_path, base, {**base, **change}))


def rules(measured: Measured) -> set[str]:
    return {entry.rule for entry in measured.objections if entry.blocks}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"db/versions/b2.py": revision("b2", "a1", ADD, DROP), "models.py": MODELS_WITH_STATE}, set()),
        ({"models.py": MODELS_WITH_STATE}, {"migrations/model-drift"}),
        (
            {"db/versions/b2.py": revision("b2", "a1", "op.drop_column('orders', 'gone')", "pass")},
            {"migrations/up-fails"},
        ),
        (
            {"db/versions/b2.py": revision("b2", "a1", ADD, "op.drop_table('gone')"), "models.py": MODELS_WITH_STATE},
            {"migrations/down-fails"},
        ),
        (
            {"db/versions/b2.py": revision("b2", "a1", ADD, "pass"), "models.py": MODELS_WITH_STATE},
            {"migrations/down-incomplete"},
        ),
    ],
    ids=["honest", "models alone", "no way up", "no way down", "down leaves a rest"],
)
async def test_alembic_runs_up_down_and_up_again(tmp_path: Path, change: Mapping[str, str], expected: set[str]) -> None:
    told = await judged(tmp_path, ALEMBIC, change)
    assert rules(told) == expected
    assert expected or told.result.reason == "2 migrations ran up, down and up again on SQLite"


@pytest.mark.slow
async def test_what_only_another_database_understands_is_refused(tmp_path: Path) -> None:
    odd = {**ALEMBIC, "db/versions/a1.py": revision("a1", None, "op.execute('CREATE EXTENSION x')", "pass")}
    told = await judged(tmp_path, odd, {"db/versions/b2.py": revision("b2", "a1", ADD, DROP)})
    assert told.result.outcome is Outcome.REFUSED
    assert "do not run on SQLite here" in told.result.reason


FIELD = "    state = models.CharField(max_length=9, default='')\n"
DJANGO = {
    "manage.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_.settings')\n",
    "site_/__init__.py": "",
    "site_/settings.py": (
        "SECRET_KEY = 'x'\nINSTALLED_APPS = ['shop']\nDEFAULT_AUTO_FIELD = 'django.db.models.AutoField'\n"
        "DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', 'HOST': 'nowhere.example'}}\n"
    ),
    "shop/__init__.py": "",
    "shop/models.py": "from django.db import models\n\n\nclass Order(models.Model):\n    note = models.TextField()\n",
    "shop/migrations/__init__.py": "",
    "shop/migrations/0001_initial.py": (
        "from django.db import migrations, models\n\n\nclass Migration(migrations.Migration):\n    initial = True\n"
        "    dependencies = []\n    operations = [migrations.CreateModel('Order', [\n"
        "        ('id', models.AutoField(primary_key=True, auto_created=True, serialize=False, verbose_name='ID')),\n"
        "        ('note', models.TextField())])]\n"
    ),
}
SECOND = (
    "from django.db import migrations, models\n\n\nclass Migration(migrations.Migration):\n"
    "    dependencies = [('shop', '0001_initial')]\n    operations = [%s]\n"
)
ADD_FIELD = "migrations.AddField('Order', 'state', models.CharField(max_length=9, default=''))"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"shop/migrations/0002_state.py": SECOND % ADD_FIELD, "shop/models.py": DJANGO["shop/models.py"] + FIELD},
            set(),
        ),
        ({"shop/models.py": DJANGO["shop/models.py"] + FIELD}, {"migrations/model-drift"}),
        (
            {"shop/migrations/0002_state.py": SECOND % "migrations.RunSQL('SELECT gone FROM nothing', '')"},
            {"migrations/up-fails"},
        ),
        (
            {
                "shop/migrations/0002_state.py": SECOND % "migrations.RunSQL('SELECT gone FROM nothing', '')",
                "shop/models.py": DJANGO["shop/models.py"] + FIELD,
            },
            {"migrations/up-fails", "migrations/model-drift"},
        ),
        ({"shop/migrations/0002_state.py": SECOND % "migrations.RunSQL('SELECT 1')"}, set()),
    ],
    ids=["honest", "models alone", "no way up", "no way up and too much in the models", "irreversible is only noted"],
)
async def test_django_runs_up_down_and_up_again(tmp_path: Path, change: Mapping[str, str], expected: set[str]) -> None:
    told = await judged(tmp_path, DJANGO, change)
    assert rules(told) == expected


async def test_a_trial_that_does_not_reach_its_first_step_is_refused(tmp_path: Path) -> None:
    base = {**DJANGO, "site_/settings.py": "import gone_\n"}
    told = await judged(tmp_path, base, {"shop/models.py": DJANGO["shop/models.py"] + FIELD})
    assert told.result.outcome is Outcome.REFUSED
    assert told.result.reason.endswith("do not run on SQLite here: ModuleNotFoundError: No module named 'gone_'")


SQL = {"migrations/001_a.sql": "CREATE TABLE a (id int);\n"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"migrations/002_b.sql": "ALTER TABLE a ADD b int;", "migrations/002_b.down.sql": "ALTER TABLE a DROP b;"},
            set(),
        ),
        ({"migrations/002_b.sql": "ALTER TABLE gone ADD b int;"}, {"migrations/up-fails"}),
        (
            {"migrations/002_b.sql": "CREATE TABLE b (id int);", "migrations/002_b.down.sql": "SELECT 1;"},
            {"migrations/down-incomplete"},
        ),
    ],
    ids=["honest", "no way up", "down leaves a rest"],
)
async def test_sql_files_run_in_their_order(tmp_path: Path, change: Mapping[str, str], expected: set[str]) -> None:
    assert rules(await judged(tmp_path, SQL, change)) == expected


async def test_other_changes_are_nothing_to_try(tmp_path: Path) -> None:
    assert vacuous(await judged(tmp_path, ALEMBIC, {"README.md": "x"}))
