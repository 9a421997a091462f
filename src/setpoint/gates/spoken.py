"""What test runners print, for those that write no report file."""

import re
from collections.abc import Iterator

from ..model.command import Completed
from ..model.evidence import Finding, TestResult
from .reading import Layout, Reading, capped, line, tests_read

_NOT_LOADED = "unittest.loader._FailedTest"
_UNITTEST = re.compile(
    r"^(?P<name>\w+) \((?P<where>[\w.]+)\)(?:\n[^\n]*?)? \.\.\. (?:.*?)(?P<word>ok|FAIL|ERROR|skipped|expected failure"
    r"|unexpected success)(?: [^\n]*)?$",
    re.MULTILINE,
)
_BLOCK = re.compile(r"^={70}\n(FAIL|ERROR): (\w+) \(([\w.]+)\)([^\n]*)\n(.*?)(?=^={70}$|^-{70}\nRan )", re.M | re.S)


def unittest(done: Completed, layout: Layout) -> Reading | None:
    """`python -m unittest -v`: its tests by id; the count is the one it printed."""
    ran = re.search(r"^Ran (\d+) tests? in ", done.stderr, re.MULTILINE)
    if not ran:
        return None
    told = tests_read([*_unittest_lines(done.stderr, layout), *_unittest_blocks(done.stderr, layout)])
    skipped = re.search(r"^(?:OK|FAILED) \(.*?skipped=(\d+)", done.stderr, re.MULTILINE)
    return Reading(int(ran[1]) - (int(skipped[1]) if skipped else 0), "tests", tests=told.tests)


def _unittest_lines(text: str, layout: Layout) -> Iterator[TestResult]:
    words = {"ok": "passed", "expected failure": "passed", "skipped": "skipped"}
    for found in _UNITTEST.finditer(text):
        if not found["where"].startswith(_NOT_LOADED) and found["word"] in words:
            yield TestResult(id=line(_unittest_id(found["name"], found["where"], layout)), outcome=words[found["word"]])


def _unittest_blocks(text: str, layout: Layout) -> Iterator[TestResult]:
    for word, name, where, _, body in _BLOCK.findall(text):
        not_in_test = where.startswith(_NOT_LOADED) or re.search(r", in (setUp\w*|tearDown\w*)$", body, re.M)
        outcome = "error" if word == "ERROR" and (not_in_test or name.startswith(("setUp", "tearDown"))) else "failed"
        trace = body.strip().strip("-").strip()
        last = trace.rsplit("\n", 1)[-1]
        yield TestResult(
            id=line(_unittest_id(name, where, layout)), outcome=outcome, message=capped(f"{last}\n{trace}")
        )


def _unittest_id(name: str, where: str, layout: Layout) -> str:
    if where.startswith(_NOT_LOADED):
        return layout.module(name)[0] or next(
            (path for path in sorted(layout.files) if path.endswith(f"/{name.rpartition('.')[2]}.py")), name
        )
    path, rest = layout.module(where)
    if not path:  # discovered below a start folder, which the name leaves out
        first, *others = where.split(".")
        path = next((known for known in sorted(layout.files) if known.endswith(f"/{first}.py")), "")
        rest = tuple(others) if path else rest
    classes = [part for part in rest if part != name]
    return "::".join([path, *classes, name]) if path else f"{where}::{name}"


_COUNTS = (
    re.compile(r"^Ran (\d+) tests? in ", re.MULTILINE),
    re.compile(r"^# tests (\d+)$", re.MULTILINE),
    re.compile(r"^ℹ tests (\d+)$", re.MULTILINE),
    re.compile(r"^Tests:.*?(\d+) total$", re.MULTILINE),
    re.compile(r"^\s*Tests\s+.*\((\d+)\)$", re.MULTILINE),
    re.compile(r"^test result: \w+\. (\d+) passed", re.MULTILINE),
    re.compile(r"collected (\d+) items?"),
)
_PYTEST_END = re.compile(r"^(?:=+ )?((?:\d+ [a-z]+(?:, )?)+) in \d[\d.]*s\b", re.MULTILINE)
_PYTEST_RAN = re.compile(r"(\d+) (?:passed|failed|errors?|xfailed|xpassed)\b")
_NONE = re.compile(r"no tests ran|no tests found|No test files found|^\s*0 passing", re.MULTILINE | re.IGNORECASE)


def counted(done: Completed) -> int | None:
    """How many tests the output of an unknown command speaks of; None when it does not speak of tests."""
    text = f"{done.stdout}\n{done.stderr}"
    ended = _PYTEST_END.findall(text)
    if ended:
        return sum(int(number) for run in ended for number in _PYTEST_RAN.findall(run))
    for pattern in _COUNTS:
        found = pattern.findall(text)
        if found:
            return sum(int(number) for number in found)
    passing = re.findall(r"^\s*(\d+) (?:passing|failing)\b", text, re.MULTILINE)
    if passing:
        return sum(int(number) for number in passing)
    return 0 if _NONE.search(text) else None


# -- TAP ------------------------------------------------------------------------------------------------------------

_TAP = re.compile(r"^(?P<not>not )?ok \d+(?: - (?P<title>.*?))?(?: # (?P<word>SKIP|TODO)\b.*)?$", re.MULTILINE | re.I)


def ava(done: Completed, layout: Layout) -> Reading | None:
    """ava's TAP: skipped tests and those to be written are not examined."""
    if "TAP version" not in done.stdout:
        return None
    found = list(_TAP.finditer(done.stdout))
    ends = [*[test.start() for test in found[1:]], len(done.stdout)]
    return tests_read(
        TestResult(
            id=line(f"ava::{test['title'] or number}"),
            outcome="skipped" if test["word"] else "failed" if test["not"] else "passed",
            message=capped(done.stdout[test.end() : end].strip()) if test["not"] else "",
        )
        for number, (test, end) in enumerate(zip(found, ends, strict=True), start=1)
    )


# -- Django ---------------------------------------------------------------------------------------------------------


def django_check(done: Completed, layout: Layout) -> Reading | None:
    """`manage.py check`: its findings name models, not files; files in sight are what can be counted."""
    said = f"{done.stdout}\n{done.stderr}"
    if "System check identified" not in said:
        return None
    levels = re.split(r"^(CRITICALS?|ERRORS?|WARNINGS?|INFOS?|DEBUGS?):$", said, flags=re.MULTILINE)
    found: dict[bool, list[Finding]] = {True: [], False: []}
    for level, body in zip(levels[1::2], levels[2::2], strict=False):
        for what, rule, message in re.findall(r"^(\S+): \(([\w.]+)\) (.+)$", body, re.MULTILINE):
            finding = Finding(path=line(layout.path("manage.py")), rule=rule, message=line(f"{what}: {message}"))
            found[level.startswith(("CRITICAL", "ERROR"))].append(finding)
    count = layout.count(".py")
    return Reading(count, "files", findings=tuple(found[True]), notes=tuple(found[False]), guessed=True)


def django_migrations(done: Completed, layout: Layout) -> Reading | None:
    """`manage.py makemigrations --check`: models that no migration tells of."""
    missing = re.findall(r"^Migrations for '([^']+)':\n {2}(\S+)$", done.stdout, re.MULTILINE)
    if not missing and "No changes detected" not in done.stdout:
        return None
    findings = tuple(
        Finding(path=line(layout.path(path)), rule="migration", message=line(f"app {app} lacks a migration"))
        for app, path in missing
    )
    return Reading(layout.count(".py"), "files", findings=findings, guessed=True)
