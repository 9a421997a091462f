"""Two reviews: numbers that nobody thought of, and a clean one."""

from ...model.objection import Deviation, Severity, Source
from ...model.review import Finding, Probe, Review
from ...model.session import Role
from ..authoring import OTHER, Turn, checked, hand_in, read, say, shell
from .building import PATH, PYTEST


def _asked(customer: str, total: str, expected: int) -> str:
    return (
        "python -c 'import json, pathlib, tempfile; from tests.client import served\n"
        "with served(pathlib.Path(tempfile.mkdtemp())) as client:\n"
        f'    body = {{"customer": {customer}, "total": {total}, '
        '"items": [{"sku": "tea", "quantity": 2, "price": 4.5}]}\n'
        f'    reply = client.post("/orders", body); print(reply); assert reply.status == {expected}\''
    )


NAN = _asked("1", 'float("nan")', 400)
HUGE = _asked("10**30", "9", 400)
MANY = (
    "python -c 'import pathlib, tempfile; from concurrent.futures import ThreadPoolExecutor as Pool; from tests.client "
    "import served\n"
    'body = {"customer": 1, "items": [{"sku": "tea", "quantity": 2, "price": 4.5}], "total": 9}\n'
    "with served(pathlib.Path(tempfile.mkdtemp())) as client:\n"
    '    replies = list(Pool(8).map(lambda _: client.post("/orders", body), range(24)))\n'
    'print(len({reply.body["id"] for reply in replies}), "orders")\''
)

NAN_FINDING = Finding(
    severity=Severity.HIGH,
    deviation=Deviation.BEHAVIOUR,
    what="An order with the total NaN passes the validation and ends as 500, where the ticket wants it refused: any "
    "client can fill the log with failures.",
    cause="Every comparison with NaN is false, so `abs(sum - total) > 0.005` does not mind it; read_order takes any "
    "float.",
    path="orders/schema.py",
    line=49,
    evidence='{"total": NaN} is answered with 500: NOT NULL constraint failed: orders.total.',
    probe=NAN,
)
HUGE_FINDING = Finding(
    severity=Severity.MEDIUM,
    deviation=Deviation.BEHAVIOUR,
    what="A customer number beyond 64 bits is not answered at all: the connection is closed, and no entry says how the "
    "request ended.",
    cause="SQLite's binding raises OverflowError, which is no sqlite3.Error; read_order takes any integer.",
    path="orders/schema.py",
    line=47,
    evidence='{"customer": 10**30}: RemoteDisconnected.',
    probe=HUGE,
)
OPEN = tuple(finding.objection(Source.REVIEWER).fingerprint for finding in (NAN_FINDING, HUGE_FINDING))

_HOLDS = {
    "business logic and requirements": "each sentence of the ticket against the running service",
    "API contract": "fields of 201, 400, 422 and 500; GET endpoints as on the base",
    "security": "quotes in sku and in X-Correlation-Id: values in SQL, JSON in the log",
    "database and migrations": "migrated a database with customers: they stay; migrated twice: nothing",
    "concurrency and async": "24 orders from 8 threads: 24 ids, 24 rows",
    "performance": "three statements an order; no scan",
    "tests": "put `!=` back into the validation: a scenario goes red",
    "happy path only": "ten of twelve scenarios are refusals or edges",
    "architecture and conventions": "SQL in repository.py and migrations/ only",
}
FIRST = Review(
    summary="The five tasks do what the ticket says for numbers a person would type. Two kinds of number that JSON can "
    "say are not refused: NaN ends as 500, and a very large customer is not answered at all.",
    checks=checked(
        _HOLDS,
        fails={
            "edge cases and assumptions": "NaN, Infinity and integers beyond 64 bits in every number",
            "validation": "a total of NaN: it passes every comparison",
            "error handling": "an OverflowError from the binding: no answer, no entry",
        },
    ),
    probes=(
        Probe(command=NAN, outcome="500 instead of 400"),
        Probe(command=HUGE, outcome="no answer"),
        Probe(command=MANY, outcome="24 orders"),
    ),
    findings=(NAN_FINDING, HUGE_FINDING),
)
SECOND = Review(
    summary="Both kinds of number are refused at the door with 400. The five tasks do what the ticket says.",
    checks=checked(
        {
            **_HOLDS,
            "edge cases and assumptions": "NaN, Infinity, 2**53 and one more, in every number",
            "validation": "the probes of the first review",
            "error handling": "a database without tables: 500, the id is in the log",
        }
    ),
    probes=(
        Probe(command=NAN, outcome="400"),
        Probe(command=HUGE, outcome="400"),
        Probe(command=f"{PYTEST}", outcome="26 passed"),
    ),
    closed=OPEN,
)

FIRST_TURN = Turn(
    "review",
    OTHER,
    (
        say(
            "The ticket first, then the change.",
            read("orders/app.py", contains="def do_POST"),
            read("orders/schema.py", contains="def _number"),
            read("orders/validation.py", contains="0.005"),
            shell(f"{PYTEST} {PATH}", contains="7 passed"),
        ),
        say("Many at once hold?", shell(MANY, contains="24 orders")),
        say(
            "What a number may be is decided nowhere. JSON, Python and SQLite do not agree about that.",
            shell(NAN, contains="status=500", failed=True),
            shell(HUGE, contains="RemoteDisconnected", failed=True),
        ),
        hand_in(FIRST),
    ),
    role=Role.REVIEWER,
)
SECOND_TURN = Turn(
    "review",
    OTHER,
    (
        say(
            "",
            read("orders/schema.py", contains="LARGEST"),
            shell(NAN, contains="status=400"),
            shell(HUGE, contains="status=400"),
            shell(PYTEST, contains="26 passed"),
        ),
        hand_in(SECOND),
    ),
    role=Role.REVIEWER,
    fresh=2,
)
