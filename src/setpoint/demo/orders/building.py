"""Tests first, then the five tasks; the third is stopped by its twelve scenarios, once."""

from ...model.change import AcceptanceTests, Answered, Change, TestClaim
from ...model.review import Verdict
from ..authoring import SONNET, Turn, built, compared, edit, finished, hand_in, judged, read, say, shell, write
from ..project import PROJECTS
from .planning import TRACES

DONE = PROJECTS / "orders-done"
PATH = "tests/test_post_order.py"
PYTEST = "python -m pytest -q -p no:cacheprovider"

TESTS = AcceptanceTests(
    tests=tuple(
        TestClaim(id=f"{PATH}::{name}", proves=(criterion,), what=what)
        for name, criterion, what in (
            ("test_an_order_is_taken", "FR-001", "An order is answered with 201 and its four fields."),
            ("test_what_is_no_order_is_refused", "FR-001", "Five bodies that are no order get 400 and an error."),
            ("test_an_order_is_kept_with_its_items", "FR-002", "Order and items are rows afterwards."),
            (
                "test_what_cannot_be_ordered_is_refused_and_leaves_nothing",
                "FR-003",
                "Unknown customer, no items, wrong total: 422 with the reason, no row.",
            ),
            (
                "test_a_failure_has_an_error_id_that_the_log_knows",
                "FR-004",
                "Without tables the answer is 500 with an id that stands in the log.",
            ),
            (
                "test_every_entry_has_its_requests_correlation_id",
                "FR-004",
                "Entries of three requests carry the ids sent, or a new one.",
            ),
            (TRACES, "SC-001", "One order is answered, kept and logged."),
        )
    ),
    files=(PATH,),
    unproven=("NFR-001: it holds before the change too; tests/test_customers.py holds it and stays unchanged",),
)

_POST = '''    def do_POST(self) -> None:
        """Orders."""
        status, answer = self._order()
        self._answer(status, answer)

    def _order(self) -> tuple[int, dict[str, Any]]:
        if self.path != "/orders":
            return 404, {"error": "not found"}
        try:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
            order = read_order(body)
        except (ValueError, MalformedError) as error:
            return 400, {"error": str(error)}
        order_id = str(uuid.uuid4())
        return 201, created(order_id, order)

'''
_IMPORTS = """import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .repository import Repository
"""
_ANSWER = "    def _answer(self, status: int, answer: dict[str, Any]) -> None:\n"
_SAVED = "        order_id = self.server.repository.save(order)\n"
_KEPT = """        found = problems(order, self.server.repository)
        if found:
            return 422, {"errors": found}
"""
_ALMOST = "    if abs(sum(item.quantity * item.price for item in order.items) - order.total) > 0.005:\n"
_EXACT = "    if sum(item.quantity * item.price for item in order.items) != order.total:\n"
_FINITE = " or not -LARGEST <= value <= LARGEST"
_LARGEST = '\nLARGEST = 2**53\n"""What JSON, Python and SQLite all keep exactly."""\n'
_README = '| `GET /customers/NUMBER` | 200, `{"number", "name"}`; 404 with `error` when there is none |\n'
_ROWS = (
    '| `POST /orders` with `{"customer", "items": [{"sku", "quantity", "price"}], "total"}` | 201, `{"id", "status", '
    '"customer", "total"}`; 400 with `error` for what is no order; 422 with `errors` for what cannot be ordered; 500 '
    "with `error_id` |\n"
)
_LOGGED = (
    "\nEvery step of a POST is a line of `logs/orders.log`: JSON with `at`, `correlation_id` (sent as "
    "`X-Correlation-Id`, or new)\nand `event`.\n"
)


def _text(path: str) -> str:
    return (DONE / path).read_text(encoding="utf-8")


FORM = built(
    1,
    ("", (read("orders/app.py", contains="def do_GET"), read(PATH, lines=40))),
    (
        "The form first, without storage: an order is answered, and nonsense is refused.",
        (
            write("orders/schema.py", _text("orders/schema.py").replace(_FINITE, "").replace(_LARGEST, "")),
            edit(
                "orders/app.py",
                _IMPORTS,
                _IMPORTS.replace("import json\n", "import json\nimport uuid\n")
                + "from .schema import MalformedError, created, read_order\n",
            ),
            edit("orders/app.py", _ANSWER, _POST + _ANSWER),
            finished(DONE, "tests/test_orders_schema.py"),
        ),
    ),
    ("", (shell(f"{PYTEST} tests/test_orders_schema.py", contains="5 passed"), shell("make lint", contains="passed"))),
    change=Change(
        summary="POST /orders reads an order and answers 201, or 400 for what is none. Nothing is kept yet.",
        ran=(f"{PYTEST} tests/test_orders_schema.py: 5 passed", "make lint: clean"),
        documentation="None yet: README.md tells the endpoint when it keeps what it takes.",
    ),
)

STORAGE = built(
    2,
    (
        "One migration, one transaction.",
        (
            finished(DONE, "migrations/0002_orders.sql"),
            finished(DONE, "orders/repository.py"),
            finished(DONE, "tests/test_orders_repository.py"),
            edit(
                "orders/app.py",
                "        order_id = str(uuid.uuid4())\n        return 201",
                f"{_SAVED}        return 201",
            ),
            edit("orders/app.py", "import uuid\n", ""),
        ),
    ),
    (
        "",
        (
            shell(f"{PYTEST} tests/test_orders_repository.py", contains="3 passed"),
            shell("make db-migrate && make lint", contains="2 migrations run"),
        ),
    ),
    change=Change(
        summary="Orders are kept with their items in one transaction; migrations/0002_orders.sql adds the two tables. "
        "Databases with customers are brought up without touching them.",
        ran=(f"{PYTEST} tests/test_orders_repository.py: 3 passed", "make db-migrate: 2 migrations run"),
        documentation="None needed: README.md says already that SQL stands in the repository and the migrations.",
    ),
)

RULES = built(
    3,
    (
        "All reasons at once, and twelve scenarios that say which.",
        (
            write("orders/validation.py", _text("orders/validation.py").replace(_ALMOST, _EXACT)),
            finished(DONE, "scripts/test_validation_scenarios.py"),
            edit("orders/app.py", _SAVED, _KEPT + _SAVED),
            edit(
                "orders/app.py",
                "created, read_order\n",
                "created, read_order\nfrom .validation import problems\n",
            ),
        ),
    ),
    (
        "",
        (
            shell(f"{PYTEST} {PATH} -k 'cannot_be_ordered or is_taken'", contains="2 passed"),
            shell("make lint", contains="passed"),
        ),
    ),
    change=Change(
        summary="What cannot be ordered is refused with 422 and every reason, before anything is kept.",
        ran=(f"{PYTEST} {PATH} -k 'cannot_be_ordered or is_taken': 2 passed", "make lint: clean"),
        documentation="README.md follows with T005.",
    ),
)

RULES_MENDED = built(
    3,
    (
        "Eleven of twelve: I had not run the scenarios. Which one?",
        (
            shell("python scripts/test_validation_scenarios.py", contains="cents add up", failed=True),
            shell("python -c 'print(3 * 0.1)'", contains="0.30000000000000004"),
        ),
    ),
    (
        "Floats do not hold cents. Half a cent of tolerance, as the design says.",
        (
            edit("orders/validation.py", _EXACT, _ALMOST),
            shell("python scripts/test_validation_scenarios.py", contains="12 of 12 scenarios passed"),
            shell("make lint", contains="passed"),
        ),
    ),
    change=Change(
        summary="What cannot be ordered is refused with 422 and every reason, before anything is kept. Totals match to "
        "half a cent: 3 x 0.1 is 0.3 to a customer.",
        ran=("python scripts/test_validation_scenarios.py: 12 of 12 scenarios passed", "make lint: clean"),
        documentation="README.md follows with T005.",
    ),
    turn=2,
)

LOG = built(
    4,
    (
        "One journal a request, and the failure inside it.",
        (
            finished(DONE, "orders/journal.py"),
            finished(DONE, "orders/app.py"),
        ),
    ),
    (
        "",
        (
            shell(f"{PYTEST} {PATH}", contains="7 passed"),
            shell("make lint", contains="passed"),
        ),
    ),
    change=Change(
        summary="A failure of the database is answered with 500 and an id that the log has with its cause; every entry "
        "of logs/orders.log carries its request's correlation id.",
        ran=(f"{PYTEST} {PATH}: 7 passed", "make lint: clean"),
        documentation="README.md follows with T005.",
    ),
)

WHOLE = built(
    5,
    (
        "From outside: the process, its answer, its database, its log.",
        (
            finished(DONE, "scripts/e2e_test_orders.py"),
            edit("README.md", _README, _README + _ROWS + _LOGGED),
        ),
    ),
    (
        "",
        (
            shell("make test-e2e", contains="1 of 1 journeys passed"),
            shell(PYTEST, contains="19 passed"),
            shell("make lint", contains="passed"),
        ),
    ),
    change=Change(
        summary="`make test-e2e` starts the service, orders, and looks at the answer, the record and the log entry. "
        "README.md tells the endpoint and the log.",
        ran=("make test-e2e: 1 of 1 journeys passed", f"{PYTEST}: 19 passed", "make lint: clean"),
        documentation="README.md: POST /orders and logs/orders.log.",
    ),
)


TURNS: tuple[Turn, ...] = (
    Turn(
        "tests",
        SONNET,
        (
            say("", read("tests/client.py", contains="def served"), read("tests/test_customers.py", contains="served")),
            say("Each asks the service over HTTP and looks at what it left.", finished(DONE, PATH)),
            say(
                "They must fail now, each on its assertion.",
                shell(f"{PYTEST} {PATH}", contains="7 failed", failed=True),
                shell("ruff check tests", contains="passed"),
            ),
            hand_in(TESTS, "Seven red on their assertions; the four earlier tests are untouched."),
        ),
    ),
    judged(
        "tests",
        Verdict(
            compared=(
                "FR-001 with two tests: the four fields, and five bodies that are no order",
                "FR-002 with test_an_order_is_kept_with_its_items: rows of both tables",
                "FR-003 with test_what_cannot_be_ordered_is_refused_and_leaves_nothing: all three reasons, no row",
                "FR-004 with two tests: the error id in the log, ids of three requests",
                f"SC-001 with {TRACES}; NFR-001 is given as unproven with a sound reason",
            ),
        ),
    ),
    FORM,
    compared(1, "T001's steps with orders/schema.py and do_POST", "summary with the diff: nothing is kept, true"),
    STORAGE,
    compared(2, "T002's steps with the migration and Repository.save", "0001_customers.sql with the diff: unchanged"),
    RULES,  # one scenario of twelve fails: the check sends it back
    RULES_MENDED,
    compared(3, "T003's steps with orders/validation.py: three reasons", "the twelve scenarios with FR-003"),
    LOG,
    compared(4, "T004's steps with orders/journal.py and do_POST", "the cause with the answer: it stays inside"),
    WHOLE,
    compared(5, "T005's steps with the script, which `make test-e2e` runs", "README.md with the endpoint as it is"),
)


def rework(objections: tuple[str, ...]) -> Turn:
    """The answer to the first review, given by the last task's session."""
    bounded = "read_order refuses what is not finite or beyond 2**53; tests/test_numbers.py was red before"
    return built(
        5,
        (
            "JSON says more numbers than a shop can keep. Tests of that first.",
            (
                finished(DONE, "tests/test_numbers.py"),
                shell(f"{PYTEST} tests/test_numbers.py", contains="7 failed", failed=True),
            ),
        ),
        (
            "At the door, where the form is decided, so that nothing behind it has to know.",
            (finished(DONE, "orders/schema.py"),),
        ),
        (
            "",
            (shell(PYTEST, contains="26 passed"), shell("make lint", contains="passed")),
        ),
        change=Change(
            summary="Numbers that are not finite, or beyond what JSON, Python and SQLite all keep exactly, are no form "
            "of an order: 400.",
            answers=tuple(Answered(objection=objection, done=bounded) for objection in objections),
            ran=(f"{PYTEST}: 26 passed", "make lint: clean"),
            documentation="None needed: README.md says that what is no order gets 400.",
        ),
        turn=2,
    )
