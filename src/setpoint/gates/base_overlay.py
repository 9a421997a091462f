"""The base's own gate configuration, laid over the tree of a change: no change sets the measure it is measured by.

Files that also carry the product (`pyproject.toml`, `package.json`, `setup.cfg`) keep the change's product part; only
what tools read is put back. What could take a tool's place (a module `pytest.py`, an entry point, an environment in the
tree) is put back or taken away as well, and is an objection of its own.
"""

import configparser
import io
import json
import re
import unicodedata
from collections.abc import Callable, Collection
from pathlib import PurePosixPath
from typing import Any

from ..model.objection import Deviation, Objection, Source
from .change_set import ChangeSet, Delta
from .frozen import is_test_path
from .measured import minded
from .protected import protection

TOOLS = frozenset(
    (
        *("pytest", "coverage", "ruff", "black", "isort", "mypy", "pyright", "basedpyright", "ty", "pyrefly", "flake8"),
        *("pylint", "bandit", "tox", "nox", "poe", "poethepoet", "taskipy", "pydocstyle", "pycodestyle", "mutmut"),
        *(
            "cosmic-ray",
            "pytest-watcher",
            "diff_cover",
            "interrogate",
            "vulture",
            "autoflake",
            "setpoint",
            "inline-snapshot",
        ),
    )
)
"""Tables of `[tool]` that judge."""
_SECTIONS = re.compile(
    r"tool:pytest|pytest|flake8.*|mypy.*|coverage:.*|isort|pylint.*|pycodestyle|pydocstyle|bandit|tox.*|tool:.*", re.I
)
"""Sections of `setup.cfg` that judge."""
_KEYS = (
    *("jest", "vitest", "mocha", "ava", "nyc", "c8", "eslintConfig", "eslintIgnore", "prettier", "biome", "stryker"),
    *("standard", "xo", "tap", "bundlesize", "size-limit"),
)
"""Keys of `package.json` that judge, besides `scripts`."""
_OWN_FILES = frozenset(
    (
        "pytest.toml",
        ".pytest.toml",
        "ty.toml",
        "pyrefly.toml",
        "vitest.setup.js",
        "vitest.setup.ts",
        ".c8rc.json",
        ".nycrc",
    )
)
_NOT_LAID = frozenset(("tsconfig.json", "jsconfig.json"))
"""Also decide how the product is built: they stay, and their change is an objection of the tamper guard."""
_SHADOWS = frozenset(
    (
        *(
            "pytest",
            "_pytest",
            "pluggy",
            "iniconfig",
            "unittest",
            "coverage",
            "xdist",
            "execnet",
            "mypy",
            "ruff",
            "flake8",
        ),
        *(
            "black",
            "pyright",
            "bandit",
            "tox",
            "nox",
            "sitecustomize",
            "usercustomize",
            "atexit",
            "traceback",
            "doctest",
        ),
        *("pytest_cov", "hypothesis", "junitparser", "runpy", "site", "importlib", "inspect", "ast"),
    )
)
"""Modules whose place a file at the top of the tree would take, since the tree is first on the path."""
_ENVIRONMENTS = frozenset((".venv", "venv", "node_modules", "site-packages", "__pycache__"))


def base_overlay(
    change: ChangeSet, granted: Collection[str] = (), *, frozen_tests: bool = False
) -> dict[str, bytes | None]:
    """What to lay over the tree of `change` before gates run on it; None deletes. `granted` are files whose change a
    person allowed. With `frozen_tests` the plumbing of tests (`conftest.py`) is the base's too."""
    laid: dict[str, bytes | None] = {}
    for delta in change.deltas:
        for path, before, after in _sides(delta):
            if path in granted or before == after:
                continue
            if _takes_a_tools_place(path, change) or (frozen_tests and PurePosixPath(path).name == "conftest.py"):
                laid[path] = before
            elif _judges(path):
                put_back = _MERGED.get(PurePosixPath(path).name, _whole)(before, after)
                if put_back != after:
                    laid[path] = put_back
    return laid


def planted(change: ChangeSet, granted: Collection[str] = ()) -> tuple[Objection, ...]:
    """An objection for each file of the change that takes the place of a tool, or joins one unasked."""
    return tuple(
        minded(
            "proof/planted-tool",
            f"{delta.path} takes the place of a tool, or is loaded into it unasked",
            delta.path,
            cause="the commands that judge this change would run it; it is left out of the tree that they see",
            source=Source.TAMPER,
            deviation=Deviation.BOUNDARY,
        )
        for delta in change.deltas
        if not delta.deleted
        and delta.path not in granted
        and delta.after != delta.before
        and _takes_a_tools_place(delta.path, change)
    )


def _sides(delta: Delta) -> list[tuple[str, bytes | None, bytes | None]]:
    """Path, content before and after; a renamed file is one that is gone and one that is new."""
    if not delta.was:
        return [(delta.path, delta.before, delta.after)]
    return [(delta.was, delta.before, None), (delta.path, None, delta.after)]


def _judges(path: str) -> bool:
    name = unicodedata.normalize("NFKC", PurePosixPath(path).name).casefold()
    if name in _NOT_LAID or (name.startswith("tsconfig") and name.endswith(".json")):
        return False
    return name in _OWN_FILES or protection(path) == "config"


def _takes_a_tools_place(path: str, change: ChangeSet) -> bool:
    parts = [part.casefold() for part in PurePosixPath(path).parts]
    if _ENVIRONMENTS.intersection(parts[:-1]) or path.casefold().endswith(".pth"):
        return True
    if any(part.endswith((".egg-info", ".dist-info")) for part in parts[:-1]):
        return True
    top = parts[0].partition(".")[0]
    if len(parts) > 2 or top not in _SHADOWS or is_test_path(path):
        return top in ("sitecustomize", "usercustomize")
    if len(parts) == 2 and not any(known.casefold() == f"{parts[0]}/__init__.py" for known in change.head_files):
        return False
    was_there = any(known.casefold().partition("/")[0].partition(".")[0] == top for known in change.base_files)
    return parts[-1].endswith((".py", ".pyc", ".so", ".pyd")) and not was_there


# -- files that carry the product as well ------------------------------------------------------------------------------


def _whole(before: bytes | None, _after: bytes | None) -> bytes | None:
    return before


def _pyproject(before: bytes | None, after: bytes | None) -> bytes | None:
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    if after is None:
        return before
    try:
        old: Any = tomlkit.parse((before or b"").decode())
        new: Any = tomlkit.parse(after.decode())
    except (TOMLKitError, UnicodeDecodeError):
        return before
    was, now = old.get("tool", {}), new.get("tool", {})
    names = [name for name in {*was, *now} if name in TOOLS]
    if all(_plain(was.get(name)) == _plain(now.get(name)) for name in names):
        return after
    # Written anew from plain values: moving tables between documents loses or doubles what stands between them.
    told = _plain(new)
    tools = {name: value for name, value in told.get("tool", {}).items() if name not in TOOLS}
    tools |= {name: _plain(was[name]) for name in names if name in was}
    told["tool"] = tools
    return tomlkit.dumps(told).encode()


def _plain(value: Any) -> Any:
    return value.unwrap() if hasattr(value, "unwrap") else value


def _package(before: bytes | None, after: bytes | None) -> bytes | None:
    try:
        old, new = json.loads(before or b"{}"), json.loads(after or b"")
    except (ValueError, RecursionError):
        return before
    if not isinstance(old, dict) or not isinstance(new, dict):
        return before
    merged = {key: value for key, value in new.items() if key not in _KEYS}
    merged |= {key: old[key] for key in _KEYS if key in old}
    was, now = old.get("scripts"), new.get("scripts")
    if isinstance(was, dict):
        now = now if isinstance(now, dict) else {}
        # `pretest` and `posttest` run around a script unasked.
        added = {key: text for key, text in now.items() if re.sub(r"^(?:pre|post)", "", key) not in was}
        merged["scripts"] = {**added, **was}
    return after if merged == new else json.dumps(merged, indent=2).encode()


def _setup_cfg(before: bytes | None, after: bytes | None) -> bytes | None:
    if after is None:
        return before
    try:
        old, new = _sections(before or b""), _sections(after)
    except (configparser.Error, UnicodeDecodeError):
        return before
    judging = [name for name in {*old.sections(), *new.sections()} if _SECTIONS.fullmatch(name)]
    if all(_items(old, name) == _items(new, name) for name in judging):
        return after
    for name in judging:
        new.remove_section(name)
        if old.has_section(name):
            new[name] = _items(old, name) or {}
    told = io.StringIO()
    new.write(told)
    return told.getvalue().encode()


class _AsWritten(configparser.RawConfigParser):
    def optionxform(self, optionstr: str) -> str:
        """Names keep their case."""
        return optionstr


def _sections(content: bytes) -> configparser.RawConfigParser:
    parser = _AsWritten(strict=False)
    parser.read_string(content.decode())
    return parser


def _items(parser: configparser.RawConfigParser, name: str) -> dict[str, str] | None:
    return dict(parser.items(name)) if parser.has_section(name) else None


_MERGED: dict[str, Callable[[bytes | None, bytes | None], bytes | None]] = {
    "pyproject.toml": _pyproject,
    "package.json": _package,
    "setup.cfg": _setup_cfg,
}
