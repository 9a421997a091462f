"""What linters, formatters and type checkers print, for those that write no report file."""

import re
from dataclasses import replace

from ..model.command import Completed
from ..model.evidence import Finding
from .reading import Layout, Reading, line, unreadable
from .reports import read_json

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
        return Reading(len({entry.path for entry in findings}), "files", findings=tuple(findings), partial=True)
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
    """flake8's findings; its count is in its benchmark, else it is that of the Python files git knows."""
    findings = []
    for found in _PLACE.finditer(done.stdout):
        rule, _, words = found["rest"].partition(" ")
        findings.append(_finding(layout, found["path"], found["line"], rule, words))
    counted = re.search(r"^(\d+)\s+total files processed$", done.stdout, re.MULTILINE)
    examined = int(counted[1]) if counted else layout.count(".py", ".pyi")
    return Reading(examined, "files", findings=tuple(findings), guessed=not counted)


def prettier(done: Completed, layout: Layout) -> Reading | None:
    """prettier with debug words: the files it looked at, and those it would write otherwise."""
    said = f"{done.stdout}\n{done.stderr}"
    looked = dict.fromkeys(
        line(layout.path(path)) for path in re.findall(r"^\[debug\] resolve config from '(.+)'$", said, re.MULTILINE)
    )
    if not looked:
        return unreadable("prettier names no file that it looked at", "files")
    warned = (layout.path(path.strip()) for path in re.findall(r"^\[warn\] (.+)$", said, re.MULTILINE))
    findings = tuple(
        _finding(layout, path, None, "format", "would be reformatted") for path in warned if path in looked
    )
    return Reading(len(looked), "files", findings=findings, looked_at=tuple(looked))


def isort(done: Completed, layout: Layout) -> Reading | None:
    """isort --check-only tells the files it would change and no count."""
    places = re.findall(r"^ERROR: (.+?) Imports are incorrectly sorted", done.stdout + done.stderr, re.MULTILINE)
    findings = tuple(_finding(layout, path, None, "isort", "imports are incorrectly sorted") for path in places)
    return Reading(layout.count(".py", ".pyi"), "files", findings=findings, guessed=True)


def tsc(done: Completed, layout: Layout) -> Reading | None:
    """tsc with `--pretty false --listFiles`: its errors, and the project's own files among those it read."""
    findings = [
        _finding(layout, found[1], found[2], found[3], found[4])
        for found in re.finditer(r"^(.+?)\((\d+),\d+\): error (TS\d+): (.+)$", done.stdout, re.MULTILINE)
    ]
    listed = {line(layout.path(path)) for path in done.stdout.splitlines() if path.startswith(layout.inside)}
    own = sorted(path for path in listed if "node_modules/" not in path)
    stopped = re.search(r"^error (TS\d+: .+)$", done.stdout, re.MULTILINE)
    if stopped and not findings:
        return unreadable(f"tsc could not check anything: {stopped[1]}"[:300], "files")
    examined = len(own) or layout.count(".ts", ".tsx", ".mts", ".cts")
    return Reading(examined, "files", findings=tuple(findings), looked_at=tuple(own), guessed=not own)


def ty(done: Completed, layout: Layout) -> Reading | None:
    """ty's findings in GitLab's form; its count of files is in its verbose words."""
    counted = re.search(r"Indexed (\d+) file\(s\)", done.stderr)
    read = read_json(done.stdout.encode(), layout)
    return replace(read, examined=int(counted[1]), guessed=False) if counted and not read.problem else read


def pyright(done: Completed, layout: Layout) -> Reading | None:
    """pyright's own JSON, whatever its wrapper says around it."""
    at = done.stdout.find("{")
    return read_json(done.stdout[at:].encode(), layout) if at >= 0 else None


def biome(done: Completed, layout: Layout) -> Reading | None:
    """biome's JSON; of an older one the count in its words."""
    told = next((row for row in done.stdout.splitlines() if row.startswith("{")), "")
    read = read_json(told.encode(), layout) if told else None
    checked = re.search(r"Checked (\d+) files?", done.stdout + done.stderr)
    if read and not read.problem:
        return read
    return Reading(int(checked[1]), "files") if checked else None


def _finding(layout: Layout, path: str, number: str | None, rule: str, message: str) -> Finding:
    place = int(number) if number and len(number) < 10 else None
    return Finding(path=line(layout.path(path.strip())), line=place, rule=rule, message=line(message))
