"""Discovery and tech spec: what signup must refuse, and how it will be built here."""

from ...model.review import Verdict
from ...model.spec import Choice, FunctionalSpec, TechSpec
from ...model.ticket import Criterion, SourceTag
from ..authoring import OPUS, SONNET, Turn, hand_in, judged, read, say, search, shell

ASK = "Add server-side validation to the signup endpoint."
SHAPE = "Preserve the existing API response shape."
TESTS = "Add tests for missing email, invalid email, and duplicate email."
SCHEMA = "Do not change the database schema."

SPEC = FunctionalSpec(
    summary="`POST /signup` checks the email address on the server before it creates an account, and refuses a "
    "missing, an invalid or an already registered one with an answer a client can act on.",
    users="People who sign up through the web and mobile clients, and the client developers who read the error "
    "sentence.",
    current_behaviour="`Signup.signup` in signup/app.py checks only the password. The email goes unseen into "
    "`Accounts.add` (signup/accounts.py): a missing one hits NOT NULL and a repeated one hits UNIQUE, and both come "
    "back "
    'as 500 "internal error"; an invalid one such as "ada" is stored and answered with 201.',
    criteria=(
        Criterion(
            id="FR-001",
            text="A signup whose email is absent, null, empty or only blanks is refused with status 400 and the error "
            "`email is missing`.",
            source=SourceTag.PARAPHRASED,
            quote=ASK,
        ),
        Criterion(
            id="FR-002",
            text="A signup whose email is not a text of the form local@domain.tld, or is over 254 characters (64 "
            "before the @), is refused with status 400 and the error `email is not valid`.",
            source=SourceTag.PARAPHRASED,
            quote=ASK,
        ),
        Criterion(
            id="FR-003",
            text="A signup whose email is already registered is refused with a client error, never with status 500.",
            source=SourceTag.PARAPHRASED,
            quote=ASK,
        ),
        Criterion(
            id="FR-004",
            text="A refused signup creates no account and changes none.",
            source=SourceTag.INFERRED,
        ),
        Criterion(
            id="NFR-001",
            text="Every refusal has exactly the keys success, error and data, with success false and data null.",
            source=SourceTag.USER,
            quote=SHAPE,
        ),
        Criterion(
            id="NFR-002",
            text="The table `users` and its constraints stay as they are; there is no migration.",
            source=SourceTag.USER,
            quote=SCHEMA,
        ),
        Criterion(
            id="SC-001",
            text="The test suite holds tests for a missing, an invalid and a duplicate email.",
            source=SourceTag.USER,
            quote=TESTS,
        ),
    ),
    must_stay=(
        'The response shape {"success", "error", "data"} made by signup/answers.py',
        "The schema in signup/accounts.py",
        "A valid signup is answered with 201 and `id` and `email` as the caller typed it",
        "The rules of README.md: SQL only in accounts.py, error sentences that never repeat the input",
    ),
    can_break=("Valid addresses with unusual characters being refused", "The password check and its sentence"),
    out_of_scope=("Confirmation mails", "Validation in the clients", "Cleaning up addresses stored earlier"),
)

DESIGN = TechSpec(
    approach="A new module decides whether an email can be registered and says why not; the endpoint asks it before it "
    "hashes the password. The duplicate is decided by the database itself, whose UNIQUE constraint is already there.",
    components=(
        "signup/emails.py (new): `problem_with(email)`, the words for the caller or None",
        "signup/email_rules.json (new): lengths and patterns as data, read on first use",
        "signup/accounts.py: `Accounts.add` raises `EmailTaken` where the constraint refuses the row",
        "signup/app.py: `Signup.signup` turns both into answers",
    ),
    interfaces=(
        'POST /signup: 400 {"success": false, "error": "email is missing", "data": null}',
        'POST /signup: 400 {"success": false, "error": "email is not valid", "data": null}',
        "POST /signup: a refusal of its own for a registered email, same shape",
    ),
    data="none",
    errors=(
        "Missing or invalid email: refused before anything is hashed or stored",
        "Registered email: the insert fails, the transaction is rolled back, the caller is told",
        "Any other database error stays a 500",
    ),
    choices=(
        Choice(
            decision="Rules are data in a JSON file beside the module",
            because="support tightens them without touching code",
            instead_of="a pattern in the source",
        ),
        Choice(
            decision="The insert decides about duplicates",
            because="it is atomic; a look-up first leaves a gap in which two requests both see nothing",
            instead_of="SELECT, then INSERT",
        ),
    ),
    covers=("FR-001", "FR-002", "FR-003", "FR-004", "NFR-001", "NFR-002", "SC-001"),
    risks=("A pattern too strict turns real people away; it follows the HTML standard's pattern, which browsers use",),
)

TURNS: tuple[Turn, ...] = (
    Turn(
        "discovery",
        OPUS,
        (
            say(
                "I read the endpoint, what it stands on and its tests before I write a sentence about them.",
                read("README.md", contains="Every answer has one shape"),
                read("signup/app.py", contains="def signup"),
                read("signup/accounts.py", contains="UNIQUE"),
                read("signup/answers.py"),
                read("tests/test_signup.py"),
            ),
            say(
                "What happens today is better measured than read.",
                shell(
                    'python -c \'from tests.client import Client; c = Client(); p = "correct horse"; '
                    'print(c.signup(password=p).status, c.signup(email="ada", password=p).status, '
                    'c.signup(email="ada", password=p).status)\'',
                    contains="500 201 500",
                ),
                shell("python -m pytest -q -p no:cacheprovider", contains="13 passed"),
            ),
            hand_in(SPEC, "Missing and duplicate end as 500, invalid is stored. The criteria follow from that."),
        ),
    ),
    judged(
        "discovery",
        Verdict(
            compared=(
                f"`{ASK}` with FR-001, FR-002, FR-003: covered",
                f"`{SHAPE}` with NFR-001: covered, in the ticket's meaning",
                f"`{TESTS}` with SC-001: covered, all three named",
                f"`{SCHEMA}` with NFR-002: covered",
                "FR-004 is tagged inferred and contradicts nothing in the ticket",
            ),
        ),
    ),
    Turn(
        "tech_spec",
        SONNET,
        (
            say(
                "The design has to fit the rules of this repository, so I look at who makes answers and who speaks "
                "SQL.",
                search("failed\\(|done\\(", "signup", contains="app.py"),
                search("execute", "signup", contains="accounts.py"),
                read("signup/passwords.py"),
            ),
            hand_in(DESIGN),
        ),
    ),
    judged(
        "tech_spec",
        Verdict(
            compared=(
                "FR-001 and FR-002 with signup/emails.py and its two answers",
                "FR-003 and FR-004 with `Accounts.add` and the rolled back transaction",
                "NFR-001 with interfaces: all three keep the shape",
                "NFR-002 with data: none",
                "must_stay with components: signup/answers.py is not among them",
            ),
        ),
        read("signup/accounts.py", contains="UNIQUE"),
    ),
)
