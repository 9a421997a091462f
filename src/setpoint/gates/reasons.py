"""Why a new test failed on the untouched base: for missing behaviour, or for a reason that proves nothing."""

import re

from ..model.evidence import TestResult

IMPORT_INSIDE = "import the new name inside the test, so that its absence fails this test instead of the whole file"
_SYNTAX = ("SyntaxError", "IndentationError", "TabError")
_SURROUNDINGS = (
    *("ConnectionError", "ConnectionRefusedError", "ConnectionResetError", "gaierror", "URLError", "ConnectError"),
    *("PermissionError", "MemoryError", "BlockingIOError", "OperationalError", "InterfaceError"),
    *("ECONNREFUSED", "ECONNRESET", "EACCES", "EPERM", "ENOTFOUND", "KeyboardInterrupt"),
)
_ANY_EXCEPTION = re.compile(r"^(?:E\s+)?([A-Za-z_][\w.]*)(?:\s*\[[^\]]*\])?(?::|$)")


def wrong_reason(test: TestResult) -> str:
    """Why the failure of `test` on the base proves nothing; empty when it fails for the right reason."""
    if test.outcome == "passed":
        return "it passes on the untouched base: it checks nothing new, or the behaviour is already there"
    if test.outcome == "skipped":
        return "it was skipped on the untouched base, and a skip proves nothing"
    if test.outcome == "error":
        return _error_reason(test.message)
    return _failure_reason(test.message)


def _error_reason(message: str) -> str:
    fixture = re.search(r"fixture '([^']+)' not found", message)
    if fixture:
        return f"it needs a fixture `{fixture[1]}` that does not exist"
    if "failed on setup" in message or ", in setUp" in message:
        return f"its set-up failed, so the test itself never ran: {_exception(message)}"
    if "failed on teardown" in message or ", in tearDown" in message:
        return f"it failed in tear-down, after the test: {_exception(message)}"
    return uncollected(message)


def uncollected(message: str) -> str:
    """Why a test file could not be collected, with advice."""
    if any(name in message for name in _SYNTAX):
        return "its file has a syntax error"
    told = re.findall(r"(?:ModuleNotFoundError|ImportError): (.+)$", message, re.MULTILINE)
    if told:
        return f"importing its file fails ({told[-1].strip()}): {IMPORT_INSIDE}"
    if re.search(r"NameError|AttributeError", message):
        return f"loading its file fails ({_exception(message)}): {IMPORT_INSIDE}"
    return f"its file could not be collected: {_exception(message)}"


def _failure_reason(message: str) -> str:
    name = _name(message)
    if name in _SYNTAX:
        return "it fails with a syntax error, not because behaviour is missing"
    missing = re.search(r"No module named '([\w.]+)'", message) if name == "ModuleNotFoundError" else None
    if missing and missing[1].partition(".")[0] in ("tests", "test", "conftest", "testing"):
        return f"it imports `{missing[1]}`, a test module that does not exist"
    if name in _SURROUNDINGS or any(f"code: '{code}'" in message for code in _SURROUNDINGS):
        return f"it fails because of its surroundings ({_exception(message)}), not because behaviour is missing"
    if re.search(r"^Failed: Timeout|testTimeoutFailure|Exceeded timeout of", message, re.MULTILINE):
        return "it runs into a time limit, which says nothing about the behaviour"
    if re.search(r"failureType: '(?:hookFailed|cancelledByParent)'", message):
        return "its set-up hook failed, so the test itself never ran"
    return ""


def _name(message: str) -> str:
    """Name of the exception, without its module."""
    for text in (message.splitlines() or [""])[0], *re.findall(r"^E\s+(\S.*)$", message, re.MULTILINE)[-1:]:
        found = _ANY_EXCEPTION.match(text.strip())
        if found:
            return found[1].rpartition(".")[2]
    cause = re.search(r"cause: (\w+)", message)
    return cause[1] if cause else ""


def _exception(message: str) -> str:
    lines = re.findall(r"^E\s+(\S.*)$", message, re.MULTILINE) or [
        text for text in message.splitlines() if text.strip()
    ]
    return lines[-1].strip()[:200] if lines else "no message"
