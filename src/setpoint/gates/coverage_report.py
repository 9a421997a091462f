"""What coverage tools report, line by line, in paths of the repository: coverage.py's JSON, LCOV, Cobertura."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from .junit import parsed
from .reading import Layout


@dataclass(frozen=True)
class Covered:
    """What one run knows of one file's lines."""

    executed: frozenset[int] = frozenset()
    missing: frozenset[int] = frozenset()
    excluded: frozenset[int] = frozenset()
    """Lines that are not counted, by the configuration or by a pragma."""
    tests: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    """The tests that ran a line, as the tool names them; only of lines that were asked for, where it keeps contexts."""


@dataclass(frozen=True)
class Coverage:
    """What one or more runs know, by path."""

    files: Mapping[str, Covered]
    total: float | None = None
    """Share of all measured lines in percent, as the tool counts it; None when it does not say."""


def read_coverage_json(content: bytes, layout: Layout) -> Coverage | str:
    """coverage.py's own JSON, or why it cannot be read."""
    try:
        told = json.loads(content)
        files = {
            layout.path(str(path)): Covered(
                frozenset(map(int, file["executed_lines"])),
                frozenset(map(int, file["missing_lines"])),
                frozenset(map(int, file.get("excluded_lines") or ())),
            )
            for path, file in told["files"].items()
        }
        return Coverage(files, float(told["totals"]["percent_covered"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return f"the coverage report cannot be read: {error!r}"[:300]


def with_tests(coverage: Coverage, content: bytes, layout: Layout) -> Coverage | str:
    """`coverage` with the tests by line that `TESTS_OF_LINES` wrote, or why they cannot be read."""
    try:
        told = json.loads(content)
        names = [str(name) for name in told["names"]]
        found = dict(coverage.files)
        for local, lines in told["files"].items():
            path = layout.path(str(local))
            tests = {int(at): tuple(sorted(names[of] for of in told_)) for at, told_ in lines.items()}
            found[path] = replace(found.get(path, Covered()), tests=tests)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        return f"the tests of the lines cannot be read: {error!r}"[:300]
    return replace(coverage, files=found)


def read_lcov(content: bytes, layout: Layout) -> Coverage | str:
    """An LCOV tracefile. Its total is the share of all lines that it lists."""
    files: dict[str, Covered] = {}
    path, hits = "", dict[int, int]()
    try:
        for text in content.decode("utf-8", "replace").splitlines():
            if text.startswith("SF:"):
                path, hits = layout.path(text[3:].strip()), {}
            elif text.startswith("DA:"):
                at, count = text[3:].split(",")[:2]
                hits[int(at)] = hits.get(int(at), 0) + int(count)
            elif text.strip() == "end_of_record" and path:
                files[path] = _merged(files.get(path, Covered()), _of_hits(hits))
                path = ""
    except ValueError as error:
        return f"the LCOV report cannot be read: {error}"[:300]
    return Coverage(files, _share(files)) if files else "the LCOV report names no file"


def read_cobertura(content: bytes, layout: Layout) -> Coverage | str:
    """Cobertura XML; file names are taken below the source folder that makes them a known file."""
    root = parsed(content)
    if isinstance(root, str) or root.tag != "coverage":
        return f"the Cobertura report cannot be read: {root if isinstance(root, str) else 'another root element'}"
    sources = [(source.text or "").strip().rstrip("/") for source in root.iter("source")]
    files: dict[str, Covered] = {}
    try:
        for entry in root.iter("class"):
            path = _below(sources, entry.get("filename") or "", layout)
            hits = {int(at.get("number") or 0): int(at.get("hits") or 0) for at in entry.iter("line")}
            files[path] = _merged(files.get(path, Covered()), _of_hits(hits))
    except ValueError as error:
        return f"the Cobertura report cannot be read: {error}"[:300]
    return Coverage(files, _share(files)) if files else "the Cobertura report names no file"


def _below(sources: list[str], name: str, layout: Layout) -> str:
    tried = [layout.path(f"{source}/{name}" if source else name) for source in [*sources, ""]]
    return next((path for path in tried if path in layout.files), tried[-1])


def _of_hits(hits: Mapping[int, int]) -> Covered:
    return Covered(
        frozenset(at for at, count in hits.items() if count > 0),
        frozenset(at for at, count in hits.items() if count <= 0),
    )


def _share(files: Mapping[str, Covered]) -> float | None:
    ran = sum(len(file.executed) for file in files.values())
    known = ran + sum(len(file.missing) for file in files.values())
    return 100 * ran / known if known else None


def _merged(one: Covered, other: Covered) -> Covered:
    executed = one.executed | other.executed
    tests = {
        at: tuple(sorted({*one.tests.get(at, ()), *other.tests.get(at, ())}))
        for at in one.tests.keys() | other.tests.keys()
    }
    return Covered(
        executed, (one.missing | other.missing) - executed, (one.excluded | other.excluded) - executed, tests
    )


def joined(reports: Iterable[Coverage]) -> Coverage:
    """What runs over several projects know together. The lowest total stands."""
    told = list(reports)
    totals = [report.total for report in told if report.total is not None]
    return Coverage(_files(told), min(totals, default=None))


def of_one_project(reports: Iterable[Coverage]) -> Coverage:
    """What several runs over one project know together. Its total is at least that of each, and the share of the lines
    that any of them ran: what tools count besides lines cannot be joined."""
    told = list(reports)
    totals = [report.total for report in told if report.total is not None]
    files = _files(told)
    executed = sum(len(file.executed) for file in files.values())
    lines = executed + sum(len(file.missing) for file in files.values())
    if len(totals) > 1 and lines:
        totals.append(100 * executed / lines)
    return Coverage(files, max(totals, default=None))


def _files(reports: Iterable[Coverage]) -> dict[str, Covered]:
    """By path; a line that any of them ran is run."""
    files: dict[str, Covered] = {}
    for report in reports:
        for path, covered in report.files.items():
            files[path] = _merged(files.get(path, Covered()), covered)
    return files
