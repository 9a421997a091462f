"""JUnit XML as pytest, vitest, mocha, node:test and jest-junit write it; ids become `path::Class::name[param]`."""

import re
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element, ParseError, fromstring

from ..model.evidence import TestResult
from .reading import Layout, Reading, capped, line, tests_read, unreadable

_DEPTH = 50


def read_junit(content: bytes, layout: Layout) -> Reading:
    """The tests in a JUnit report; any root that holds `testcase` elements."""
    root = parsed(content)
    if isinstance(root, str):
        return unreadable(f"the JUnit report cannot be read: {root}")
    if root.tag.rpartition("}")[2] not in ("testsuites", "testsuite"):
        return unreadable(f"the report is not JUnit XML: its root is <{root.tag[:40]}>")
    try:
        return tests_read(_result(case, chain, layout) for case, chain in _cases(root))
    except ValueError as error:
        return unreadable(f"the JUnit report cannot be read: {error}")


def parsed(content: bytes) -> Element | str:
    """The root element, or why there is none. Declarations of entities are refused: they can grow without bound."""
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        return "it declares entities"
    try:
        return fromstring(content)  # noqa: S314 - what makes this parser unsafe was refused two lines above
    except (ParseError, ValueError, LookupError) as error:
        return str(error)[:200]


def _cases(root: Element) -> Iterator[tuple[Element, tuple[str, ...]]]:
    waiting: list[tuple[Element, tuple[str, ...]]] = [(root, ())]
    while waiting:
        element, chain = waiting.pop()
        for child in reversed(list(element)):
            tag = child.tag.rpartition("}")[2] if isinstance(child.tag, str) else ""
            if tag == "testsuite":
                if len(chain) >= _DEPTH:
                    raise ValueError(f"suites are nested more than {_DEPTH} deep")
                waiting.append((child, (*chain, child.get("name") or "")))
            elif tag == "testcase":
                waiting.append((child, chain))
        if element.tag.rpartition("}")[2] == "testcase":
            yield element, chain


def _result(element: Element, chain: tuple[str, ...], layout: Layout) -> TestResult:
    from junitparser import Error, Failure, Skipped, TestCase

    case: Any = TestCase.fromelem(element)  # type: ignore[no-untyped-call]  # the library has no types
    outcome, message = "passed", ""
    for kind, name in ((Failure, "failed"), (Error, "error"), (Skipped, "skipped")):
        entry = next((entry for entry in case.result if isinstance(entry, kind)), None)
        if entry is not None:
            outcome, message = name, _words(entry)
            break
    return TestResult(
        id=line(_id(case, chain, layout)), outcome=outcome, seconds=_seconds(element.get("time")), message=message
    )


def _words(entry: Any) -> str:
    first, text = str(entry.message or ""), str(entry.text or "")
    return capped(f"{first}\n{text}".strip() if first.strip() not in text else text.strip() or first)


def _seconds(text: str | None) -> float:
    try:
        return max(float((text or "0").replace(",", "")), 0.0)
    except ValueError:
        return 0.0


def _id(case: Any, chain: tuple[str, ...], layout: Layout) -> str:
    name, dotted, file = str(case.name or ""), str(case.classname or ""), str(case._elem.get("file") or "")
    if file.endswith(".py") or (not file and layout.module(dotted or name)[0]):
        return _python_id(name, dotted, file, layout)
    if dotted in ("", "test"):  # node:test says "test" of every case and nests the suites
        if layout.path(name) in layout.files:
            return layout.path(name)
        titles = " > ".join([*[title for title in chain if title], name])
        return f"{layout.path(file)}::{titles}" if file else f"{dotted or 'test'}::{titles}"
    if layout.path(dotted) in layout.files:  # vitest says the file as the class
        return f"{layout.path(dotted)}::{name}"
    return f"{layout.path(file)}::{dotted} > {name}" if file else f"{dotted}::{name}"


def _python_id(name: str, dotted: str, file: str, layout: Layout) -> str:
    if not dotted:  # pytest could not collect the file: the case is the module
        return layout.path(file) if file else layout.module(name)[0]
    own = re.sub(r"\.py$", "", file).replace("/", ".")
    if own and (dotted == own or dotted.startswith(f"{own}.")):
        path, classes = layout.path(file), [part for part in dotted[len(own) :].split(".") if part]
    else:  # `file` tells where an inherited test was written, the class where it was run
        found, rest = layout.module(dotted)
        path, classes = (found, list(rest)) if found else (layout.path(file), [dotted])
    return "::".join([path, *classes, name])
