"""Commands of CI, scripts and task runners that judge less: softened, deselecting, without their threshold."""

import re
import shlex
from collections.abc import Iterator, Sequence

from ...model.objection import Objection
from ..change_set import ChangeSet, as_text
from .config_files import Config, ci_settings
from .raised import HIGH, LOW, MEDIUM, REQUEST, moved_goalposts
from .settings_files import Setting

TOOLS = (
    "pytest", "unittest", "tox", "nox", "ruff", "flake8", "black", "mypy", "pyright", "ty", "bandit", "pre-commit",
    "vitest", "jest", "mocha", "ava", "eslint", "biome", "prettier", "tsc", "node --test", "playwright", "cypress",
    "coverage", "stryker", "mutmut", "pip-audit", "npm test", "npm run test", "npm run lint", "pnpm test", "yarn test",
    "cargo test", "go test", "make test", "make check", "make lint", "c8", "nyc", "isort", "pylint", "size-limit",
    "manage.py test", "npm audit", "uv audit", "semgrep", "hadolint", "actionlint", "setpoint",
)  # fmt: skip
_RUNNERS = re.compile(r"\b(?:make|just|task|npm|pnpm|yarn|bun|tox|nox|hatch|poe|pre-commit|uv run poe|invoke)\b")
_SOFT = re.compile(
    r"\|\|\s*(?:true|:|exit\s+0|echo\b|\(?exit 0)|;\s*(?:true|:|exit\s+0)\s*$|\bset\s+\+e\b|--exit-zero\b|"
    r"--exit-code[= ]0|--no-fail\b|--suppress-no-test-exit-code|--no-error-on-unmatched|&\s*$|\bexit\s+0\b|"
    r"--no-verify\b"
)
_MAKES_SOFT = re.compile(
    r"^\.IGNORE\b|^(?:export\s+)?(?:MAKEFLAGS|GNUMAKEFLAGS)\s*[:+?]?=.*(?:-\w*[ikn]|--ignore-errors|--keep-going|--dry-run)|"
    r"^SHELL\s*[:?]?=\s*(?!\S*/?(?:ba|z|da)?sh\b)"
)
"""Lines of a Makefile that make failing commands of all its targets pass."""
_OTHER_SHELL = re.compile(r"script-shell\s*=\s*(?!.*\b(?:(?:ba|z|da)?sh|cmd|powershell|pwsh)(?:\.exe)?\s*$)")
_EMPTY = re.compile(r"--pass-?with-?no-?tests\b", re.IGNORECASE)
_SELECTS = re.compile(
    r"(?<![\w-])(?:-k|--ignore(?:-glob)?|--deselect|--testNamePattern|--test-name-pattern|-t|--testPathIgnorePatterns|"
    r"--exclude|--grep|--invert|--collect-only|--co|--lf|--last-failed|--test-skip-pattern|--onlyChanged|"
    r"--shard)(?=[= ]|$)|"
    r"(?<![\w-])-m\s+['\"]?not\b|(?<![\w-])-p\s+no:(?!cacheprovider|warnings)"
)
_LIMIT = re.compile(
    r"(?P<flag>--(?:cov-fail-under|fail-under|check-coverage|max-warnings|lines|branches|functions|statements|"
    r"coverage\.thresholds\.\w+|max-complexity|min-coverage|test-coverage-lines|timeout))"
    r"(?:[= ](?P<value>\d+(?:\.\d+)?))?"
)
_HIGH_IS_LAX = ("--max-warnings", "--max-complexity", "--timeout")
_STRICT = ("--strict", "-Werror", "--locked", "--frozen-lockfile", "--frozen", "--ci", "--strict-markers", "-W error")
_RERUN = re.compile(r"--(?:reruns|retries|retry|flaky-rerun)(?:[= ](\d+))?")
_INSTALLS = re.compile(r"\b(?:pip|npm|uv|apt\S*|pnpm|yarn) (?:install|add|i|ci)\b")
_ENDS = re.compile(r"\bexit\s+[^0\s]|\bset\s+-\w*e|\bpipefail\b|\bfalse\b")
"""Words by which a line that goes on after a failing command fails all the same."""
_ONLY_SPEAKS = re.compile(r"^\s*@?(?:echo|printf|which|type|command -v|#)|--version\b|--help\b")
_COMMAND_KEY = re.compile(
    r"(?:^|\.)(?:run|script|scripts?\..+|scripts?(?:\[\])+|before_script|after_script|commands?|cmds?|addopts|line|test|"
    r"legacy_tox_ini|pytest_addopts|node_options|shell|args|exec|opts|tasks?\..+|env\w*\.commands)(?:\[\])*$"
)


def commands(found: Sequence[Setting]) -> list[Setting]:
    """The single command lines among settings."""
    lines = []
    for one in found:
        if _COMMAND_KEY.search(one.key.lower()):
            joined = re.sub(r"\\\n\s*", " ", one.value)
            for line in joined.splitlines():
                if line.strip() and not line.lstrip().startswith("#"):
                    lines.append(Setting(one.key, " ".join(line.split()), one.line))
    return lines


def judging_less(change: ChangeSet, files: Sequence[Config]) -> Iterator[Objection]:
    """Objections against commands of `files` that judge less."""
    for ci in (True, False):
        group = [file for file in files if file.ci is ci]
        before = [one for file in group for one in commands(file.before)]
        after = [one for file in group for one in commands(file.after)]
        texts = [one.value for one in before]
        for file in group:
            for one in commands(file.after):
                if one.value not in texts:
                    yield from _line(file, one, texts)
        everything = [one.value for one in (commands(list(ci_settings(change))) if ci else after)]
        for file in group:
            yield from _lost_tools(change, file, everything, texts)
            yield from _lost_limits(file, before, everything)


def _line(file: Config, one: Setting, before: Sequence[str]) -> Iterator[Objection]:
    line = one.value
    judges = one.key.endswith("addopts") or any(_names(line, tool) for tool in TOOLS) or file.ci
    recipe = file.path.rpartition("/")[2] in ("Makefile", "GNUmakefile") and line.startswith("-")
    if file.path.endswith(".npmrc") and _OTHER_SHELL.match(line):
        yield _minded("ci-softened", file, one, "another program decides what every script comes to")
    makefile = file.path.rpartition("/")[2] in ("Makefile", "GNUmakefile") or file.path.endswith(".mk")
    if makefile and _MAKES_SOFT.search(line):
        yield _minded("ci-softened", file, one, "failing commands of its targets count as passed")
    elif judges and (recipe or _passed_over(file, line) or (_SOFT.search(line) and not _was(before, line, _SOFT))):
        yield _minded("ci-softened", file, one, "a failing command counts as passed")
    if _EMPTY.search(line) and not any(_EMPTY.search(text) for text in before):
        yield _minded("ci-softened", file, one, "a run without any test counts as passed")
    if judges and _SELECTS.search(line) and not _was(before, line, _SELECTS):
        yield _minded("tests-deselected", file, one, "some tests are left out")
    if _RERUN.search(line) and not any(_RERUN.search(text) for text in before):
        yield _minded("retries-added", file, one, "failing tests are tried again until they pass")


def _passed_over(file: Config, line: str) -> bool:
    """Whether another command after it decides how the line ends."""
    if file.path.endswith((".toml", ".json", ".ini", ".cfg")) or _ENDS.search(line):
        return False
    if "pipefail" not in file.delta.text_after and "shell: bash" not in file.delta.text_after:
        first, *later = re.split(r"(?<!\|)\|(?!\|)", line)
        if later and not any(_judging(part) for part in later) and _judging(first):
            return True
    *earlier, last = line.split(";")
    return not file.ci and any(_judging(part) for part in earlier) and not _judging(last)


def _judging(part: str) -> bool:
    return any(_names(part, tool) for tool in TOOLS) and not _INSTALLS.search(part) and not _ONLY_SPEAKS.search(part)


def _was(before: Sequence[str], line: str, pattern: re.Pattern[str]) -> bool:
    """Whether a command of the same tool had the same thing before."""
    found = {match[0] for match in pattern.finditer(line)}
    tools = {tool for tool in TOOLS if _names(line, tool)}
    return any(
        found <= {match[0] for match in pattern.finditer(text)}
        and (not tools or any(_names(text, tool) for tool in tools))
        for text in before
    )


def _minded(rule: str, file: Config, one: Setting, why: str) -> Objection:
    shown = one.value if len(one.value) <= 120 else f"{one.value[:117]}..."
    return moved_goalposts(
        rule, f"{file.path} judges less: `{shown}`", file.path, one.line, cause=f"{why}; {REQUEST}", evidence=one.value
    )


def _names(line: str, tool: str) -> bool:
    line = line.lstrip("-@+")
    return re.search(rf"(?<![\w./-]){re.escape(tool)}(?![\w-])|/{re.escape(tool)}(?![\w.-])", line) is not None


def _lost_tools(change: ChangeSet, file: Config, now: Sequence[str], before: Sequence[str]) -> Iterator[Objection]:
    mine = commands(file.before)
    kept = {one.value for one in commands(file.after)}
    through = _reached(change, now)
    now = [line for line in now if not _INSTALLS.search(line) and not line.startswith("echo ")]
    for one in mine:
        if (
            one.value in kept
            or one.key.endswith("addopts")
            or re.search(r"\b(?:pip|npm|uv|apt\S*|pnpm|yarn) (?:install|add|i|ci)\b", one.value)
        ):
            continue
        for tool in TOOLS:
            if _names(one.value, tool) and not any(_names(text, tool) for text in (*now, *through)):
                if any(_same_kind(tool, text) for text in now if text not in before):
                    continue
                yield moved_goalposts(
                    "gate-removed", f"{file.path} no longer runs `{tool}`", file.path, None,
                    cause=f"what it judged is not judged any more; {REQUEST}", evidence=f"before: {one.value}",
                )  # fmt: skip


_KINDS = (
    ("pytest", "unittest", "tox", "nox", "npm test", "npm run test", "pnpm test", "yarn test", "vitest", "jest",
     "mocha", "ava", "node --test", "make test", "make check", "manage.py test"),
    ("ruff", "flake8", "pylint", "eslint", "biome", "npm run lint", "make lint", "pre-commit", "isort", "black",
     "prettier"),
    ("mypy", "pyright", "ty", "tsc"),
    ("coverage", "c8", "nyc"),
)  # fmt: skip


def same_purpose(old: str, new: str) -> bool:
    """Whether a hook or command `new` does what `old` did."""
    return any(any(tool in old for tool in kind) and any(tool in new for tool in kind) for kind in _KINDS)


def _same_kind(tool: str, line: str) -> bool:
    """Whether a new command runs another tool for the same purpose."""
    return any(tool in kind and any(_names(line, other) for other in kind) for kind in _KINDS)


def _reached(change: ChangeSet, now: Sequence[str]) -> list[str]:
    """Command lines behind the task runners that are called."""
    if not any(_RUNNERS.search(line) for line in now):
        return []
    paths = ("Makefile", "justfile", "Taskfile.yml", "package.json", "tox.ini", "noxfile.py", "pyproject.toml",
             ".pre-commit-config.yaml")  # fmt: skip
    return [line for path in paths for line in as_text(change.read_head(path)).splitlines()]


def _lost_limits(file: Config, before: Sequence[Setting], now: Sequence[str]) -> Iterator[Objection]:
    limits: dict[str, list[float | None]] = {}
    for line in now:
        for flag, value in _limits(line):
            limits.setdefault(flag, []).append(value)
    mine = commands(file.before)
    same = {one.value for one in commands(file.after)}
    for one in mine:
        if one.value in same:
            continue
        for flag, value in _limits(one.value):
            values = limits.get(flag)
            if values is None:
                yield _limit(file, flag, f"{flag} is gone")
            elif value is not None and not any(_as_strict(flag, value, other) for other in values):
                yield _limit(file, flag, f"{flag} was {value:g}")
        for flag in _STRICT:
            if _has(one.value, flag) and not any(_has(text, flag) for text in now):
                yield moved_goalposts(
                    "rule-silenced", f"{file.path} no longer passes `{flag}`", file.path,
                    cause=f"the command judges less without it; {REQUEST}", evidence=f"before: {one.value}",
                    severity=LOW if flag in ("--ci", "--frozen") else HIGH,
                )  # fmt: skip


def _has(line: str, flag: str) -> bool:
    try:
        return flag in shlex.split(line) or (" " in flag and flag in line)
    except ValueError:
        return flag in line.split()


def _limits(line: str) -> Iterator[tuple[str, float | None]]:
    for found in _LIMIT.finditer(line):
        if found["flag"] in ("--lines", "--branches", "--functions", "--statements") and not re.search(r"c8|nyc", line):
            continue
        yield found["flag"], float(found["value"]) if found["value"] else None


def _as_strict(flag: str, old: float, new: float | None) -> bool:
    if new is None:
        return False
    return new <= old if flag in _HIGH_IS_LAX else new >= old


def _limit(file: Config, flag: str, how: str) -> Objection:
    return moved_goalposts(
        "threshold-lowered", f"{file.path} lets more pass: `{flag}`", file.path, None, cause=f"{how}; {REQUEST}",
        evidence=how, severity=MEDIUM if flag == "--timeout" else HIGH,
    )  # fmt: skip
