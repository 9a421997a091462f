"""The reviews of the first cycle: one High that a probe shows, then a clean one."""

from ...model.objection import Deviation, Severity, Source
from ...model.review import CheckAnswer, Finding, Probe, Review
from ...model.session import Role
from ..authoring import OTHER, Turn, hand_in, read, say, shell

CASE_PROBE = (
    'python -c \'from tests.client import Client; c = Client(); p = "correct horse"; '
    'c.signup(email="Ada@example.com", password=p); r = c.signup(email="ada@example.com", password=p); '
    "print(r.status); assert r.status == 409'"
)
HYPHEN_PROBE = (
    'python -c \'from signup.emails import problem_with; print(problem_with("ada@-example.com")); '
    'assert problem_with("ada@-example.com")\''
)
SHAPE_PROBE = (
    'python -c \'from tests.client import Client; c = Client(); p = "correct horse"; '
    'print([sorted(c.signup(email=e, password=p).body) for e in (None, 7, "ada", "x" * 70000)])\''
)
RACE_PROBE = (
    "python -c 'from concurrent.futures import ThreadPoolExecutor; from tests.client import Client; c = Client(); "
    'p = "correct horse"; f = lambda e: c.signup(email=e, password=p).status; '
    'print(sorted(ThreadPoolExecutor(12).map(f, ["eve@example.com", "Eve@example.com"] * 6))[:2])\''
)

CASE_FINDING = Finding(
    severity=Severity.HIGH,
    deviation=Deviation.BEHAVIOUR,
    what="The same mailbox can be registered twice by changing the case of a letter, so the duplicate check the ticket "
    "asks for is passed by a phone that capitalises the first letter.",
    cause="The duplicate is decided by the UNIQUE constraint, which compares bytes; nothing compares emails without "
    "case.",
    path="signup/accounts.py",
    line=52,
    evidence="Signing up Ada@example.com and then ada@example.com is answered 201 both times; two rows are stored.",
    probe=CASE_PROBE,
)
HYPHEN_FINDING = Finding(
    severity=Severity.LOW,
    deviation=Deviation.QUALITY,
    what="A domain label may begin or end with a hyphen: ada@-example.com is accepted, though no such host can exist.",
    cause="The pattern `domain` in email_rules.json allows a hyphen at every place of a label.",
    path="signup/email_rules.json",
    line=5,
    evidence='problem_with("ada@-example.com") gives None.',
    probe=HYPHEN_PROBE,
)
SCAN_FINDING = Finding(
    severity=Severity.LOW,
    deviation=Deviation.QUALITY,
    what="The comparison without case reads the whole table, so a signup slows down with the number of accounts.",
    cause="There is no index on lower(email), and adding one is a schema change, which this ticket forbids.",
    path="signup/accounts.py",
    line=50,
    evidence="EXPLAIN QUERY PLAN of the statement says SCAN users; with 100,000 rows it takes about 8 ms.",
)
CASE = CASE_FINDING.objection(Source.REVIEWER).fingerprint
HYPHEN = HYPHEN_FINDING.objection(Source.REVIEWER).fingerprint

FIRST = Review(
    summary="Missing and invalid emails are refused as asked, in the right shape, and nothing is stored. The duplicate "
    "check holds for equal bytes only: with another case the same mailbox gets a second account.",
    checks=(
        CheckAnswer(
            check="business logic and requirements",
            tried="each sentence of the ticket against the endpoint; a duplicate in another case",
            result="fails",
        ),
        CheckAnswer(
            check="edge cases and assumptions",
            tried="null, blanks, numbers, lists, 70,000 characters, limits plus one",
            result="holds",
        ),
        CheckAnswer(
            check="API contract", tried="keys of every kind of refusal, compared with the base", result="holds"
        ),
        CheckAnswer(check="validation", tried="unusual good addresses, trailing newline, two @ signs", result="holds"),
        CheckAnswer(check="security", tried="input repeated in errors; SQL in the email", result="holds"),
        CheckAnswer(check="database and migrations", tried="diff of SCHEMA: empty", result="holds"),
        CheckAnswer(
            check="error handling", tried="constraint errors other than UNIQUE are raised again", result="holds"
        ),
        CheckAnswer(check="concurrency and async", tried="the same address from 12 threads: one 201", result="holds"),
        CheckAnswer(check="performance", tried="refused requests are not hashed; no query added", result="holds"),
        CheckAnswer(check="tests", tried="removed the EmailTaken branch: two tests go red", result="holds"),
        CheckAnswer(
            check="happy path only", tried="eleven bad addresses are tested beside the good ones", result="holds"
        ),
        CheckAnswer(
            check="architecture and conventions", tried="SQL only in accounts.py, answers only there", result="holds"
        ),
    ),
    probes=(
        Probe(command=CASE_PROBE, outcome="201: a second account for one mailbox"),
        Probe(command=SHAPE_PROBE, outcome="every refusal has data, error, success"),
        Probe(command=HYPHEN_PROBE, outcome="None: accepted"),
        Probe(command="python -m pytest -q -p no:cacheprovider", outcome="39 passed"),
    ),
    findings=(CASE_FINDING, HYPHEN_FINDING),
)

SECOND = Review(
    summary="The change does what the ticket says. The case of an email makes no second account any more, also with "
    "many signups at once and with accounts from before. Two Low remarks remain for later.",
    checks=(
        CheckAnswer(
            check="business logic and requirements",
            tried="the ticket's sentences again; duplicates in every mix of case",
            result="holds",
        ),
        CheckAnswer(
            check="edge cases and assumptions", tried="rows stored before the change, in upper case", result="holds"
        ),
        CheckAnswer(
            check="API contract", tried="the created email comes back as typed; shape of refusals", result="holds"
        ),
        CheckAnswer(check="validation", tried="the probes of the first review", result="holds"),
        CheckAnswer(
            check="security", tried="quotes and percent signs in the email reach SQL as values", result="holds"
        ),
        CheckAnswer(check="database and migrations", tried="diff of SCHEMA: empty", result="holds"),
        CheckAnswer(
            check="error handling", tried="a locked database still ends as 500 in the same shape", result="holds"
        ),
        CheckAnswer(
            check="concurrency and async", tried="12 threads, two spellings of one address: one 201", result="holds"
        ),
        CheckAnswer(check="performance", tried="query plan of the insert: scans the table (Low)", result="holds"),
        CheckAnswer(
            check="tests", tried="put the old insert back: three tests of test_email_case.py fail", result="holds"
        ),
        CheckAnswer(check="happy path only", tried="the new tests are about refusals", result="holds"),
        CheckAnswer(check="architecture and conventions", tried="SQL only in accounts.py", result="holds"),
    ),
    probes=(
        Probe(command=CASE_PROBE, outcome="409"),
        Probe(command=RACE_PROBE, outcome="[201, 409]: one account of twelve attempts"),
        Probe(command="python -m pytest -q -p no:cacheprovider", outcome="43 passed"),
    ),
    findings=(HYPHEN_FINDING, SCAN_FINDING),
    closed=(CASE,),
)

FIRST_TURN = Turn(
    "review",
    OTHER,
    (
        say(
            "The ticket first, then the change, then what could break it.",
            read("signup/emails.py", contains="def problem_with"),
            read("signup/accounts.py", contains="EmailTaken"),
            read("signup/app.py", contains="problem_with"),
            shell("python -m pytest -q -p no:cacheprovider", contains="39 passed"),
        ),
        say("Shapes and sizes hold?", shell(SHAPE_PROBE, contains="['data', 'error', 'success']")),
        say(
            "Now the two doubts I have from reading: the constraint compares bytes, and the domain pattern is loose.",
            shell(CASE_PROBE, contains="201", failed=True),
            shell(HYPHEN_PROBE, contains="None", failed=True),
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
            read("signup/accounts.py", contains="lower(email)"),
            read("tests/test_email_case.py", contains="one_wins"),
            shell("python -m pytest -q -p no:cacheprovider", contains="43 passed"),
        ),
        say(
            "The earlier finding again, then the same under concurrency, where a look-up would leave a gap.",
            shell(CASE_PROBE, contains="409"),
            shell(RACE_PROBE, contains="[201, 409]"),
        ),
        hand_in(SECOND),
    ),
    role=Role.REVIEWER,
    fresh=2,
)
