"""Settings of gates that let more pass than before: thresholds, rules, what is collected, what is left out."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...model.objection import Objection
from ..change_set import ChangeSet, as_text
from ..frozen import is_test_path
from .command_lines import same_purpose
from .config_files import OWN, Config
from .raised import HIGH, LOW, MEDIUM, REQUEST, moved_goalposts
from .settings_files import Setting

_HIGHER = re.compile(
    r"(?:fail[_-]?under|min[_-]?(?:score|coverage|rating|imum)\w*|minimum\w*|branches|functions|lines|statements|"
    r"max_examples|maxexamples|target|break|mutation[_-]?score)$"
)
"""Numbers whose fall lets more pass."""
_LOWER = re.compile(
    r"(?:max[_-](?!examples|line|width|doc)[\w-]+|maxwarnings|complexity|cognitive-complexity|limit|maxsize|sloppiness)$"
)
_TIME = re.compile(r"(?:test_?timeout|hook_?timeout|timeout|timeout_method|slow|faulthandler_timeout)$")
_RETRY = re.compile(r"(?:retries|retry|reruns|retrytimes)$")
_STRICT = re.compile(
    r"(?:strict\w*|xfail_strict|check[-_]?coverage|disallow_\w+|disallow\w+|warn_\w+|no_implicit\w*|noimplicit\w*|"
    r"nounused\w*|nofallthrough\w*|nounchecked\w*|exactoptional\w*|checkjs|check_untyped_defs|branch|fail_ci_if_error|"
    r"failonconsole|alwaysstrict|useunknownincatchvariables|extra_checks|local_partial_types|all)$"
)
_LAX = re.compile(
    r"(?:ignore_errors|ignore_missing_imports|passwithnotests|continue-on-error|allow_failure|exit[-_]zero|"
    r"allow_untyped\w*|allow_redefinition|skipfiles|allowonly|dangerouslyignoreunhandlederrors|soft_fail|nocheck)$"
)
_HIDES = re.compile(
    r"(?:ignore|extend[-_]ignore|exclude|extend[-_]exclude|force-exclude|omit|exclude_lines|exclude_also|disable|"
    r"disable_error_code|skips|testpathignorepatterns|coveragepathignorepatterns|modulepathignorepatterns|norecursedirs|"
    r"ignorepatterns|ignores|exclude_dirs|ignore_patterns|collect_ignore|collect_ignore_glob|paths-ignore|partial_branches)"
    r"(?:\[\])*$|per[-_]file[-_]ignores"
)
_SHOWS = re.compile(
    r"(?:select|extend[-_]select|testpaths|enable|enable_error_code|python_files|python_functions|python_classes|"
    r"testmatch|testregex|source|source_pkgs|roots|projects|spec|include)(?:\[\])*$"
)
_TESTS = re.compile(
    r"testpaths|python_|testmatch|testregex|roots|projects|spec|norecursedirs|testpathignore|collect_ignore"
)
_NOT_GATES = re.compile(
    r"^project[.\[]|(?:^|\.)(?:metadata|options|build|hatch|setuptools|sdist|wheel|package[-_]data|publish|"
    r"files\[\]$|dependencies|engines|exports|keywords|classifiers|urls|scripts|workspaces|browserslist|typesversions|poetry|flit|pdm|uv|"
    r"towncrier|bumpversion)(?:\.|\[|$)"
)
_GENERATED = re.compile(
    r"node_modules|dist|build|\.venv|venv|coverage|generated|vendor|\.min\.|\.git|__pycache__|migrations|\.next|out|_pb2"
)
_OFF = frozenset(
    ("off", "warn", "0", "1", "none", "warning", "information", "hint", "allow", "ignore", "false", "info")
)
_ON = frozenset(("error", "2", "deny", "true"))
_SETS = re.compile(r"recommended|extends|configs\.|preset")
_RULE = re.compile(r"(?:^|\.)(?:rules|report\w+|lint|linter|correctness|suspicious|style|complexity)(?:\.|$|\w)")


def laxer_settings(change: ChangeSet, files: Sequence[Config]) -> Iterator[Objection]:
    """Objections against settings of `files` that see less than before."""
    now = _elsewhere(files)
    for file in files:
        if not file.readable and file.before:
            yield moved_goalposts(
                "gate-config", f"{file.path} cannot be read as configuration any more", file.path,
                cause=f"its gates may run with other settings than before; {REQUEST}",
            )  # fmt: skip
            continue
        yield from _shadowing(change, file)
        if file.delta.before is None:
            continue
        yield from _numbers(file, now)
        yield from _switches(file, now)
        yield from _lists(file, now)
        yield from _severities(file)
        yield from _rules_gone(file, now)


@dataclass(frozen=True)
class Elsewhere:
    """What the configuration of the change says as a whole, for what only moved."""

    values: Counter[tuple[str, str]]
    """Last words of keys with their values."""
    tools: frozenset[str]
    """Tools that a file configures and did not before."""


def _elsewhere(files: Sequence[Config]) -> Elsewhere:
    values = Counter((_last(one.key), one.value) for file in files for one in file.after)
    tools: set[str] = set()
    for file in files:
        tools |= {_tool(one.key) for one in file.after} - {_tool(one.key) for one in file.before}
    return Elsewhere(values, frozenset(tools))


def _tool(key: str) -> str:
    """`mypy` of `tool.mypy.strict` and of `mypy.strict`; one name for linters that take each other's place."""
    name = re.split(r"[.:\[]", key.lower().removeprefix("tool.").removeprefix("tool:"))[0]
    return "ruff" if name in ("flake8", "pylint", "isort", "black") else name


def _last(key: str) -> str:
    return key.replace("[]", "").rpartition(".")[2].lower()


_Keyed = dict[str, list[Setting]]


def _by_key(found: Sequence[Setting]) -> _Keyed:
    keyed: _Keyed = {}
    for one in found:
        keyed.setdefault(one.key, []).append(one)
    return keyed


def _number(value: str) -> float | None:
    found = re.fullmatch(r"\s*(-?[\d_]+(?:\.\d+)?)\s*(?:%|ms|s|kb|mb|b)?\s*", value, re.IGNORECASE)
    scale = 1000.0 if value.strip().lower().endswith("mb") else 1.0
    return float(found[1].replace("_", "")) * scale if found else None


# -- numbers ---------------------------------------------------------------------------------------------------------


def _numbers(file: Config, now: Elsewhere) -> Iterator[Objection]:
    after = _by_key(file.after)
    for key, olds in _by_key(file.before).items():
        last = _last(key)
        if _NOT_GATES.search(key.lower()) or (file.ci and _TIME.search(last)):
            continue
        news = after.get(key, [])
        old = next((value for one in olds if (value := _number(one.value)) is not None), None)
        new = next(((value, one) for one in news if (value := _number(one.value)) is not None), None)
        yield from _compared(file, last, olds[0], old, new, now)
    known = {one.key for one in file.before}
    for one in file.after:
        if (
            one.key not in known
            and _RETRY.search(_last(one.key))
            and _number(one.value.partition(",")[0]) not in (None, 0.0)
        ):
            yield _retries(file, one)


def _compared(
    file: Config,
    last: str,
    setting: Setting,
    old: float | None,
    new: tuple[float, Setting] | None,
    now: Elsewhere,
) -> Iterator[Objection]:
    if old is None:
        return
    if new is None:
        if (_HIGHER.search(last) or _LOWER.search(last)) and not now.values[last, setting.value]:
            yield _lowered(file, setting.key, f"{setting.value} is gone", None, setting.line)
        return
    value, at = new
    if _RETRY.search(last) and value > old:
        yield _retries(file, at)
    elif (_HIGHER.search(last) and value < old) or (_LOWER.search(last) and value > old):
        yield _lowered(file, setting.key, f"{setting.value} became {at.value}", at.line, at.line)
    elif _TIME.search(last) and value > old:
        yield _lowered(file, setting.key, f"{setting.value} became {at.value}", at.line, at.line, medium=True)


def _lowered(file: Config, key: str, how: str, line: int | None, _at: int, *, medium: bool = False) -> Objection:
    return moved_goalposts(
        "threshold-lowered", f"{file.path} lets more pass: `{key.replace('[]', '')}`", file.path, line,
        cause=f"{how}; {REQUEST}", evidence=how, severity=MEDIUM if medium else HIGH,
    )  # fmt: skip


def _retries(file: Config, at: Setting) -> Objection:
    return moved_goalposts(
        "retries-added", f"{file.path} tries failing tests again: `{at.key}`", file.path, at.line,
        cause=f"a test that may fail and pass proves nothing; {REQUEST}", evidence=f"{at.key} = {at.value}",
    )  # fmt: skip


# -- switches --------------------------------------------------------------------------------------------------------


def _switches(file: Config, now: Elsewhere) -> Iterator[Objection]:
    if file.ci:
        return
    before, after = _by_key(file.before), _by_key(file.after)
    for key, olds in before.items():
        last = _last(key)
        if _STRICT.match(last) and olds[0].value.lower() in ("true", "error", "1", "yes", "on"):
            new = after.get(key)
            gone = new is None and not now.values[last, olds[0].value] and _tool(key) not in now.tools
            if gone or (new is not None and new[0].value.lower() in ("false", "0", "no", "off", "none")):
                yield _silenced(
                    file, f"`{key}` is no longer on", new[0].line if new else None, f"{key} was {olds[0].value}"
                )
    for key, news in after.items():
        last = _last(key)
        was = before.get(key, [Setting(key, "false", 0)])[0].value.lower()
        if _LAX.match(last) and news[0].value.lower() in ("true", "yes", "1") and was not in ("true", "yes", "1"):
            narrow = "overrides" in key and last == "ignore_missing_imports"
            yield _silenced(file, f"`{key}` is on now", news[0].line, f"{key} = {news[0].value}", low=narrow)


def _silenced(
    file: Config, what: str, line: int | None, evidence: str, *, low: bool = False, rule: str = ""
) -> Objection:
    return moved_goalposts(
        rule or "rule-silenced", f"{file.path} makes a gate look away: {what}", file.path, line,
        cause=f"what it minded is not minded any more; {REQUEST}", evidence=evidence, severity=LOW if low else HIGH,
    )  # fmt: skip


# -- lists -----------------------------------------------------------------------------------------------------------


def _lists(file: Config, now: Elsewhere) -> Iterator[Objection]:
    before, after = _by_key(file.before), _by_key(file.after)
    kept = Counter((_last(one.key), one.value) for one in file.before)
    for key in dict.fromkeys((*before, *after)):
        low = key.lower()
        if _NOT_GATES.search(low) and "hooks" not in low:
            continue
        old, new = before.get(key, []), after.get(key, [])
        olds, news = {one.value for one in old}, {one.value for one in new}
        if _HIDES.search(low):
            for one in new:
                if one.value and one.value not in olds and not kept[_last(key), one.value]:
                    yield from _hidden(file, key, one, before, after)
        elif _SHOWS.search(low) and (old or new):
            gone = [one for one in old if one.value not in news and not _selected(one.value, news)]
            moved = not new and (_tool(key) in now.tools or all(now.values[_last(key), one.value] for one in gone))
            if not moved:
                yield from (_unshown(file, key, one, new) for one in gone[:3])
        elif low.endswith(("filterwarnings[]", "filterwarnings")) and (new or _tool(key) not in now.tools):
            yield from _warnings(file, olds, new)
        elif low.endswith("hooks[].id"):
            for one in old:
                if one.value not in news and not any(same_purpose(one.value, other) for other in news):
                    yield _silenced(file, f"hook `{one.value}` is gone", None, one.value, rule="gate-removed")


def _hidden(file: Config, key: str, one: Setting, before: _Keyed, after: _Keyed) -> Iterator[Objection]:
    tests = _TESTS.search(key.lower()) or (key.lower().startswith("test.exclude") and is_test_path(one.value))
    mild = (
        bool(_GENERATED.search(one.value)) or _usual(key, one.value) or _came_with_its_family(one.value, before, after)
    )
    what = f"`{key.replace('[]', '')}` holds `{one.value}` now"
    rule = "tests-deselected" if tests else "rule-silenced"
    yield _silenced(file, what, one.line, one.value, low=mild, rule=rule)


def _usual(key: str, value: str) -> bool:
    """Lint rules that tests, and modules that only gather names, are often free of."""
    where = key.lower().partition("ignores.")[2]
    gathers = "__init__" in where and re.fullmatch(r"F40[135]|F401", value) is not None
    return gathers or ("test" in where and re.fullmatch(r"[A-Z]+\d*", value) is not None)


def _came_with_its_family(value: str, before: _Keyed, after: _Keyed) -> bool:
    """A rule that is left out while its whole family comes in."""
    old, new = (
        {one.value for key, ones in keyed.items() if "select" in key for one in ones} for keyed in (before, after)
    )
    return any(value.startswith(family) for family in new - old if family)


def _selected(value: str, news: set[str]) -> bool:
    """A rule is still selected by `ALL` or by a shorter prefix."""
    return "ALL" in news or any(value.startswith(new) for new in news if new and new != value)


def _unshown(file: Config, key: str, one: Setting, new: Sequence[Setting]) -> Objection:
    rule = "tests-deselected" if _TESTS.search(key.lower()) else "rule-silenced"
    return _silenced(
        file, f"`{key.replace('[]', '')}` no longer holds `{one.value}`", new[0].line if new else None,
        f"before: {one.value}", rule=rule,
    )  # fmt: skip


def _warnings(file: Config, olds: set[str], new: Sequence[Setting]) -> Iterator[Objection]:
    news = {one.value for one in new}
    if "error" in olds and "error" not in news:
        yield _silenced(file, "warnings are no longer errors", new[0].line if new else None, "before: error")
    for one in new:
        if one.value not in olds and one.value.strip() in ("ignore", "ignore::Warning", "default"):
            yield _silenced(file, f"`filterwarnings` holds `{one.value}` now", one.line, one.value)


# -- severities and shadows ------------------------------------------------------------------------------------------


def _severities(file: Config) -> Iterator[Objection]:
    before = _by_key(file.before)
    for key, news in _by_key(file.after).items():
        low, value = key.lower().replace("[]", ""), news[0].value.lower()
        was = before.get(key, before.get(f"{key}[]", before.get(key.removesuffix("[]"), [])))
        old = was[0].value.lower() if was else ""
        if value not in _OFF or not _RULE.search(low) or _LAX.match(_last(key)) or _STRICT.match(_last(key)):
            continue
        if old in _ON or (not old and value in ("off", "0", "none") and ".rules." in f".{low}"):
            yield _silenced(
                file, f"rule `{key.replace('[]', '')}` is `{news[0].value}` now", news[0].line, f"before: {old}"
            )


def _rules_gone(file: Config, now: Elsewhere) -> Iterator[Objection]:
    """Rules that were errors and are not named any more; noted only where a set of rules came instead."""
    if file.delta.after is None:
        return
    kept = {one.key.lower().replace("[]", "") for one in file.after}
    instead = len(_SETS.findall(file.delta.text_after)) > len(_SETS.findall(file.delta.text_before))
    for one in file.before:
        low = one.key.lower().replace("[]", "")
        named = ".rules." in f".{low}" and one.value.lower() in _ON
        if named and low not in kept and not now.values[_last(one.key), one.value]:
            yield _silenced(file, f"rule `{_last(one.key)}` is gone", None, f"before: {one.value}", low=instead)


def _shadowing(change: ChangeSet, file: Config) -> Iterator[Objection]:
    if file.delta.before is not None:
        return
    name = file.path.rpartition("/")[2]
    for pattern, table in OWN:
        where = "pyproject.toml" if table.startswith("tool.") else "package.json"
        base = as_text(change.read_base(where))
        spelled = f"[{table}" if table.startswith("tool.") else f'"{table}"'
        if pattern.match(name) and spelled in base and "/" not in file.path:
            yield _silenced(file, f"it takes the place of `{table}` of {where}", None, table, rule="gate-config")
