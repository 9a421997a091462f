"""What known tools print, for those that write no report file."""

import re
from collections.abc import Callable, Iterator

from ..model.command import Completed
from ..model.evidence import Finding, TestResult
from .reading import Layout, Reading, capped, line, tests_read, unreadable

TextReader = Callable[[Completed, Layout], Reading | None]
"""None: the output says nothing this reader understands."""

_PLACE = re.compile(r"^(?P<path>[^\s:][^:\n]*?):(?P<line>\d+):(?:\d+:)? (?P<rest>.+)$", re.MULTILINE)


def mypy(done: Completed, layout: Layout) -> Reading | None:
    """mypy's own counts; a syntax error that stopped it is a finding, an unreadable argument is not."""
    findings = []
    for found in _PLACE.finditer(done.stdout):
        error = re.match(r"error: (.*?)(?:  \[([\w-]+)\])?$", found["rest"])
        if error:
            findings.append(_finding(layout, found["path"], found["line"], error[2] or "", error[1]))
    checked = re.search(r"\(checked (\d+) source files?\)|no issues found in (\d+) source files?", done.stdout)
    if checked:
        return Reading(int(checked[1] or checked[2]), "files", findings=tuple(findings))
    if findings and "INTERNAL ERROR" not in done.stdout + done.stderr:
        return Reading(len({entry.path for entry in findings}), "files", findings=tuple(findings))
    return None


def formatted(done: Completed, layout: Layout) -> Reading | None:
    """ruff format and black: files that would change, and how many were looked at."""
    text = f"{done.stdout}\n{done.stderr}"
    counts = re.findall(
        r"(\d+) files? (?:would be reformatted|already formatted|would be left unchanged|would fail to reformat)"
        r"|(\d+) files? would be left unchanged",
        text,
    )
    counts = [int(first or second) for first, second in counts]
    if not counts:
        return None
    places = re.findall(r"^(?:Would reformat:|would reformat) (.+)$", text, re.MULTILINE)
    places += re.findall(r"would be reformatted\n\s*--> ([^\n]+?):\d+:\d+$", text, re.MULTILINE)
    findings = tuple(_finding(layout, path, None, "format", "would be reformatted") for path in dict.fromkeys(places))
    return Reading(sum(counts), "files", findings=findings)


def flake8(done: Completed, layout: Layout) -> Reading | None:
    """flake8 tells findings and no count: the count is of the Python files git knows."""
    findings = []
    for found in _PLACE.finditer(done.stdout):
        rule, _, words = found["rest"].partition(" ")
        findings.append(_finding(layout, found["path"], found["line"], rule, words))
    return Reading(layout.count(".py", ".pyi"), "files", findings=tuple(findings), guessed=True)


def tsc(done: Completed, layout: Layout) -> Reading | None:
    """tsc with `--pretty false --listFiles`: its errors, and the project's own files among those it read."""
    findings = [
        _finding(layout, found[1], found[2], found[3], found[4])
        for found in re.finditer(r"^(.+?)\((\d+),\d+\): error (TS\d+): (.+)$", done.stdout, re.MULTILINE)
    ]
    listed = {layout.path(path) for path in done.stdout.splitlines() if path.startswith(layout.inside)}
    own = [path for path in listed if "node_modules/" not in path]
    stopped = re.search(r"^error (TS\d+: .+)$", done.stdout, re.MULTILINE)
    if stopped and not findings:
        return unreadable(f"tsc could not check anything: {stopped[1]}"[:300], "files")
    examined = len(own) or layout.count(".ts", ".tsx", ".mts", ".cts")
    return Reading(examined, "files", findings=tuple(findings), guessed=not own)


def biome(done: Completed, layout: Layout) -> Reading | None:
    """biome's count of files; its findings stay in the output."""
    checked = re.search(r"Checked (\d+) files?", done.stdout + done.stderr)
    return Reading(int(checked[1]), "files") if checked else None


def _finding(layout: Layout, path: str, number: str | None, rule: str, message: str) -> Finding:
    place = int(number) if number and len(number) < 10 else None
    return Finding(path=line(layout.path(path.strip())), line=place, rule=rule, message=line(message))


# -- tests -----------------------------------------------------------------------------------------------------------

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
