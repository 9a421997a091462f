"""What a new test is worth as written: it runs, it can fail, and it looks at the code under test."""

import re
from collections.abc import Iterator

from ...model.objection import Objection
from .cases import Case, Pair, TestFile
from .raised import HIGH, LOW, MEDIUM, tampered
from .weakened import died, focused

_CALM = ("raise", "throw", "error", "smoke", "import", "crash", "fail", "warn", "work", "accept", "run", "render",
         "let", "pass", "allow", "ok", "not_", "no_", "may", "survive", "harmless", "quiet")  # fmt: skip
"""Words in the name of a test that only says: nothing goes wrong."""


def judged_new(case: Case, file: TestFile) -> Iterator[Objection]:
    """Objections against a test that was not there before."""
    if case.only:
        yield focused(case)
    if case.off is not None:
        yield from _off(case)
        return
    dead = [check for check in case.checks if check.dead]
    if case.live or case.asks:
        yield from (died(case, check).model_copy(update={"severity": LOW}) for check in dead)
    elif dead:
        yield died(case, dead[0])
    elif not _unknown(case, file):
        quiet = any(word in case.last.casefold() for word in _CALM)
        yield tampered(
            "test-without-assertion", f"test {case.name} asserts nothing", case.path, case.line,
            cause="it passes whatever the code gives back; say what must hold", severity=LOW if quiet else MEDIUM,
        )  # fmt: skip
    yield from own_doubles(case, file)


def _off(case: Case) -> Iterator[Objection]:
    off = case.off
    if off is None or off.foreign:
        return
    known = off.how == "xfail" and off.strict and off.reason
    severity = LOW if known or not off.always or (off.how == "todo" and not case.statements) else HIGH
    yield tampered(
        "xfail-added" if off.how == "xfail" else "skip-added", f"new test {case.name} does not count ({off.how})",
        case.path, off.line, cause="a test that never runs, or may fail, proves nothing", severity=severity,
        evidence=off.reason,
    )  # fmt: skip


def _unknown(case: Case, file: TestFile) -> bool:
    """Whether it uses something of the tests' own that may check for it."""
    local = {name for name, source in file.imports.items() if _of_tests(source)}
    return bool(case.names & (local | {"benchmark", "snapshot", "data_regression", "file_regression", "pytester"}))


def _of_tests(source: str) -> bool:
    words = source.replace("/", ".").replace(":", ".").split(".")
    return any(word in ("tests", "test", "testing", "support", "conftest", "helpers") for word in words)


def own_doubles(case: Case, file: TestFile, before: Case | None = None) -> Iterator[Objection]:
    """The objection against a test whose every assertion is about doubles of its own making."""
    if not case.live:
        return
    patched = case.patched - (before.patched if before else frozenset())
    replaced = [check for check in case.live if _called(check.subject) & patched]
    if replaced and len(replaced) == len(case.live):
        names = sorted(_called(replaced[0].subject) & patched)
        yield tampered(
            "mocked-subject", f"test {case.name} replaces what it asserts about: {', '.join(names)}", case.path,
            replaced[0].line,
            cause="the assertion looks at the double, not at the code under test", evidence=replaced[0].told,
            severity=HIGH,
        )  # fmt: skip
        return
    if before is not None and before.doubles >= case.doubles:
        return
    of_product = {name for name, source in file.imports.items() if not _of_tests(source) and not _tool(source)}
    on_doubles = all(check.names & case.doubles for check in case.live)
    if case.doubles and on_doubles and not case.names & of_product and not case.given and not case.asks:
        yield tampered(
            "mocked-subject", f"test {case.name} asserts only on doubles it made itself", case.path, case.line,
            cause="no code under test is called between making the double and asserting on it", severity=HIGH,
        )  # fmt: skip


def _called(text: str) -> set[str]:
    return set(re.findall(r"[A-Za-z_]\w*(?=\()", text))


_TOOLS = ("pytest", "unittest", "mock", "node:", "vitest", "jest", "@jest", "assert", "sinon", "chai", "typing", "json",
          "pathlib", "os", "sys", "datetime", "hypothesis", "collections", "re", "contextlib")  # fmt: skip


def _tool(source: str) -> bool:
    return source.replace(":", ".").split(".")[0].split("/")[0] in _TOOLS or source.startswith(("node:", "@jest"))


def pair_doubles(pair: Pair, file: TestFile) -> Iterator[Objection]:
    """The same for a test that was there before."""
    yield from own_doubles(pair.new, file, pair.old)
