"""Implementation: two tasks, and the rework after the review."""

from ...model.change import Answered, Change
from ...model.review import Verdict
from ..authoring import SONNET, Turn, edit, hand_in, judged, read, say, search, shell, write
from .review import CASE, HYPHEN

RULES = r"""{
  "max_length": 254,
  "max_local_length": 64,
  "local": "[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+",
  "domain": "[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)+"
}
"""

EMAILS = '''"""What counts as an email address here. The rules are data: `email_rules.json`."""

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Rules:
    """The rules as written in the data file."""

    max_length: int
    max_local_length: int
    local: str
    domain: str


@cache
def rules() -> Rules:
    """The rules, read once."""
    text = Path(__file__).with_name("email_rules.json").read_text(encoding="utf-8")
    return Rules(**json.loads(text))


def problem_with(email: object) -> str | None:
    """Why `email` cannot be registered, in words for the caller; None when it can."""
    if email is None or (isinstance(email, str) and not email.strip()):
        return "email is missing"
    if not isinstance(email, str) or not _fits(email, rules()):
        return "email is not valid"
    return None


def _fits(email: str, rules: Rules) -> bool:
    local, _, domain = email.rpartition("@")
    return (
        len(email) <= rules.max_length
        and len(local) <= rules.max_local_length
        and re.fullmatch(rules.local, local) is not None
        and re.fullmatch(rules.domain, domain) is not None
    )
'''

EMAIL_TESTS = '''"""Which emails can be registered."""

import pytest

from signup.emails import problem_with


@pytest.mark.parametrize(
    "email",
    [
        "ada@example.com",
        "ada.lovelace+news@mail.example.co.uk",
        "o'hara@example.com",
        "x@1.example",
        "a" * 64 + "@example.com",
        "ada@" + "x" * 246 + ".com",
    ],
)
def test_a_good_email_has_no_problem(email: str) -> None:
    assert problem_with(email) is None


@pytest.mark.parametrize("email", [None, "", " ", "\\t"])
def test_nothing_is_missing(email: object) -> None:
    assert problem_with(email) == "email is missing"


@pytest.mark.parametrize(
    "email",
    [
        "ada",
        "ada@example",
        "@example.com",
        "ada@.com",
        "ada@example.",
        "a da@example.com",
        "ada@example.com\\n",
        "a" * 65 + "@example.com",
        "ada@" + "x" * 247 + ".com",
        3.5,
        {"email": "ada@example.com"},
    ],
)
def test_anything_else_is_not_valid(email: object) -> None:
    assert problem_with(email) == "email is not valid"
'''

ADD_BEFORE = """        with self._connection() as connection:
            row = connection.execute(
                "INSERT INTO users (email, password, created_at) VALUES (?, ?, ?) RETURNING id",
                (email, password, now),
            ).fetchone()
        return Account(row[0], email)
"""
ADD_AFTER = """        try:
            with self._connection() as connection:
                row = connection.execute(
                    "INSERT INTO users (email, password, created_at) VALUES (?, ?, ?) RETURNING id",
                    (email, password, now),
                ).fetchone()
        except sqlite3.IntegrityError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_CONSTRAINT_UNIQUE:
                raise
            raise EmailTaken from error
        return Account(row[0], email)
"""
ADD_REWORKED = """        with self._connection() as connection:
            # One statement, so that no other signup comes between the look and the insert.
            row = connection.execute(
                "INSERT INTO users (email, password, created_at) SELECT ?, ?, ?"
                " WHERE NOT EXISTS (SELECT 1 FROM users WHERE lower(email) = lower(?))"
                " RETURNING id",
                (email, password, now, email),
            ).fetchone()
        if row is None:
            raise EmailTaken
        return Account(row[0], email)
"""

CASE_TESTS = '''"""One mailbox is one account, however its address is written."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor

from tests.client import Client

PASSWORD = "correct horse"


def test_the_case_of_an_email_makes_no_second_account(client: Client) -> None:
    assert client.signup(email="Ada@Example.com", password=PASSWORD).status == 201
    reply = client.signup(email="ada@example.COM", password=PASSWORD)
    assert reply.status == 409
    assert reply.body == {"success": False, "error": "email is already registered", "data": None}


def test_the_email_is_kept_as_it_was_typed(client: Client) -> None:
    reply = client.signup(email="Ada@Example.com", password=PASSWORD)
    assert reply.body["data"] == {"id": 1, "email": "Ada@Example.com"}


def test_an_account_from_before_counts_too(client: Client) -> None:
    connection = sqlite3.connect(client.database)
    connection.execute(
        "INSERT INTO users (email, password, created_at) VALUES ('GRACE@example.com', '', '')"
    )
    connection.commit()
    connection.close()
    assert client.signup(email="grace@example.com", password=PASSWORD).status == 409


def test_of_many_signups_at_once_one_wins(client: Client) -> None:
    def status(email: str) -> int:
        return client.signup(email=email, password=PASSWORD).status

    emails = [name + "@example.com" for name in ("ada", "Ada", "aDa", "adA", "ADA", "ADa")]
    with ThreadPoolExecutor(6) as pool:
        statuses = sorted(pool.map(status, emails))
    assert statuses == [201, 409, 409, 409, 409, 409]
'''

README_BEFORE = '| `POST /signup` with `{"email", "password"}` | 201, `{"id", "email"}` as `data` |\n'
README_AFTER = (
    '| `POST /signup` with `{"email", "password"}` | 201, `{"id", "email"}` as `data`; 400 for a missing or invalid '
    "email or a short password; 409 for an email that is already registered |\n"
)

RULES_TURN = Turn(
    "implementation",
    SONNET,
    (
        say("", read("signup/app.py", contains="def signup"), read("tests/test_signup_validation.py", lines=30)),
        say(
            "The rules as data, the judgement beside them, and tests of the limits on both sides.",
            write("signup/email_rules.json", RULES),
            write("signup/emails.py", EMAILS),
            write("tests/test_emails.py", EMAIL_TESTS),
        ),
        say(
            "",
            shell("python -m pytest -q -p no:cacheprovider tests/test_emails.py", contains="21 passed"),
            shell("ruff check . && mypy", contains="Success"),
        ),
        hand_in(
            Change(
                summary="`signup/emails.py` says why an email cannot be registered; its lengths and patterns are data "
                "in `signup/email_rules.json`. Nothing calls it yet.",
                ran=("python -m pytest -q tests/test_emails.py: 21 passed", "ruff check .: clean", "mypy: clean"),
                documentation="None yet: the endpoint is unchanged until T002.",
            )
        ),
    ),
    task="T001",
)

RULES_JUDGED = judged(
    "implementation",
    Verdict(
        compared=(
            "T001's steps with the diff: the data file, the function beside it, tests of the limits",
            "summary with the diff: nothing calls it yet, true",
            "every file of the diff with T001: named there, or a test",
        ),
    ),
    read("signup/emails.py", contains="email_rules.json"),
)

WIRING_TURN = Turn(
    "implementation",
    SONNET,
    (
        say("", read("signup/accounts.py", contains="def add"), read("signup/app.py", contains="def signup")),
        say(
            "The store first: the constraint decides, and only its own error becomes EmailTaken.",
            edit(
                "signup/accounts.py",
                "    email: str\n\n\nclass Accounts:",
                '    email: str\n\n\nclass EmailTaken(Exception):\n    """The email is already registered."""\n\n\n'
                "class Accounts:",
            ),
            edit(
                "signup/accounts.py",
                '        """Register `email` with an already hashed `password`."""\n',
                '        """Register `email` with an already hashed `password`; raises EmailTaken."""\n',
            ),
            edit("signup/accounts.py", ADD_BEFORE, ADD_AFTER),
        ),
        say(
            "Then the endpoint. The password check stays in front, as planned.",
            edit(
                "signup/app.py",
                "from .accounts import Accounts\nfrom .answers import Answer, done, failed\n",
                "from .accounts import Accounts, EmailTaken\nfrom .answers import Answer, done, failed\n"
                "from .emails import problem_with\n",
            ),
            edit(
                "signup/app.py",
                '        account = self._accounts.add(payload.get("email"), hashed(password))'
                "  # type: ignore[arg-type]  # nobody checks it yet\n",
                '        email = payload.get("email")\n'
                "        problem = problem_with(email)\n"
                "        if problem or not isinstance(email, str):\n"
                '            return failed(400, problem or "email is not valid")\n'
                "        try:\n"
                "            account = self._accounts.add(email, hashed(password))\n"
                "        except EmailTaken:\n"
                '            return failed(409, "email is already registered")\n',
            ),
            edit("README.md", README_BEFORE, README_AFTER),
        ),
        say(
            "",
            shell(
                "python -m pytest -q -p no:cacheprovider tests/test_signup_validation.py",
                contains="5 passed",
            ),
            shell("python -m pytest -q -p no:cacheprovider", contains="39 passed"),
            shell("ruff check . && mypy", contains="Success"),
        ),
        hand_in(
            Change(
                summary="`POST /signup` refuses a missing or invalid email with 400 and a registered one with 409, in "
                "the same shape as every answer. The duplicate is decided by the UNIQUE constraint inside the insert, "
                "so two signups at once cannot both pass. A valid signup is answered as before.",
                ran=(
                    "python -m pytest -q tests/test_signup_validation.py: 5 passed",
                    "python -m pytest -q: 39 passed",
                    "ruff check .: clean",
                    "mypy: clean",
                ),
                documentation="README.md: the new statuses of POST /signup.",
            )
        ),
    ),
    task="T002",
)

WIRING_JUDGED = judged(
    "implementation",
    Verdict(
        compared=(
            "T002's steps with signup/accounts.py and signup/app.py: each is there, the password check stays in front",
            "the five approved tests with the code: no value of theirs stands in it",
            "README.md with T002: the new statuses are told",
        ),
    ),
    read("signup/app.py", contains="EmailTaken"),
    fresh=2,
)

REWORK_TURN = Turn(
    "implementation",
    SONNET,
    (
        say(
            "The reviewer is right: UNIQUE compares bytes. I look at what is stored and who else compares emails.",
            read("signup/accounts.py", contains="EmailTaken"),
            search("email", "signup/accounts.py", contains="UNIQUE"),
        ),
        say(
            "A test first, in a file of its own: the approved ones stay as they are.",
            write("tests/test_email_case.py", CASE_TESTS),
            shell("python -m pytest -q -p no:cacheprovider tests/test_email_case.py", contains="3 failed", failed=True),
        ),
        say(
            "The comparison goes into the insert. The schema stays, what was typed is kept, earlier accounts count.",
            edit("signup/accounts.py", ADD_AFTER, ADD_REWORKED),
        ),
        say(
            "",
            shell("python -m pytest -q -p no:cacheprovider", contains="43 passed"),
            shell("ruff check . && mypy", contains="Success"),
        ),
        hand_in(
            Change(
                summary="An email that differs from a registered one only in case is refused with 409. The insert "
                "itself compares without case, in one statement, so that it stays safe with many signups at once; the "
                "schema is unchanged and the address is kept as typed.",
                answers=(
                    Answered(
                        objection=CASE,
                        done="Accounts.add inserts only where no row has the same email in any case; proven by "
                        "tests/test_email_case.py, red before and green now",
                    ),
                    Answered(
                        objection=HYPHEN,
                        done="Left as it is: the rules are data and can be tightened without code; no criterion asks "
                        "for it, and no mail can be delivered to such a domain",
                    ),
                ),
                ran=("python -m pytest -q: 43 passed", "ruff check .: clean", "mypy: clean"),
                documentation="None needed: README.md already says that a registered email gets 409.",
            )
        ),
    ),
    task="T002",
    turn=2,
)
