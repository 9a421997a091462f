"""Discovery, tech spec and planning: five tasks, whose order the first plan has wrong."""

from ...gates.tasks_md import parse_tasks
from ...model.boundary import Boundaries
from ...model.objection import Deviation, Severity
from ...model.plan import ChallengeAnswer, Estimate, ModuleChange, Plan
from ...model.review import Finding, Verdict
from ...model.spec import Choice, FunctionalSpec, TechSpec
from ...model.ticket import Criterion, SourceTag
from ..authoring import OPUS, SONNET, Turn, hand_in, judged, read, say, search, shell
from ..project import ORDERS

TAKEN = (
    "Add POST /orders: an order is answered with 201 and its id, status, customer and total, and what is no order with "
    "400."
)
KEPT = "Keep each order with its items in the database."
REFUSED = (
    "Refuse with 422 an order whose customer does not exist, whose items are empty, or whose total does not match its "
    "items."
)
FAILED = "Answer a failure with 500 and an error id, and log every step with a correlation id."
STAYS = "The existing endpoints must stay as they are."
TRACES = "test_one_order_leaves_answer_record_and_entry"

SPEC = FunctionalSpec(
    summary="Clients of the shop order over HTTP: `POST /orders` takes an order, keeps it with its items, refuses what "
    "cannot be ordered with its reasons, and leaves a log that one request can be followed through.",
    users="Clients of the shop, which order; whoever is called when an order failed, and reads the log.",
    current_behaviour="orders/app.py knows GET /health and GET /customers/NUMBER; any POST is answered with 501. The "
    "database holds customers (migrations/0001_customers.sql), no orders. Nothing is logged.",
    criteria=(
        Criterion(
            id="FR-001",
            text="POST /orders answers an order with 201 and id, status, customer and total; a body that is no order "
            "with 400 and `error`.",
            source=SourceTag.PARAPHRASED,
            quote=TAKEN,
        ),
        Criterion(
            id="FR-002",
            text="An order that was answered with 201 is in the database with each of its items.",
            source=SourceTag.PARAPHRASED,
            quote=KEPT,
        ),
        Criterion(
            id="FR-003",
            text="An order whose customer does not exist, whose items are empty, or whose total differs from the sum "
            "of its items is answered with 422 and every reason in `errors`, and leaves no record.",
            source=SourceTag.PARAPHRASED,
            quote=REFUSED,
        ),
        Criterion(
            id="FR-004",
            text="A failure of the database is answered with 500 and an `error_id` that stands in logs/orders.log; "
            "every entry there has its request's correlation id: the one sent as X-Correlation-Id, or a new one.",
            source=SourceTag.PARAPHRASED,
            quote=FAILED,
        ),
        Criterion(
            id="NFR-001",
            text="GET /health and GET /customers/NUMBER are answered as before.",
            source=SourceTag.USER,
            quote=STAYS,
        ),
        Criterion(
            id="SC-001",
            text="One order leaves its traces in a running service: the answer, the record and the log entry.",
            source=SourceTag.INFERRED,
        ),
    ),
    must_stay=(
        "GET /health and GET /customers/NUMBER",
        "migrations/0001_customers.sql: a migration that was released is never changed (README.md)",
        "SQL in orders/repository.py and migrations/ only (README.md)",
    ),
    can_break=("Customers being found after the new migration", "Databases that exist already"),
    out_of_scope=("Reading or changing orders", "Stock and payment"),
)

DESIGN = TechSpec(
    approach="The endpoint reads the body into a record, asks the validation what is wrong with it, and keeps it: "
    "form, rules and storage each in a module of its own. Log entries are written by one object a request.",
    components=(
        "orders/schema.py (new): `read_order`, `created`; raises MalformedError",
        "orders/validation.py (new): `problems(order, repository)`, all reasons at once",
        "orders/repository.py: `Repository.save`, `Repository.total`; one transaction an order",
        "orders/journal.py (new): `Journal(path, correlation_id).write(event, …)`, one JSON object a line",
        "orders/app.py: `do_POST`",
        "migrations/0002_orders.sql (new): tables orders and items",
    ),
    interfaces=(
        'POST /orders {"customer", "items": [{"sku", "quantity", "price"}], "total"}: 201 {"id", "status", "customer", '
        '"total"}',
        'POST /orders: 400 {"error"}, 422 {"errors": […]}, 500 {"error_id"}',
    ),
    data=("orders (id, customer, total) and items (order_id, sku, quantity, price), each item of one order",),
    errors=(
        "No JSON, or not the form of an order: 400, nothing is kept",
        "What cannot be ordered: 422 with all reasons, nothing is kept",
        "sqlite3.Error: rolled back, 500 with an id that the log has with the cause; the cause is not told outside",
    ),
    choices=(
        Choice(
            decision="All reasons are told at once",
            because="a client that mends one at a time asks four times",
            instead_of="the first reason only",
        ),
        Choice(
            decision="Totals match to half a cent",
            because="prices are decimal fractions that floats do not hold exactly: 3 x 0.1 is not 0.3",
            instead_of="equality",
        ),
    ),
    covers=("FR-001", "FR-002", "FR-003", "FR-004", "NFR-001", "SC-001"),
    risks=("The log grows without a limit; rotating it belongs to operations",),
)

TASKS = parse_tasks((ORDERS.folder / "tasks.md").read_text(encoding="utf-8")).tasks

CHALLENGE = (
    ChallengeAnswer(
        question="shared model touched?",
        answer="Repository gets two methods; what it does for customers stays",
        evidence="orders/repository.py: class Repository",
    ),
    ChallengeAnswer(
        question="critical endpoint changed?",
        answer="No: do_POST is new, do_GET stays",
        evidence="search for `def do_`: do_GET only",
    ),
    ChallengeAnswer(
        question="historical data affected?",
        answer="No: the migration adds tables and reads none",
        evidence="migrations/0001_customers.sql: customers only",
    ),
    ChallengeAnswer(
        question="migration needed?",
        answer="Yes, one: migrations/0002_orders.sql adds orders and items",
        evidence="migrations/: 0001_customers.sql only",
    ),
    ChallengeAnswer(
        question="race condition?",
        answer="An order and its items are one transaction; ids are random, not counted",
        evidence="orders/repository.py: `with base` in _open commits or rolls back the whole",
    ),
    ChallengeAnswer(
        question="security risk?",
        answer="What the caller sends reaches SQL as values and the log as JSON; the cause of a failure stays inside",
        evidence="orders/repository.py: execute with ? only",
    ),
    ChallengeAnswer(
        question="N+1 query?",
        answer="No: one look-up, one insert and one executemany an order",
        evidence="orders/repository.py",
    ),
    ChallengeAnswer(
        question="operational problem only under load?",
        answer="SQLite has one writer at a time; a busy database becomes a 500 after five seconds, with an id",
        evidence="sqlite3.connect's own timeout of 5 s",
    ),
)

PLAN = Plan(
    overview="Five tasks that stand on each other: the form, then storage, then the rules, then failures and the log, "
    "then the whole from outside. None begins before the checks of the one before are green.",
    modules=(
        ModuleChange(path="orders/schema.py", how="new: form of request and answer"),
        ModuleChange(path="orders/validation.py", how="new: what cannot be ordered"),
        ModuleChange(path="orders/journal.py", how="new: the log"),
        ModuleChange(path="orders/repository.py", how="save and total"),
        ModuleChange(path="orders/app.py", how="do_POST"),
    ),
    data_models=("orders: id, customer, total", "items: order_id, sku, quantity, price"),
    endpoints=("POST /orders: 201, 400, 422, 500",),
    flows_at_risk=("GET /customers/NUMBER after the migration",),
    migrations=("migrations/0002_orders.sql: tables orders and items; what is there is not touched",),
    flags="none",
    permissions="none",
    telemetry=("logs/orders.log: request, order created, failed, answered; each with correlation_id",),
    tests=(
        "tests/test_post_order.py::test_an_order_is_taken: FR-001",
        "tests/test_post_order.py::test_what_is_no_order_is_refused: FR-001",
        "tests/test_post_order.py::test_an_order_is_kept_with_its_items: FR-002",
        "tests/test_post_order.py::test_what_cannot_be_ordered_is_refused_and_leaves_nothing: FR-003",
        "tests/test_post_order.py::test_a_failure_has_an_error_id_that_the_log_knows: FR-004",
        "tests/test_post_order.py::test_every_entry_has_its_requests_correlation_id: FR-004",
        f"tests/test_post_order.py::{TRACES}: SC-001",
        "scripts/test_validation_scenarios.py: twelve scenarios of FR-003",
    ),
    rules=(
        "SQL stands in orders/repository.py and migrations/ only (README.md)",
        "A migration that was released is never changed (README.md)",
        "What is refused says why, in lower case without a full stop (README.md)",
    ),
    dependencies=(
        "T002 needs T001, T003 needs T002, T004 needs T003, T005 needs T004: each check stands on the task before",
        "No package is added",
    ),
    risks=("Floats as money: half a cent is the tolerance, and a scenario holds it",),
    challenge=CHALLENGE,
    tasks=TASKS,
    boundaries=Boundaries(
        paths=("orders/**", "migrations/**", "scripts/**", "tests/**", "README.md"),
        dependencies=False,
        migrations=True,
        frozen=("GET /health", "GET /customers/NUMBER", "migrations/0001_customers.sql"),
        max_files=20,
        max_lines=700,
    ),
    estimate=Estimate(days=2.0, lines=480, risk="medium"),
    diagram="none",
)

LOOSE = "T002 to T005 need T001 and can be done in any order"
DRAFT = PLAN.model_copy(
    update={
        "dependencies": (LOOSE, "No package is added"),
        "tasks": (TASKS[0], *(task.model_copy(update={"needs": ("T001",)}) for task in TASKS[1:])),
    }
)

SENT_BACK = Verdict(
    compared=(
        "FR-001 to FR-004 and SC-001 with T001 to T005: each has its task and its checks",
        "NFR-001 with boundaries.frozen: both endpoints",
        "needs of each task with what its checks look at: T003, T004 and T005 rest on tasks they do not need",
        "migrations with boundaries.migrations: one is planned and allowed",
    ),
    findings=(
        Finding(
            severity=Severity.HIGH,
            deviation=Deviation.REQUIREMENT,
            what="The order of the tasks is left open though they stand on each other: a task done too early cannot "
            "pass its own check, or passes it over a hole.",
            cause=f"The plan says `{LOOSE}`; each of T003, T004 and T005 needs T001 only.",
            path="tasks.T003.needs",
            evidence="T003's check reads `SELECT id FROM orders`, a table that T002's migration makes; T004's looks at "
            "answers that T003 decides; T005's at all of them.",
        ),
    ),
)

ACCEPTED = Verdict(
    compared=(
        "T003 needs T002: its check reads the table that T002's migration makes",
        "T004 needs T003, T005 needs T004: answers first, then their log, then the whole",
        "FR-001 to FR-004, NFR-001 and SC-001 with tasks, checks and tests",
        "the earlier objection (order left open): answered",
    ),
)

TURNS: tuple[Turn, ...] = (
    Turn(
        "discovery",
        OPUS,
        (
            say(
                "First what is there: the endpoints, the database, and what a POST gets today.",
                read("README.md", contains="Rules of this repository"),
                read("orders/app.py", contains="def do_GET"),
                read("orders/repository.py", contains="def migrate"),
                read("migrations/0001_customers.sql", contains="customers"),
                read("tests/client.py", contains="def served"),
            ),
            say(
                "",
                shell(
                    "python -c 'import tempfile, pathlib; from tests.client import served\n"
                    "with served(pathlib.Path(tempfile.mkdtemp())) as client:\n"
                    '    print(client.post("/orders", {}).status)\'',
                    contains="501",
                ),
                shell("python -m pytest -q -p no:cacheprovider", contains="4 passed"),
            ),
            hand_in(SPEC, "No POST is known at all; customers are the only table."),
        ),
    ),
    judged(
        "discovery",
        Verdict(
            compared=(
                f"`{TAKEN}` with FR-001",
                f"`{KEPT}` with FR-002",
                f"`{REFUSED}` with FR-003: all three reasons",
                f"`{FAILED}` with FR-004: both halves",
                f"`{STAYS}` with NFR-001",
                "SC-001 is tagged inferred and contradicts nothing",
            ),
        ),
    ),
    Turn(
        "tech_spec",
        SONNET,
        (
            say("", search("execute", "orders", contains="repository.py"), read("Makefile", contains="db-migrate")),
            hand_in(DESIGN),
        ),
    ),
    judged(
        "tech_spec",
        Verdict(
            compared=(
                "FR-001 with orders/schema.py and do_POST",
                "FR-002 with Repository.save in one transaction and migrations/0002_orders.sql",
                "FR-003 with orders/validation.py: all reasons at once",
                "FR-004 with orders/journal.py and the answer 500",
                "must_stay with components: SQL stays in the repository, 0001 is not among them",
            ),
        ),
    ),
    Turn(
        "planning",
        OPUS,
        (
            say(
                "Evidence for the challenge, then five tasks.",
                search("def do_", contains="do_GET"),
                shell("ls migrations", contains="0001_customers.sql"),
            ),
            hand_in(DRAFT),
        ),
    ),
    judged("planning", SENT_BACK),
    Turn(
        "planning",
        OPUS,
        (hand_in(PLAN, "Each task now needs the one before; the checks show why."),),
        turn=2,
    ),
    judged("planning", ACCEPTED, fresh=2),
)
