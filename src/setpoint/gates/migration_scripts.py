"""What runs in the sandbox to try migrations: one Python script for each tool, all behind the same beginning.

A script says in `told.json` which step failed and why, and ends with that step's traceback; a script that ends without
having told anything did not get as far as its steps.
"""

BASE, UP, DOWN, UP_AGAIN = "base", "up", "down", "up again"
"""The steps, as they are told when they fail."""
MODELS = "models"
"""Told when the models could not be compared with the migrations."""
DRIFT = "drift"
"""Told when the models say more than the migrations do."""

_BEGINNING = """
import json, os, sys
sys.path.insert(0, os.getcwd())
reports = os.environ["SETPOINT_REPORTS"]
scratch = os.path.join(reports, "s.db")
told = {}
def tell(more):
    told.update(more)
    with open(os.path.join(reports, "told.json"), "w", encoding="utf-8") as out:
        json.dump(told, out)
class Step:
    def __init__(self, name, place=""):
        self.name, self.place = name, place
    def __enter__(self):
        return self
    def __exit__(self, kind, error, trace):
        if kind is not None:
            tell({self.name: f"{self.place or kind.__name__}: {error}"})
"""
ALEMBIC = f"""{_BEGINNING}
ini, before, addresses, whole = sys.argv[1], *map(json.loads, sys.argv[2:])
url = "sqlite:///" + scratch
for name in addresses:
    os.environ[name] = url
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
settings = Config(ini, stdout=open(os.devnull, "w"))
settings.set_main_option("sqlalchemy.url", url)
def move(name, way, to):
    with Step(name):
        for one in to:
            way(settings, one)
move("{BASE}", command.upgrade, before)
if whole:
    move("{UP}", command.upgrade, ["heads"])
    move("{DOWN}", command.downgrade, before or ["base"])
    move("{UP_AGAIN}", command.upgrade, ["heads"])
    with Step("{MODELS}"):
        try:
            command.check(settings)
        except CommandError as error:
            if "operations detected" not in str(error):
                raise
            tell({{"{DRIFT}": str(error)}})
tell({{}})
"""
"""Takes the ini file, the base's heads, the names of addresses to point at the scratch database, and whether to go on
from the base."""
DJANGO = f"""{_BEGINNING}
import types
module, apps, whole = sys.argv[1], *map(json.loads, sys.argv[2:])
settings = types.ModuleType("setpoint_scratch")
own = vars(__import__(module, fromlist=["*"]))
vars(settings).update({{name: value for name, value in own.items() if name.isupper()}})
settings.DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": scratch}}}}
sys.modules["setpoint_scratch"] = settings
os.environ["DJANGO_SETTINGS_MODULE"] = "setpoint_scratch"
import django
from django.core.management import call_command
django.setup()
def migrate(name, *to):
    with Step(name):
        call_command("migrate", *to, interactive=False, verbosity=0)
def go():
    for app, name in apps:
        if name:
            migrate("{BASE}", app, name)
    migrate("{UP}")
    for app, name in reversed(apps):
        migrate("{DOWN}", app, name or "zero")
    migrate("{UP_AGAIN}")
def compare():
    with Step("{MODELS}"):
        try:
            call_command("makemigrations", check=True, dry_run=True, interactive=False, verbosity=0)
        except SystemExit as error:
            if error.code:
                tell({{"{DRIFT}": "makemigrations would write one"}})
if whole:
    try:
        go()
    finally:
        compare()
else:
    migrate("{BASE}")
tell({{}})
"""
"""Takes the settings module, the apps with fresh migrations and where the base left each, and whether to go on from the
base."""
SQL = f"""{_BEGINNING}
import sqlite3
old, new, down = map(json.loads, sys.argv[1:])
base = sqlite3.connect(scratch)
def run(name, paths):
    for path in paths:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with Step(name, path):
            base.executescript(text)
run("{BASE}", old)
run("{UP}", new)
run("{DOWN}", down)
if down:
    run("{UP_AGAIN}", new)
tell({{}})
"""
"""Takes the files of the base, the new ones, and those that take the new ones back."""
