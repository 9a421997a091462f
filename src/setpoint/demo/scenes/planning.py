"""Planning: a first plan that leaves something to guess, and the one that does not."""

from ...model.boundary import Boundaries
from ...model.objection import Deviation, Severity
from ...model.plan import ChallengeAnswer, Check, Estimate, ModuleChange, Plan, PlanTask
from ...model.review import Finding, Verdict
from ..authoring import OPUS, Turn, hand_in, judged, read, say, search, shell

RULES_TASK = PlanTask(
    id="T001",
    title="Decide whether an email can be registered",
    steps=(
        "Create signup/email_rules.json: max_length 254, max_local_length 64, and the patterns `local` and `domain`",
        "Create signup/emails.py with `problem_with(email: object) -> str | None`; the rules are read on first use",
        "None, an empty text or only blanks: `email is missing`; no text, too long or no match: `email is not valid`",
        "Create tests/test_emails.py with good and bad addresses, the length limits on both sides",
    ),
    files=("signup/email_rules.json", "signup/emails.py", "tests/test_emails.py"),
    criteria=("FR-001", "FR-002"),
    checks=(Check(run="python -m pytest -q tests/test_emails.py"), Check(run="mypy")),
)

WIRING_TASK = PlanTask(
    id="T002",
    title="Refuse at the endpoint",
    steps=(
        "Accounts.add raises the new `EmailTaken` when the UNIQUE constraint refuses the row, and nothing else",
        "Signup.signup calls problem_with before it hashes the password: status 400 with the problem as error",
        "Signup.signup turns EmailTaken into status 409 with the error `email is already registered`, data null",
        "The password check keeps its place in front of the email check, its status and its sentence",
        "README.md: the two new statuses of POST /signup",
    ),
    files=("signup/accounts.py", "signup/app.py", "README.md"),
    criteria=("FR-001", "FR-002", "FR-003", "FR-004", "NFR-001", "NFR-002", "SC-001"),
    checks=(
        Check(run="python -m pytest -q tests/test_signup_validation.py"),
        Check(run="python -m pytest -q", standard="all tests pass, the earlier ones unchanged"),
    ),
    needs=("T001",),
)

CHALLENGE = (
    ChallengeAnswer(
        question="shared model touched?",
        answer="No: Account and the table keep their fields",
        evidence="signup/accounts.py: class Account, SCHEMA",
    ),
    ChallengeAnswer(
        question="critical endpoint changed?",
        answer="Yes, POST /signup; a valid request is answered as before",
        evidence="tests/test_signup.py::test_signup_creates_an_account stays unchanged and must pass",
    ),
    ChallengeAnswer(
        question="historical data affected?",
        answer="No: addresses stored earlier are neither read nor judged again",
        evidence="search for `FROM users`: only Accounts.find by id",
    ),
    ChallengeAnswer(
        question="migration needed?",
        answer="No: the UNIQUE constraint the duplicate check needs is already there",
        evidence="signup/accounts.py: email TEXT NOT NULL UNIQUE",
    ),
    ChallengeAnswer(
        question="race condition?",
        answer="Two signups at once: the insert itself decides, so one of them gets EmailTaken",
        evidence="one INSERT in one transaction in Accounts.add; no look-up before it",
    ),
    ChallengeAnswer(
        question="security risk?",
        answer="The answer tells that an address is registered, as the ticket asks; the sentence never repeats the "
        "input",
        evidence="README.md, rules of this repository",
    ),
    ChallengeAnswer(
        question="N+1 query?",
        answer="No query is added",
        evidence="search for `execute`: two statements, both in accounts.py",
    ),
    ChallengeAnswer(
        question="operational problem only under load?",
        answer="No: the check runs before the scrypt hash, so refused requests become cheaper",
        evidence="signup/passwords.py: scrypt; signup/app.py: hashed() after the checks",
    ),
)

PLAN = Plan(
    overview="One new module with its rules as data, then two small changes that use it. Each task ends with a command "
    "that passes only when it is done.",
    modules=(
        ModuleChange(path="signup/emails.py", how="new: problem_with"),
        ModuleChange(path="signup/email_rules.json", how="new: the rules as data"),
        ModuleChange(path="signup/accounts.py", how="Accounts.add raises EmailTaken"),
        ModuleChange(path="signup/app.py", how="Signup.signup refuses with 400 and 409"),
    ),
    data_models="none",
    endpoints=(
        "POST /signup, email missing: 400 `email is missing`",
        "POST /signup, email invalid: 400 `email is not valid`",
        "POST /signup, email registered: 409 `email is already registered`",
    ),
    flows_at_risk=("A valid signup", "The refusal of a short password"),
    migrations="none",
    flags="none",
    permissions="none",
    telemetry="none",
    tests=(
        "tests/test_signup_validation.py::test_missing_email: FR-001",
        "tests/test_signup_validation.py::test_invalid_email: FR-002",
        "tests/test_signup_validation.py::test_duplicate_email: FR-003",
        "tests/test_signup_validation.py::test_a_refused_signup_stores_nothing: FR-004",
        "tests/test_signup_validation.py::test_a_refusal_keeps_the_response_shape: NFR-001",
    ),
    rules=(
        "SQL stands in signup/accounts.py only (README.md)",
        "Answers are made by signup/answers.py only (README.md)",
        "Error sentences are lower case, without full stop, and never repeat the input (README.md)",
    ),
    dependencies=("T002 needs T001; no package is added",),
    risks=("A pattern stricter than people's addresses; T001 tests unusual good ones",),
    challenge=CHALLENGE,
    tasks=(RULES_TASK, WIRING_TASK),
    boundaries=Boundaries(
        paths=("signup/**", "tests/**", "README.md"),
        dependencies=False,
        migrations=False,
        frozen=('the API response shape {"success", "error", "data"}', "the database schema: table users"),
        max_files=10,
        max_lines=400,
    ),
    estimate=Estimate(days=0.5, lines=200, risk="low"),
    diagram="none",
)

VAGUE = "Handle an email that is already registered"
DRAFT = PLAN.model_copy(
    update={
        "endpoints": PLAN.endpoints[:2],
        "tasks": (
            RULES_TASK,
            WIRING_TASK.model_copy(update={"steps": (*WIRING_TASK.steps[:2], VAGUE, *WIRING_TASK.steps[3:])}),
        ),
    }
)

SENT_BACK = Verdict(
    compared=(
        "FR-001 and FR-002 with T001 and T002: status, sentence and order are fixed",
        "FR-003 with T002: the step names no status and no sentence",
        "NFR-001 with endpoints: two refusals are listed, the third is missing",
        "NFR-002 with boundaries: migrations are off",
        "must_stay with boundaries.frozen: shape and schema",
    ),
    guesses=("Which status and which error sentence a registered email is answered with: 400, 409 or 422?",),
    findings=(
        Finding(
            severity=Severity.HIGH,
            deviation=Deviation.REQUIREMENT,
            what="The plan does not say how a duplicate email is answered, so tests and code would each guess.",
            cause="T002 says only `Handle an email that is already registered`, and endpoints lists two refusals of "
            "three.",
            path="tasks.T002.steps",
            evidence=f"T002, step 3: `{VAGUE}`; FR-003 asks for a client error and leaves the status to the plan.",
        ),
    ),
)

ACCEPTED = Verdict(
    compared=(
        "FR-001 and FR-002 with T001, T002 and their checks",
        "FR-003 with T002, step 3, and endpoints: 409 `email is already registered`",
        "FR-004 with the rolled back insert and its test",
        "NFR-001, NFR-002 with endpoints, boundaries.migrations and boundaries.frozen",
        "SC-001 with the five named tests",
        "the earlier objection (duplicate left to guess): answered",
    ),
)

TURNS: tuple[Turn, ...] = (
    Turn(
        "planning",
        OPUS,
        (
            say(
                "Each answer to the challenge needs evidence, so I look for it first.",
                search("FROM users|INTO users", contains="accounts.py"),
                read("signup/app.py", start=53, lines=20, contains="def signup"),
                read("README.md", start=25, lines=10),
                shell("grep -n UNIQUE signup/accounts.py", contains="NOT NULL UNIQUE"),
            ),
            hand_in(DRAFT),
        ),
    ),
    judged("planning", SENT_BACK, read("signup/app.py", contains="def signup")),
    Turn(
        "planning",
        OPUS,
        (
            say(
                "Right: the status was in my head and not in the plan. 409 says conflict and is used nowhere else "
                "here.",
                search("failed\\(4[0-9]+", "signup", contains="404"),
            ),
            hand_in(PLAN, "T002 now fixes status and sentence, and endpoints lists all three refusals."),
        ),
        turn=2,
    ),
    judged("planning", ACCEPTED, fresh=2),
)
