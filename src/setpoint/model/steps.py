"""The steps of a check beyond "it exits with 0": one line each, the same in a plan's record and in `tasks.md`.

    Run `make db-migrate`
    Run `python scripts/scenarios.py` - all 12 scenarios
    Serve `python -m orders` on 8000
    Request POST /orders {"customer": 1} - 201 {"id": "*", "customer": 1}
    Rows `SELECT customer FROM orders` in `orders.db` - exactly [[1]]
    Log `logs/orders.log` - all entries match `correlation_id=\\w+`
    Page /orders - click "Order"; shows "1 order"; no console errors

Each says what must be there, so each can fail; what cannot is refused when it is written.
"""

import json
import re
import shlex
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints

from .page import FORM as PAGE
from .page import PageStep, page_step
from .record import Line, Record

MOST = 20
"""Steps of one check."""
ANY = "*"
"""In an answer that is expected: any value, as long as there is one."""
_SHELL = set(";|&<>`$\n")


def one_command(text: str) -> str:
    """`text`, if it is one plain command. Raises ValueError."""
    if _SHELL & set(text):
        raise ValueError("one plain command, without shell operators")
    if not shlex.split(text):
        raise ValueError("an empty command checks nothing")
    return text


Command = Annotated[Line, AfterValidator(one_command)]


class Count(Record):
    """How many of what a command must have gone through, all of them well."""

    number: int = Field(ge=1)
    noun: Line
    """`scenarios`, `tests`, ..."""


class RunStep(Record):
    """A command that must exit with 0."""

    do: Literal["run"] = "run"
    command: Command
    count: Count | None = None


class ServeStep(Record):
    """A command that is kept running for the steps after it, once its port takes connections, and stopped then."""

    do: Literal["serve"] = "serve"
    command: Command
    port: int = Field(ge=1, le=65535)


class RequestStep(Record):
    """A request to the service, and the answer it must give."""

    do: Literal["request"] = "request"
    method: Line
    path: Line
    body: Any = None
    status: int
    answer: Any = None
    """What the JSON answer must hold: named fields are there and equal, others may be beside them; None: anything."""
    pattern: str = ""
    """What the answer's text must match, line by line; empty: anything."""


class RowsStep(Record):
    """A query, and the rows it must give."""

    do: Literal["rows"] = "rows"
    query: Line
    database: Line
    """An SQLite file below the repository, or a database URL."""
    how: Literal["exactly", "including", "count"]
    rows: tuple[tuple[Any, ...], ...] = ()
    count: int = 0


class LogStep(Record):
    """A log that the steps before it wrote, and what its entries must or must not hold."""

    do: Literal["log"] = "log"
    path: Line
    how: Literal["all", "some", "none"]
    pattern: Line


Step = RunStep | ServeStep | RequestStep | PageStep | RowsStep | LogStep

FORMS = (
    "Run `COMMAND`",
    "Run `COMMAND` - all N THINGS",
    "Serve `COMMAND` on PORT",
    "Request METHOD /PATH {JSON} - STATUS {JSON} (or: STATUS matching `REGEX`)",
    "Rows `SELECT …` in `FILE.db` - exactly [[…]] (or: including [[…]], 2 rows)",
    "Log `FILE` - all entries match `REGEX` (or: at least one entry matches, no entry matches)",
    PAGE,
)
"""Every step, as it is written."""
_DASH = r"\s+[-–—]\s+"
_RUN = re.compile(rf"`([^`]*)`(?:{_DASH}(.+))?$")
_SERVE = re.compile(r"`([^`]*)` on (?:port )?(\d{1,5})$")
_REQUEST = re.compile(r"`?([A-Z]{3,7}) (/[^\s`]*)`?")
_MATCHING = re.compile(r"\s+(?:and |text )?match(?:ing|es) `([^`]*)`$")
_ANSWER = re.compile(r"(?:^|\s+)[-–—]\s+(\d{3})\b")
_ROWS = re.compile(rf"`([^`]*)` in `([^`]*)`(?:{_DASH}(.+))?$")
_COUNTED = re.compile(r"(\d{1,4}) rows?$")
_LOG = re.compile(rf"`([^`]*)`(?:{_DASH}(.+?) match(?:es)? `([^`]*)`)?$")
_HOW: dict[str, Literal["all", "some", "none"]] = {
    **dict.fromkeys(("all entries", "every entry", "each entry"), "all"),
    **dict.fromkeys(("at least one entry", "one entry", "some entry"), "some"),
    **dict.fromkeys(("no entry", "no entries"), "none"),
}
_ALL = re.compile(r"all (\d{1,6}) ([a-z][\w-]*)(?: (?:must )?pass(?:es)?)?\.?$", re.IGNORECASE)
_JSON = json.JSONDecoder()


def count_of(standard: str) -> Count | None:
    """The count that a passing standard names: `all 12 scenarios must pass`. Raises ValueError for none at all."""
    told = _ALL.match(standard)
    if told is None:
        return None
    if int(told[1]) == 0:
        raise ValueError(f"`{standard}` cannot fail: nothing is named; name how many there are")
    return Count(number=int(told[1]), noun=told[2])


def parse_step(text: str) -> Step:
    """The step that `text` says. Raises ValueError: what is wrong, why, and how it is written."""
    word, _, rest = text.strip().partition(" ")
    reader = _READERS.get(word.casefold())
    if reader is None:
        raise ValueError(f"`{_short(text)}` is no step that is known; write one of: {'; '.join(FORMS)}")
    return reader(rest.strip(), text)


def parse_steps(texts: Sequence[str], *, begun: bool) -> tuple[Step, ...]:
    """All steps, in an order that makes sense. `begun`: a command has run before them. Raises ValueError."""
    steps = tuple(parse_step(text) for text in texts)
    if len(steps) > MOST:
        raise ValueError(f"{len(steps)} steps in one check; at most {MOST}: make it two checks")
    if steps and not begun and not isinstance(steps[0], RunStep | ServeStep):
        raise ValueError(f"nothing has happened before `{_short(texts[0])}`; begin with a `Run` or a `Serve` step")
    served = [step for step in steps if isinstance(step, ServeStep)]
    if len(served) > 1:
        raise ValueError("two services in one check; start both by one command, or make it two checks")
    if served and steps[-1] is served[0]:
        raise ValueError("nothing asks the service; put a `Request` or a `Run` step after `Serve`")
    asked = next((at for at, step in enumerate(steps) if isinstance(step, RequestStep | PageStep)), None)
    if asked is not None and (not served or asked < steps.index(served[0])):
        raise ValueError(f"`{_short(texts[asked])}` has nobody to answer it; put a `Serve` step before it")
    return steps


def _run(rest: str, text: str) -> Step:
    told = _match(_RUN, rest, text, 0)
    count = count_of(told[2]) if told[2] else None
    if told[2] and count is None and not re.match(r"must pass\.?$", told[2]):
        raise ValueError(f"`{_short(text)}`: what is expected is not understood; write `{FORMS[1]}`")
    return RunStep(command=_command(told[1], text), count=count)


def _serve(rest: str, text: str) -> Step:
    told = _match(_SERVE, rest, text, 2)
    if not 1 <= int(told[2]) <= 65535:
        raise ValueError(f"`{_short(text)}`: a port is a number from 1 to 65535")
    return ServeStep(command=_command(told[1], text), port=int(told[2]))


def _request(rest: str, text: str) -> Step:
    told = _REQUEST.match(rest)
    if told is None:
        raise _malformed(text, 3)
    body, at = _json(rest, told.end(), text)
    answered = _ANSWER.match(rest[at:])
    if answered is None or not 100 <= int(answered[1]) <= 599:
        raise ValueError(f"`{_short(text)}` expects nothing and cannot fail; end it as `{FORMS[3]}`")
    at += answered.end()
    matching = _MATCHING.match(rest[at:])
    if matching:
        return RequestStep(
            method=told[1], path=told[2], body=body, status=int(answered[1]), pattern=_pattern(matching[1])
        )
    answer, at = _json(rest, at, text)
    if rest[at:].strip():
        raise _malformed(text, 3)
    if answer in ({}, []):
        raise ValueError(f"`{_short(text)}` names no field of the answer; name some, or leave the braces out")
    return RequestStep(method=told[1], path=told[2], body=body, status=int(answered[1]), answer=answer)


def _rows(rest: str, text: str) -> Step:
    told = _match(_ROWS, rest, text, 4)
    query, database, expected = told[1].strip(), told[2].strip(), (told[3] or "").strip()
    if not re.match(r"(?:select|with)\b", query, re.IGNORECASE):
        raise ValueError(f"`{_short(query)}` looks at no rows; write a SELECT")
    if "://" not in database:
        _below(database, text)
    counted = _COUNTED.match(expected)
    if counted:
        return RowsStep(query=query, database=database, how="count", count=int(counted[1]))
    how, _, listed = expected.partition(" ")
    if how not in ("exactly", "including"):
        raise ValueError(f"`{_short(text)}` expects nothing and cannot fail; end it as `{FORMS[4]}`")
    rows, at = _json(listed, 0, text)
    if not isinstance(rows, list) or any(not isinstance(row, list) for row in rows) or listed[at:].strip():
        raise ValueError(f'`{_short(text)}`: rows are a list of lists: [[1, "new"]]')
    if not rows and how == "including":
        raise ValueError(f"`{_short(text)}` names no row and cannot fail; name one, or write `exactly []`")
    return RowsStep(query=query, database=database, how=how, rows=tuple(map(tuple, rows)))


def _log(rest: str, text: str) -> Step:
    told = _match(_LOG, rest, text, 5)
    how = _HOW.get(" ".join((told[2] or "").casefold().split()))
    if how is None:
        raise ValueError(f"`{_short(text)}` does not say of which entries; end it as `{FORMS[5]}`")
    return LogStep(path=_below(told[1].strip(), text), how=how, pattern=_pattern(told[3]))


def _pattern(text: str) -> str:
    try:
        empty = re.compile(text).search("")
    except re.error as error:
        raise ValueError(f"`{text}` is no regular expression: {error}") from error
    if empty:
        raise ValueError(f"`{text}` matches nothing at all as well, so the step cannot tell; demand some text")
    return text


_READERS: dict[str, Callable[[str, str], Step]] = {
    "run": _run,
    "serve": _serve,
    "request": _request,
    "rows": _rows,
    "log": _log,
    "page": page_step,
}


def _match(form: re.Pattern[str], rest: str, text: str, number: int) -> re.Match[str]:
    told = form.match(rest)
    if told is None:
        raise _malformed(text, number)
    return told


def _malformed(text: str, number: int) -> ValueError:
    return ValueError(f"`{_short(text)}` is not written as such a step is; write `{FORMS[number]}`")


def _command(text: str, whole: str) -> str:
    try:
        return one_command(text.strip())
    except ValueError as error:
        raise ValueError(f"`{_short(whole)}`: {error}") from error


def _json(text: str, at: int, whole: str) -> tuple[Any, int]:
    """The object or list that begins here, after a `with` or not, and where it ends; None where none begins."""
    begins = re.compile(r"\s*(?:with\s+)?`?(?=[{\[])").match(text, at)
    if begins is None:
        return None, at
    try:
        value, end = _JSON.raw_decode(text, begins.end())
    except ValueError as error:
        raise ValueError(f"`{_short(whole)}` holds no proper JSON: {error}") from error
    return value, end + (1 if begins[0].endswith("`") and text[end : end + 1] == "`" else 0)


def _below(path: str, text: str) -> str:
    if not path or path.startswith(("/", "~")) or ".." in path.split("/"):
        raise ValueError(f"`{_short(text)}`: name a file below the repository's root")
    return path


def _short(text: str) -> str:
    return text.strip() if len(text) <= 120 else text[:119].strip() + "…"


def _one_step(text: str) -> str:
    folded = " ".join(text.split("\n"))
    parse_step(folded)
    return folded


StepLine = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000), AfterValidator(_one_step)
]
"""A step as it is written."""
