"""Migrations run for real on a scratch database: up from the base's state, down again, up again; and models that say
more than the migrations do.

The database is SQLite. What only another database understands is a refusal, not a verdict.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from posixpath import dirname
from typing import Any

from ..model.evidence import GateKind
from ..model.gate import Gate
from ..model.judgement import Measured
from ..model.numbers import counted
from ..model.objection import Deviation, Objection, Severity
from .change_set import ChangeSet, as_text
from .grounds import Grounds, Said, could_not_tell, interpreter, nothing, run_as, verdict
from .measured import minded
from .migration_files import Migration, heads, kind_of, read_all
from .migration_scripts import ALEMBIC, BASE, DJANGO, DOWN, DRIFT, MODELS, SQL, UP, UP_AGAIN

NAME = "migration-trial"
SECONDS = 300.0
_MODELS = re.compile(r"(?:^|/)(?:models?|entities|tables|schema|orm)(?:/.+)?\.py$|(?:^|/)models/|(?:^|/)db/.+\.py$")
_ADDRESSES = ("DATABASE_URL", "SQLALCHEMY_DATABASE_URI", "SQLALCHEMY_DATABASE_URL", "SQLALCHEMY_URL", "DB_URL")
_BASE_FAILS = "the base's own migrations do not run on SQLite here"


@dataclass(frozen=True)
class _Trial:
    """One set of migrations, and how it is tried."""

    place: str
    """The file that stands for it."""
    where: str
    script: str
    base: tuple[str, ...] | None
    """The script's arguments on the base; None: the head's trial starts from the base's state by itself."""
    head: tuple[str, ...]
    count: int


async def try_migrations(grounds: Grounds) -> Measured:
    """Whether the head's migrations run up, down and up again on a scratch database, and say all that the models say.
    Only where the change touches migrations or models."""
    trials = list(_trials(grounds.change))
    if not trials:
        return nothing(NAME, grounds=grounds, unit="migrations")
    found: list[Objection] = []
    notes: list[str] = []
    for trial in trials:
        if trial.base is not None:
            told, said = await _told(grounds, grounds.change.base, trial, trial.base)
            if told is None or BASE in told:
                return _refused(grounds, trial, _BASE_FAILS, told, said)
        told, said = await _told(grounds, grounds.head, trial, trial.head)
        if told is None:
            return _refused(grounds, trial, "the trial ended without a word", None, said)
        if BASE in told:
            return _refused(grounds, trial, _BASE_FAILS, told, said)
        found += _objections(trial, told)
        notes += [f"models were not compared: {told[MODELS]}"] if MODELS in told else []
    count = sum(trial.count for trial in trials)
    migrations = counted(count, "migrations")
    reason = "; ".join([f"{migrations} ran up, down and up again on SQLite", *notes])
    if found:
        reason = f"{migrations} tried on SQLite: {found[0].what}"
    return verdict(NAME, found, grounds=grounds, examined=max(count, 1), unit="migrations", reason=reason)


def _trials(change: ChangeSet) -> Sequence[_Trial]:
    touched = {kind for path in change.paths if (kind := kind_of(path))}
    models = any(_MODELS.search(path) for path in change.paths)
    before, after = read_all(change.base_files, change.read_base), read_all(change.head_files, change.read_head)
    found: list[_Trial] = []
    if "alembic" in touched or models:
        found += _alembic(change, before, after)
    if "django" in touched or models:
        found += _django(change, before, after)
    return [*found, *_plain(change, before, after)] if "sql" in touched else found


def _alembic(change: ChangeSet, before: list[Migration], after: list[Migration]) -> list[_Trial]:
    own = [entry for entry in after if entry.kind == "alembic"]
    found = []
    for ini in sorted(path for path in change.head_files if path.rpartition("/")[2] == "alembic.ini") if own else ():
        where = dirname(ini) or "."
        old = [end.key for group, ends in heads(before).items() for end in ends if end.kind == "alembic"]
        told = ("alembic.ini", json.dumps(old), json.dumps(_ADDRESSES))
        found.append(_Trial(ini, where, ALEMBIC, (*told, "false"), (*told, "true"), len(own)))
    return found[:3]


def _django(change: ChangeSet, before: list[Migration], after: list[Migration]) -> list[_Trial]:
    found = []
    for manage in sorted(path for path in change.head_files if path.rpartition("/")[2] == "manage.py")[:3]:
        text = as_text(change.read_head(manage))
        module = re.search(r"DJANGO_SETTINGS_MODULE['\"]\s*,\s*['\"]([\w.]+)", text)
        if module is None:
            continue
        old = {group: ends[0].key for group, ends in heads(before).items() if ends and ends[0].kind == "django"}
        groups = sorted({entry.group for entry in after if entry.kind == "django"})
        fresh = {entry.group for entry in after if entry.path not in change.base_files}
        apps = [(dirname(group).rpartition("/")[2], old.get(group, "")) for group in groups if group in fresh]
        told = (module[1], json.dumps(apps))
        count = sum(1 for entry in after if entry.kind == "django")
        found.append(_Trial(manage, dirname(manage) or ".", DJANGO, (*told, "false"), (*told, "true"), count))
    return found


def _plain(change: ChangeSet, before: list[Migration], after: list[Migration]) -> list[_Trial]:
    old = {entry.path for entry in before}
    groups = sorted({entry.group for entry in after if entry.kind == "sql" and entry.path not in old})
    found = []
    for group in groups:
        own = [entry.path for entry in after if entry.kind == "sql" and entry.group == group]
        new = [path for path in own if path not in old]
        twins = [re.sub(r"(?:\.up)?\.sql$", ".down.sql", path) for path in reversed(new)]
        down = [twin for twin in twins if twin in change.head_files]
        told = (json.dumps([path for path in own if path in old]), json.dumps(new), json.dumps(down))
        found.append(_Trial(new[0], ".", SQL, None, told, len(new)))
    return found


async def _told(
    grounds: Grounds, revision: str, trial: _Trial, arguments: tuple[str, ...]
) -> tuple[dict[str, Any] | None, Said]:
    tests = grounds.tests
    python = interpreter(tests[0]) if tests and "python" in " ".join(tests[0].run) else ("python",)
    gate = Gate(kind=GateKind.OTHER, run=python, timeout=SECONDS, where=trial.where)
    async with grounds.checkout(revision, None) as room:
        said = await run_as(gate, room, (*python, "-c", trial.script, *arguments), reports=("told.json",))
    try:
        told = json.loads(said.reports["told.json"])
    except (KeyError, ValueError):
        return None, said
    return (told if isinstance(told, dict) else None), said


def _refused(grounds: Grounds, trial: _Trial, why: str, told: dict[str, Any] | None, said: Said) -> Measured:
    detail = said.last_words if told is None else str(told[BASE])[:200]
    return could_not_tell(
        NAME,
        f"{why}: {detail}",
        grounds=grounds,
        unit="migrations",
        fix=f"make {trial.place} runnable on SQLite in the project's environment, or waive this check by name",
        said=said,
    )


_FAILURES = {
    UP: ("up-fails", "the migrations do not run", "the release would stop half way"),
    DOWN: ("down-fails", "the new migrations cannot be taken back", "after a failed release nobody can go back"),
    UP_AGAIN: (
        "down-incomplete",
        "after going back the migrations do not run again",
        "`down` leaves something behind",
    ),
}


def _objections(trial: _Trial, told: dict[str, Any]) -> list[Objection]:
    found = []
    for step in (step for step in _FAILURES if step in told):
        rule, what, cause = _FAILURES[step]
        irreversible = step == DOWN and re.search(r"NotImplementedError|Irreversible", str(told[step]))
        severity = Severity.LOW if irreversible else Severity.HIGH
        found.append(_mind(rule, what, trial.place, cause, told[step], severity))
    if DRIFT in told:
        cause = "the models were changed and no migration says so; generate it"
        found.append(
            _mind("model-drift", "the models say more than the migrations do", trial.place, cause, told[DRIFT])
        )
    return found


def _mind(rule: str, what: str, path: str, cause: str, told: object, severity: Severity = Severity.HIGH) -> Objection:
    return minded(
        f"migrations/{rule}",
        what,
        path,
        cause=cause,
        evidence=str(told)[:2000],
        deviation=Deviation.BEHAVIOUR,
        severity=severity,
    )
