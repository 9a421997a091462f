"""Boundaries that a ticket's own sentences set: `Do not change the database schema.` forbids migrations."""

import re
from collections.abc import Sequence
from typing import Any

from .intake_text import masked
from .intake_words import frozen_object, without_leaders


def _rule(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_NO = r"(?:do not|don't|no|without|never|must not|may not|should not|not allowed)"
_NO_SCHEMA = _rule(
    rf"\b{_NO}\b.{{0,60}}\b(?:(?:database|db|sql|table) (?:schemas?|models?|tables?|structure)|schema of the database|"
    r"(?:schema|database|db)? ?migrations?)\b"
)
_SCHEMA_STAYS = _rule(
    r"\b(?:preserve|keep|leave|maintain)\b.{0,40}\b(?:database|db) (?:schema|models?)\b"
    r"|\b(?:database|db) (?:schema|models?)\b.{0,30}\b(?:stays?|remains?|unchanged|intact|frozen)\b"
)
_MIGRATION = _rule(r"\b(?:add|write|create|include|with|needs?|requires?|ship)\b.{0,40}\bmigrations?\b")
_NO_DEPENDENCY = _rule(rf"\b{_NO}\b.{{0,40}}\b(?:dependenc(?:y|ies)|packages?|librar(?:y|ies))\b")
_DEPENDENCY = _rule(
    r"\b(?:may|can|allowed to|add|use)\b.{0,30}\b(?:a |the )?(?:new |additional )?(?:dependency|dependencies)\b"
)
_NO_NETWORK = _rule(rf"\b{_NO}\b.{{0,20}}\bnetwork\b")
_ONLY = _rule(r"^(?:only (?:touch|change|edit|modify)|(?:touch|change|edit|modify) only)\b|\bchanges? only in\b")
_HANDS_OFF = _rule(rf"^{_NO} (?:touch|change|edit|modify|delete|remove|rename)\b")
_ASK = _rule(r"\b(?:ask|approval|sign-off|confirm(?:ation)?)\b.{0,40}\bbefore\s+(.{3,120}?)[.!]*$")
_PATH = re.compile(r"`([\w.*-]+(?:/[\w.*-]+)*/?)`")


def boundaries_said(texts: Sequence[str]) -> dict[str, Any]:
    """The boundaries said in `texts`, by field; a field nobody spoke of is not there."""
    values: dict[str, Any] = {}
    for text in texts:
        for name, value in _said(text).items():
            values[name] = tuple(dict.fromkeys((*values.get(name, ()), *value))) if isinstance(value, tuple) else value
    # A prohibition outlives a permission that was said after it.
    for name, mark in (("migrations", "database schema"), ("dependencies", "dependencies")):
        if mark in values.get("frozen", ()):
            values[name] = False
    return values


def _said(text: str) -> dict[str, Any]:
    text = text[:2_000]
    hidden = without_leaders(masked(text))
    values: dict[str, Any] = {}
    frozen: list[str] = []
    if _NO_SCHEMA.search(hidden) or _SCHEMA_STAYS.search(hidden):
        values["migrations"] = False
        frozen.append("database schema")
    elif _MIGRATION.search(hidden):
        values["migrations"] = True
    if _NO_DEPENDENCY.search(hidden):
        values["dependencies"] = False
        frozen.append("dependencies")
    elif _DEPENDENCY.search(hidden):
        values["dependencies"] = True
    if _NO_NETWORK.search(hidden):
        values["network"] = ()
    paths = _paths(text)
    if paths and _ONLY.search(hidden):
        values["paths"] = paths
    elif paths and _HANDS_OFF.search(hidden):
        values["protected"] = paths
    asked = _ASK.search(hidden)
    if asked:
        values["needs_person"] = (text[-len(asked.group(1)) - 1 :].strip(" .!"),)
    interface = "" if "paths" in values or "protected" in values or frozen else frozen_object(text)
    frozen += [interface[:500]] if interface else []
    return {**values, **({"frozen": tuple(frozen)} if frozen else {})}


def _paths(text: str) -> tuple[str, ...]:
    """Code spans that look like paths, as globs: a folder means all below it."""
    globs: list[str] = []
    for path in _PATH.findall(text):
        last = path.rsplit("/", 1)[-1]
        if path.endswith("/"):
            globs.append(f"{path}**")
        elif "/" in path and "." not in last and "*" not in last:
            globs += [path, f"{path}/**"]
        elif "/" in path or re.search(r"\.\w{1,5}$", last):
            globs.append(path)
    return tuple(globs)
