"""The acceptance tests, written before the code and red for the right reason."""

from ...model.change import AcceptanceTests, TestClaim
from ...model.review import Verdict
from ..authoring import SONNET, Turn, hand_in, judged, read, say, shell, write

PATH = "tests/test_signup_validation.py"

TESTS = '''"""What signup refuses, and how."""

import sqlite3

from tests.client import Client, Reply

PASSWORD = "correct horse"
MISSING: tuple[dict[str, object], ...] = ({}, {"email": None}, {"email": ""}, {"email": "  "})
INVALID: tuple[object, ...] = (
    "ada",
    "ada@",
    "@example.com",
    "ada@example",
    "ada@@example.com",
    "ada @example.com",
    "ada@exam ple.com",
    "a" * 65 + "@example.com",
    "ada@" + "x" * 250 + ".com",
    7,
    ["ada@example.com"],
)


def refuses(reply: Reply, status: int, error: str) -> None:
    assert reply.status == status
    assert reply.body == {"success": False, "error": error, "data": None}


def stored(client: Client) -> list[str]:
    connection = sqlite3.connect(client.database)
    emails = [email for (email,) in connection.execute("SELECT email FROM users ORDER BY id")]
    connection.close()
    return emails


def test_missing_email(client: Client) -> None:
    for fields in MISSING:
        refuses(client.signup(password=PASSWORD, **fields), 400, "email is missing")


def test_invalid_email(client: Client) -> None:
    for email in INVALID:
        refuses(client.signup(email=email, password=PASSWORD), 400, "email is not valid")


def test_duplicate_email(client: Client) -> None:
    assert client.signup(email="ada@example.com", password=PASSWORD).status == 201
    again = client.signup(email="ada@example.com", password="another password")
    refuses(again, 409, "email is already registered")


def test_a_refused_signup_stores_nothing(client: Client) -> None:
    client.signup(email="ada@example.com", password=PASSWORD)
    for email in ("ada@example.com", "ada", "", None):
        client.signup(email=email, password=PASSWORD)
    assert stored(client) == ["ada@example.com"]


def test_a_refusal_keeps_the_response_shape(client: Client) -> None:
    client.signup(email="ada@example.com", password=PASSWORD)
    for email in (None, "ada", "ada@example.com"):
        reply = client.signup(email=email, password=PASSWORD)
        assert reply.status in (400, 409)
        assert set(reply.body) == {"success", "error", "data"}
        assert reply.body["success"] is False
        assert reply.body["data"] is None
'''

CLAIMS = AcceptanceTests(
    tests=(
        TestClaim(
            id=f"{PATH}::test_missing_email",
            proves=("FR-001", "SC-001"),
            what="No email, null, empty and blanks are each refused with 400 and `email is missing`.",
        ),
        TestClaim(
            id=f"{PATH}::test_invalid_email",
            proves=("FR-002", "SC-001"),
            what="Eleven kinds of invalid email are each refused with 400 and `email is not valid`.",
        ),
        TestClaim(
            id=f"{PATH}::test_duplicate_email",
            proves=("FR-003", "SC-001"),
            what="The second signup with one address is refused with 409 and `email is already registered`.",
        ),
        TestClaim(
            id=f"{PATH}::test_a_refused_signup_stores_nothing",
            proves=("FR-004",),
            what="After refused signups the table holds the one good address.",
        ),
        TestClaim(
            id=f"{PATH}::test_a_refusal_keeps_the_response_shape",
            proves=("NFR-001",),
            what="Each kind of refusal has exactly success, error and data.",
        ),
    ),
    files=(PATH,),
    unproven=(
        "NFR-002: a test that the schema is unchanged passes before the change too, so it proves nothing; the boundary "
        "on migrations and the diff of SCHEMA hold it",
    ),
)

TURNS: tuple[Turn, ...] = (
    Turn(
        "tests",
        SONNET,
        (
            say("", read("tests/client.py", contains="def signup"), read("tests/test_signup.py", contains="PASSWORD")),
            say("One test for each criterion, through the client the other tests use.", write(PATH, TESTS)),
            say(
                "They must fail now, each on its assertion and not on an import.",
                shell(f"python -m pytest -q -p no:cacheprovider {PATH}", contains="5 failed", failed=True),
                shell("ruff check tests", contains="passed"),
            ),
            hand_in(CLAIMS, "Five red on their assertions; the thirteen earlier tests are untouched."),
        ),
    ),
    judged(
        "tests",
        Verdict(
            compared=(
                "FR-001 with test_missing_email: four ways to be missing, status and sentence",
                "FR-002 with test_invalid_email: form and both length limits",
                "FR-003 with test_duplicate_email: 409 and the planned sentence",
                "FR-004 with test_a_refused_signup_stores_nothing",
                "NFR-001 with test_a_refusal_keeps_the_response_shape",
                "SC-001 with the first three tests; NFR-002 is given as unproven with a sound reason",
            ),
        ),
        read(PATH, contains="def test_missing_email"),
    ),
)
