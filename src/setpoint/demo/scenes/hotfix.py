"""The second cycle: what the smoke test on pre-staging found, and the fix forward."""

from ...model.change import AcceptanceTests, Change, TestClaim
from ...model.review import CheckAnswer, Probe, Review, Verdict
from ...model.session import Role
from ...model.spec import Diagnosis
from ...model.ticket import Criterion, SourceTag
from ..authoring import OPUS, OTHER, SONNET, Turn, hand_in, judged, read, say, search, shell, write
from .discovery import ASK

PATH = "tests/test_release.py"
RELEASE = "SETPOINT_STATE=$(mktemp -d) SETPOINT_SHA=probe SETPOINT_ENVIRONMENT=probe"
SMOKE_PROBE = f"export {RELEASE}; python ops/deploy.py && python ops/smoke.py"

DIAGNOSIS = Diagnosis(
    symptom="On pre-staging every signup with an email is answered with 500; the smoke test stopped the release and it "
    "was rolled back. All tests and CI were green.",
    reproduction=f"`{SMOKE_PROBE}` prints `FAIL a valid signup: 500`, and the service's log ends with "
    "FileNotFoundError: signup/email_rules.json in the release's folder.",
    cause="signup/emails.py line 23 reads email_rules.json from beside the module, and ops/build.py line 11 copies "
    "only *.py into a release. The file is there in the repository, where the tests run, and missing where the "
    "service runs.",
    places=("signup/emails.py:23", "signup/email_rules.json"),
    criteria=(
        Criterion(
            id="FR-001",
            text="A release built by ops/build.py answers a valid signup with 201.",
            source=SourceTag.PARAPHRASED,
            quote=ASK,
        ),
        Criterion(
            id="FR-002",
            text="A release built by ops/build.py refuses an invalid email with status 400 and `email is not valid`.",
            source=SourceTag.PARAPHRASED,
            quote=ASK,
        ),
        Criterion(
            id="NFR-001",
            text="Every address is accepted or refused as before, with the same status and sentence.",
            source=SourceTag.INFERRED,
        ),
    ),
    must_stay=(
        "problem_with and its sentences",
        "The response shape and the schema",
        "ops/: the way releases are built belongs to operations and is not part of this ticket",
    ),
    approach="Keep the rules in a module, signup/email_rules.py, which every release holds, and delete the JSON file. "
    "Nothing else reads it.",
    checks=(f"python -m pytest -q {PATH}", "python -m pytest -q", "mypy"),
    paths=("signup/**", "tests/**", "README.md"),
)

TESTS = '''"""A built release works without the repository around it."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Where a release, built and started the way operations does it, listens."""
    environment = {**os.environ, "SETPOINT_STATE": str(tmp_path), "SETPOINT_SHA": "candidate"}
    subprocess.run([sys.executable, "ops/build.py"], cwd=ROOT, env=environment, check=True)
    release = tmp_path / "releases" / "candidate"
    service = subprocess.Popen(
        [sys.executable, "-m", "signup", "--port", "0", "--database", str(tmp_path / "s.db")],
        cwd=release,
        env={**os.environ, "PYTHONPATH": str(release)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert service.stdout is not None
    try:
        yield service.stdout.readline().removeprefix("listening on ").strip()
    finally:
        service.terminate()
        service.wait(10)
        service.stdout.close()


def signup(address: str, email: str) -> tuple[int, Any]:
    body = json.dumps({"email": email, "password": "correct horse"}).encode()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{address}/signup", body, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


def test_a_release_accepts_a_valid_signup(address: str) -> None:
    status, body = signup(address, "ada@example.com")
    assert status == 201
    assert body["data"]["email"] == "ada@example.com"


def test_a_release_refuses_an_invalid_email(address: str) -> None:
    status, body = signup(address, "ada")
    assert status == 400
    assert body == {"success": False, "error": "email is not valid", "data": None}
'''

CLAIMS = AcceptanceTests(
    tests=(
        TestClaim(
            id=f"{PATH}::test_a_release_accepts_a_valid_signup",
            proves=("FR-001",),
            what="A release is built, started from its own folder, and a valid signup is answered with 201.",
        ),
        TestClaim(
            id=f"{PATH}::test_a_release_refuses_an_invalid_email",
            proves=("FR-002",),
            what="The same release refuses an invalid email with 400 and its sentence.",
        ),
    ),
    files=(PATH,),
    unproven=(
        "NFR-001: it holds before the mend too, so a new test of it cannot be red; tests/test_emails.py and "
        "tests/test_signup_validation.py hold it and stay unchanged",
    ),
)

RULES = r'''"""The rules for email addresses, as data. A release holds modules only, so they live in one."""

MAX_LENGTH = 254
MAX_LOCAL_LENGTH = 64
LOCAL = r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+"
DOMAIN = r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+"
'''

EMAILS = '''"""What counts as an email address here. The rules are data: `email_rules.py`."""

import re

from . import email_rules


def problem_with(email: object) -> str | None:
    """Why `email` cannot be registered, in words for the caller; None when it can."""
    if email is None or (isinstance(email, str) and not email.strip()):
        return "email is missing"
    if not isinstance(email, str) or not _fits(email):
        return "email is not valid"
    return None


def _fits(email: str) -> bool:
    local, _, domain = email.rpartition("@")
    return (
        len(email) <= email_rules.MAX_LENGTH
        and len(local) <= email_rules.MAX_LOCAL_LENGTH
        and re.fullmatch(email_rules.LOCAL, local) is not None
        and re.fullmatch(email_rules.DOMAIN, domain) is not None
    )
'''

REVIEW = Review(
    summary="The cause is removed: a release needs nothing but modules now. The same addresses are accepted and "
    "refused as before, and the new tests drive a built release, which the earlier ones did not.",
    checks=(
        CheckAnswer(
            check="business logic and requirements", tried="the smoke test's steps on a fresh release", result="holds"
        ),
        CheckAnswer(
            check="edge cases and assumptions", tried="the service started from another working folder", result="holds"
        ),
        CheckAnswer(check="API contract", tried="status and sentence of each refusal, from a release", result="holds"),
        CheckAnswer(
            check="validation", tried="lengths and patterns compared with the deleted JSON: equal", result="holds"
        ),
        CheckAnswer(check="security", tried="nothing is read from disk any more", result="holds"),
        CheckAnswer(check="database and migrations", tried="signup/accounts.py is not in the change", result="holds"),
        CheckAnswer(check="error handling", tried="no file, so no missing file", result="holds"),
        CheckAnswer(check="concurrency and async", tried="the rules are constants", result="does not apply"),
        CheckAnswer(check="performance", tried="one file read less on first use", result="holds"),
        CheckAnswer(check="tests", tried="both new tests fail on the base by their assertions", result="holds"),
        CheckAnswer(check="happy path only", tried="a release's refusal is tested too", result="holds"),
        CheckAnswer(
            check="architecture and conventions", tried="search for other files read at run time: none", result="holds"
        ),
    ),
    probes=(
        Probe(command=SMOKE_PROBE, outcome="all four checks ok, exit 0"),
        Probe(command="grep -rnE 'read_text|open[(]' signup", outcome="no file is read at run time any more"),
        Probe(command="python -m pytest -q -p no:cacheprovider", outcome="45 passed"),
    ),
)

DIAGNOSIS_TURNS = (
    Turn(
        "diagnosis",
        OPUS,
        (
            say(
                "The tests are green and the release is not, so I look at what a release is.",
                read("ops/build.py", contains="rglob"),
                read("ops/smoke.py", contains="def drive"),
                read("signup/emails.py", contains="email_rules.json"),
            ),
            say(
                "The same steps here, in a folder of their own.",
                shell(SMOKE_PROBE, contains="FAIL a valid signup: 500", failed=True),
                shell("python -m pytest -q -p no:cacheprovider", contains="43 passed"),
            ),
            say(
                "The log names the file. Who reads it, and does anything else in the package read files?",
                search("email_rules", contains="emails.py"),
                search("read_text|open\\(|with_name", "signup", contains="emails.py"),
            ),
            hand_in(DIAGNOSIS),
        ),
        cycle=2,
    ),
    judged(
        "diagnosis",
        Verdict(
            compared=(
                "symptom with the smoke test's output: valid signup 500, FileNotFoundError",
                "cause with ops/build.py and signup/emails.py: *.py only, and a .json is read",
                "FR-001 and FR-002 with the cause: each fails while it holds",
                "approach with must_stay: ops/ is left alone, sentences and shape stay",
                "paths with places: both are inside",
            ),
        ),
        read("ops/build.py", contains="rglob"),
        cycle=2,
    ),
)

TEST_TURNS = (
    Turn(
        "tests",
        SONNET,
        (
            say("", read("ops/build.py"), read("ops/released.py"), read("tests/conftest.py")),
            say("The tests must see what operations sees: a built release, started on its own.", write(PATH, TESTS)),
            say(
                "",
                shell(f"python -m pytest -q -p no:cacheprovider {PATH}", contains="2 failed", failed=True),
                shell("ruff check tests", contains="passed"),
            ),
            hand_in(CLAIMS, "Both red with 500 where 201 and 400 are asked for."),
        ),
        cycle=2,
    ),
    judged(
        "tests",
        Verdict(
            compared=(
                "FR-001 with test_a_release_accepts_a_valid_signup: built by ops/build.py, run outside the repository",
                "FR-002 with test_a_release_refuses_an_invalid_email: status and sentence",
                "NFR-001 is given as unproven with a sound reason",
            ),
        ),
        read(PATH, contains="def address"),
        cycle=2,
    ),
)

MEND_TURN = Turn(
    "implementation",
    SONNET,
    (
        say("", read("signup/emails.py", contains="email_rules.json"), read("signup/email_rules.json")),
        say(
            "The rules become a module; the reader and the file go.",
            write("signup/email_rules.py", RULES),
            write("signup/emails.py", EMAILS),
            shell("rm signup/email_rules.json"),
        ),
        say(
            "",
            shell(f"python -m pytest -q -p no:cacheprovider {PATH}", contains="2 passed"),
            shell("python -m pytest -q -p no:cacheprovider", contains="45 passed"),
            shell("ruff check . && mypy", contains="Success"),
            shell(SMOKE_PROBE, contains="ok   a valid signup: 201"),
        ),
        hand_in(
            Change(
                summary="The email rules are constants of `signup/email_rules.py` instead of a JSON file. A release "
                "holds modules only, so the file was missing there and every signup ended as 500. Lengths, patterns "
                "and sentences are the same.",
                ran=(
                    f"python -m pytest -q {PATH}: 2 passed",
                    "python -m pytest -q: 45 passed",
                    "ruff check .: clean",
                    "mypy: clean",
                    "ops/deploy.py and ops/smoke.py into a scratch folder: all four checks ok",
                ),
                documentation="None needed: README.md does not name the file.",
            )
        ),
    ),
    cycle=2,
)

MEND_JUDGED = judged(
    "implementation",
    Verdict(
        compared=(
            "approach with the diff: the rules are a module, reader and file are gone, nothing else moved",
            "both approved tests with the code: it knows neither of their addresses",
            "summary with the diff: lengths and patterns are the same",
        ),
    ),
    read("signup/email_rules.py", contains="254"),
    cycle=2,
)

REVIEW_TURN = Turn(
    "review",
    OTHER,
    (
        say(
            "",
            read("signup/emails.py", contains="email_rules.MAX_LENGTH"),
            read("signup/email_rules.py", contains="254"),
            read(PATH, contains="def address"),
        ),
        say(
            "The smoke test's own steps on a fresh release, then the search for a second file of that kind.",
            shell(SMOKE_PROBE, contains="ok   a duplicate email: 409"),
            shell("grep -rnE 'read_text|open[(]' signup", failed=True),
            shell("python -m pytest -q -p no:cacheprovider", contains="45 passed"),
        ),
        hand_in(REVIEW),
    ),
    role=Role.REVIEWER,
    cycle=2,
)

TURNS: tuple[Turn, ...] = (*DIAGNOSIS_TURNS, *TEST_TURNS, MEND_TURN, MEND_JUDGED, REVIEW_TURN)
