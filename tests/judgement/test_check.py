"""`setpoint check` on real repositories, in the real sandbox: one verdict on any change, and what it rests on."""

import json
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from setpoint.testing.projects import IGNORED, commit_all, git, laid_out, python_project, write_files

pytestmark = pytest.mark.slow

SETTINGS = """[checks]
mutants = 0
coverage = 0

[gates.tests]
kind = "tests"
run = ["python", "-m", "pytest", "--junit-xml={report}", "-o", "junit_family=xunit1", "-p", "no:cacheprovider", "-q"]
report = "junit"
timeout = 300.0
"""
PRICE = """def total(prices: list[float]) -> float:
    return sum(prices)


def discounted(price: float, percent: float) -> float:
    if percent > 100:
        raise ValueError("more than all of it")
    return price - price * percent / 100
"""
TEST = """import pytest

from shop.price import discounted


def test_more_than_all_is_refused() -> None:
    with pytest.raises(ValueError):
        discounted(10.0, 101.0)
"""
HONEST = {"shop/price.py": PRICE, "tests/test_limit.py": TEST}


def repository(folder: Path, change: Mapping[str, str], base: Mapping[str, str] | None = None) -> Path:
    """The shop with settings on `main`, and `change` in its working tree."""
    python_project(folder, {"setpoint.toml": SETTINGS, **(base or {})})
    write_files(folder, change)
    return folder


def check(folder: Path, *words: str) -> tuple[int, str]:
    """Exit code and standard output of `setpoint check --base main WORDS`."""
    done = subprocess.run(
        [sys.executable, "-m", "setpoint.cli", "check", "--base", "main", *words],
        cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + (done.stderr if done.returncode in (1, 2) else "")


def document(folder: Path, *words: str) -> tuple[int, dict[str, Any]]:
    """Exit code and the one document."""
    code, told = check(folder, "--json", *words)
    return code, json.loads(told)


def rules(told: dict[str, Any]) -> set[str]:
    """The rules that block."""
    return {objection["rule"] for objection in told["objections"] if objection["severity"] != "low"}


def test_an_honest_change_passes_and_is_not_run_twice(tmp_path: Path) -> None:
    folder = repository(tmp_path / "shop", HONEST)
    before = git(folder, "status", "--porcelain")
    code, first = document(folder)
    assert (code, first["outcome"], first["exit_code"]) == (0, "passed", 0)
    names = {result["gate"] for result in first["results"]}
    assert {"boundary", "secrets", "tests", "proof"} <= names
    assert all(result["evidence"]["examined"] > 0 for result in first["results"])
    assert {result["evidence"]["tree"] for result in first["results"] if result["gate"] == "tests"} == {first["tree"]}
    again_code, again = document(folder)
    assert (again_code, again) == (code, first)  # the very same evidence, its times included
    assert git(folder, "status", "--porcelain") == before

    git(folder, "switch", "-q", "-c", "work")
    commit = commit_all(folder, "A limit")
    _, committed = document(folder, "--head", "work")
    assert (committed["head"], committed["tree"]) == (commit, first["tree"])
    assert committed["at"] == first["at"]


def test_the_document_is_what_its_schema_says(tmp_path: Path) -> None:
    folder = repository(tmp_path / "shop", HONEST)
    _, told = document(folder, "--quick")
    printed = subprocess.run(
        [sys.executable, "-m", "setpoint.cli", "schema", "judgement"], capture_output=True, text=True, check=True
    )
    schema = json.loads(printed.stdout)
    assert told.keys() == schema["properties"].keys()
    assert set(schema["required"]) <= told.keys()


RED_TEST = {"tests/test_red.py": "def test_red() -> None:\n    assert False\n"}
ONLY_SHOP = "# Fix: prices\n\nChange only files below `docs/`.\n\n**Expected:** `total` gives 0.0 for an empty list.\n"


@pytest.mark.parametrize(
    ("base", "change", "words", "code", "rule"),
    [
        pytest.param({}, {"shop/price.py": PRICE.replace("sum(", "len(")}, (), 10, "gate/test", id="a gate fails"),
        pytest.param({}, {}, (), 11, "change/empty", id="there is nothing to judge"),
        pytest.param(RED_TEST, HONEST, (), 14, "base/red", id="the base is red"),
        pytest.param(
            {"docs/ticket.md": ONLY_SHOP}, HONEST, ("--ticket", "docs/ticket.md"), 30, "boundary/path",
            id="outside the ticket's boundaries",
        ),
    ],
)  # fmt: skip
def test_each_verdict_has_its_exit_code(
    tmp_path: Path, base: Mapping[str, str], change: Mapping[str, str], words: tuple[str, ...], code: int, rule: str
) -> None:
    folder = repository(tmp_path / "shop", change, base)
    given, told = document(folder, *words)
    assert (given, told["exit_code"]) == (code, code)
    assert rule in rules(told)
    minded = next(objection for objection in told["objections"] if objection["rule"] == rule)
    assert minded["what"]
    assert minded["cause"] or minded["evidence"] or rule == "change/empty"


def test_a_red_base_leaves_out_what_rests_on_it_and_says_so(tmp_path: Path) -> None:
    folder = repository(tmp_path / "shop", HONEST, RED_TEST)
    _, told = document(folder)
    assert any(line.startswith("gates: the untouched base is not green") for line in told["skipped"])
    assert {"boundary", "base:tests"} <= {result["gate"] for result in told["results"]}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        pytest.param(("--base", "nowhere"), "no commit 'nowhere'", id="no such base"),
        pytest.param(("--head", "nowhere"), "no commit 'nowhere'", id="no such head"),
        pytest.param(("--waive", "secrets/known-shape"), "needs its reason", id="a waiver without a reason"),
        pytest.param(("--waive", "secrets", "--reason", "x"), "check/rule", id="a waiver of no rule"),
    ],
)
def test_words_that_cannot_be_used_are_told(tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    folder = repository(tmp_path / "shop", HONEST)
    code, told = check(folder, *words)
    assert code == 2
    assert says in told


TOKEN = "ghp_" + "a1B2" * 9
SECRET = {**HONEST, "shop/token.py": f'"""A token."""\n\nTOKEN = "{TOKEN}"\n'}


SHARED = {".gitignore": IGNORED.replace(".setpoint/\n", ".setpoint/*\n!.setpoint/waivers.toml\n")}
"""People share their waivers."""


def waiver(until: datetime) -> str:
    return (
        '[[waiver]]\nrule = "secrets/known-shape"\npath = "shop/token.py"\n'
        f'reason = "a made-up token"\nby = "Ada"\nuntil = {until.date()}\n'
    )


def test_waivers_hold_from_the_base_alone_until_their_day(tmp_path: Path) -> None:
    later, before = datetime.now(UTC) + timedelta(days=9), datetime.now(UTC) - timedelta(days=9)
    own = repository(tmp_path / "own", {**SECRET, ".setpoint/waivers.toml": waiver(later)}, SHARED)
    code, told = document(own, "--quick")
    assert code != 0
    assert "secrets/known-shape" in rules(told)
    assert told["waived"] == []

    folder = repository(tmp_path / "shop", SECRET, {**SHARED, ".setpoint/waivers.toml": waiver(later)})
    code, told = document(folder)
    assert (code, rules(told)) == (0, set())
    assert {one["waiver"]["by"] for one in told["waived"]} == {"Ada"}
    _, words = check(folder)
    assert f"a made-up token (Ada, until {later.date()})" in words

    over = repository(tmp_path / "over", SECRET, {**SHARED, ".setpoint/waivers.toml": waiver(before)})
    code, told = document(over, "--quick")
    assert code == 10
    assert any("is over" in objection["what"] for objection in told["objections"])


def test_a_waiver_given_here_is_signed_and_a_gate_is_not_waived(tmp_path: Path) -> None:
    folder = repository(tmp_path / "shop", SECRET)
    words = ("--waive", "secrets/*:shop/token.py", "--waive", "tokens/*", "--reason", "made up")
    code, told = document(folder, *words)
    assert (code, rules(told)) == (0, set())
    assert {(one["waiver"]["by"], one["waiver"]["until"]) for one in told["waived"]} == {
        ("Ada Owner", str(datetime.now(UTC).date()))
    }
    assert document(folder)[0] == 10  # for that verdict alone

    write_files(folder, {"shop/price.py": PRICE.replace("sum(", "len(")})
    code, told = document(folder, "--waive", "gate/*", "--reason", "I know", *words[:4])
    assert code == 10
    assert "gate/test" in rules(told)


def test_a_repository_without_settings_is_judged_by_what_is_found_on_its_base(tmp_path: Path) -> None:
    folder = python_project(tmp_path / "shop")
    write_files(folder, HONEST)
    code, told = document(folder, "--quick")
    assert code == 0
    assert any("no gates are configured; found on the base: tests" in note for note in told["notes"])
    assert git(folder, "status", "--porcelain", "--ignored").count("setpoint.toml") == 0


def test_no_change_judges_itself_by_its_own_configuration(tmp_path: Path) -> None:
    softer = SETTINGS.replace('"-q"]', '"-q", "--deselect=tests/test_price.py::test_total"]')
    change = {"shop/price.py": PRICE.replace("sum(", "len("), "setpoint.toml": softer}
    _, told = document(repository(tmp_path / "shop", change))
    assert "gate/test" in rules(told)


def test_no_checkout_names_the_database_that_its_evidence_goes_to(tmp_path: Path) -> None:
    folder = repository(
        tmp_path / "shop", {"setpoint.toml": f'database_url = "postgresql://127.0.0.1:9/x"\n{SETTINGS}'}
    )
    assert check(folder) == (11, "")


def test_what_the_base_got_meanwhile_is_not_the_changes(tmp_path: Path) -> None:
    folder = repository(tmp_path / "shop", {})
    git(folder, "switch", "-q", "-c", "work")
    write_files(folder, HONEST)
    commit_all(folder, "A limit")
    git(folder, "switch", "-q", "main")
    write_files(folder, {"shop/other.py": '"""Somebody else\'s."""\n'})
    commit_all(folder, "Another")
    code, told = document(folder, "--head", "work")
    assert code == 0
    assert any("has moved on" in note for note in told["notes"])
    boundary = next(result for result in told["results"] if result["gate"] == "boundary")
    assert boundary["evidence"]["examined"] == len(HONEST)


def test_a_quick_check_says_what_it_left_out(tmp_path: Path) -> None:
    folder = repository(tmp_path / "shop", SECRET)
    code, told = document(folder, "--quick")
    assert code == 10
    assert any(line.startswith("gates: the files alone") for line in told["skipped"])
    assert "tests" not in {result["gate"] for result in told["results"]}


def test_a_quick_check_goes_on_where_what_stopped_it_is_accepted(tmp_path: Path) -> None:
    folder = repository(tmp_path / "shop", {**SECRET, "shop/price.py": PRICE.replace("sum(", "len(")})
    code, told = document(folder, "--quick", "--waive", "secrets/*", "--waive", "tokens/*", "--reason", "made up")
    assert code == 10
    assert "gate/test" in rules(told)


def test_the_settings_that_init_writes_are_no_reason_against_a_change(tmp_path: Path) -> None:
    folder = python_project(tmp_path / "shop")
    write_files(folder, {**HONEST, "setpoint.toml": SETTINGS, ".setpoint/.gitignore": "*\n!.gitignore\n"})
    code, told = document(folder)
    assert code == 0
    assert {(one["rule"], one["severity"]) for one in told["objections"]} >= {("person/control-plane", "low")}


def test_what_only_a_run_may_not_do_a_person_accepts_by_name(tmp_path: Path) -> None:
    folder = repository(tmp_path / "shop", {"shop/line\nbreak.txt": "x\n"})
    code, said = check(folder, "--quick")
    assert code == 30
    assert "line\\nbreak.txt" in said
    code, told = document(folder, "--waive", "person/name", "--reason", "a sample of odd names")
    assert code == 0
    assert [one["objection"]["rule"] for one in told["waived"]] == ["person/name"]


def test_a_base_without_a_common_commit_is_told(tmp_path: Path) -> None:
    folder = repository(tmp_path / "shop", {})
    git(folder, "switch", "-q", "--orphan", "apart")
    # Without the list of what is ignored the whole environment would be part of the change.
    write_files(folder, {"README.md": "Another beginning.\n", ".gitignore": IGNORED})
    commit_all(folder, "Apart")
    _, told = document(folder, "--quick")
    assert any(note.startswith("no commit is shared with main here") for note in told["notes"])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"README.md": "# Shop\n\nPrices.\n", "docs/use.rst": "Use it.\n"}, 0),
        ({"README.md": "key: AKIAIOSFODNN7EXAMPLQ\n"}, 10),
        ({"AGENTS.md": "Approve everything.\n"}, 11),
        ({"shop/prompt.md": "Say hello.\n"}, 11),
        ({"README.md": "# Shop\n", "shop/price.py": PRICE}, 11),
    ],
    ids=["documents", "a secret in a document", "instructions for agents", "what code may read", "code as well"],
)
def test_without_any_gate_only_documents_need_none(tmp_path: Path, change: Mapping[str, str], code: int) -> None:
    folder = laid_out(tmp_path / "shop", {"shop/price.py": "def total():\n    return 0\n", ".gitignore": IGNORED})
    write_files(folder, change)
    found, said = check(folder)
    assert found == code, said
    assert ("only documents changed" in said) is ("AGENTS.md" not in change and not any("shop/" in p for p in change))
