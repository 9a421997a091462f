"""`setpoint doctor` says what keeps a repository from production, and whether a clean checkout can be worked in."""

import json
from pathlib import Path

import pytest
from gates_repository import GateRepository

from setpoint.config import parse
from setpoint.gates.bootstrap import Setup, failed, found_setup, missing_tools
from setpoint.model.gate import Gate
from setpoint.service.readiness import production
from setpoint.testing.gate_rooms import repository_room, tools_here

GATES = '[gates.tests]\nkind = "tests"\nrun = ["python", "-m", "pytest", "-q"]\n'
PLACES = '[[environment]]\nname = "{name}"\ndeploy = ["d"]\nsmoke = {smoke}\nrollback = {rollback}\n'


def place(name: str, smoke: str = '["s"]', rollback: str = '["r"]') -> str:
    return PLACES.format(name=name, smoke=smoke, rollback=rollback)


def told(text: str) -> list[tuple[str, str, str, str]]:
    config = parse(text, "setpoint.toml")
    return [(check.name, check.state, check.found, check.fix) for check in production(config, config.gates)]


def test_without_gates_of_ci_a_repository_is_not_production_ready() -> None:
    fix = "`setpoint init`, then commit setpoint.toml on the base: CI runs the gates it finds there"
    assert ("ci", "bad", "not production-ready: CI runs no gate", fix) in told(place("pre-staging"))
    optional = GATES + "required = false\n"
    assert ("ci", "bad", "not production-ready: CI runs no gate", fix) in told(optional + place("pre-staging"))
    lint = '[gates.lint]\nkind = "lint"\nrun = ["ruff", "check"]\n'
    assert told(lint)[0][:3] == ("ci", "bad", "not production-ready: no gate of CI runs tests")


@pytest.mark.parametrize(
    ("smoke", "rollback", "found", "fix"),
    [
        ("[]", '["r"]', "has no smoke command", "write smoke = [...]"),
        ('["s"]', "[]", "has no rollback command", "write rollback = [...]"),
        ("[]", "[]", "has no smoke and no rollback command", "write smoke = [...] and rollback = [...]"),
    ],
)
def test_without_smoke_or_rollback_an_environment_is_not_production_ready(
    smoke: str, rollback: str, found: str, fix: str
) -> None:
    assert told(GATES + place("pre-staging", smoke, rollback)) == [
        ("deploy", "ok", "pre-staging", ""),
        (
            "deploy",
            "bad",
            f"not production-ready: environment pre-staging {found}",
            f"in [[environment]] pre-staging {fix}",
        ),
    ]


def test_without_environments_a_run_ends_with_its_merge() -> None:
    ((name, state, found, fix),) = told(GATES)
    assert (name, state) == ("deploy", "warn")
    assert found == "no environment: a run ends with its merge; not production-ready"
    assert "[[environment]] with deploy, smoke and rollback" in fix


def test_what_is_complete_is_told_in_its_order() -> None:
    assert told(GATES + place("pre-staging") + place("production")) == [
        ("deploy", "ok", "pre-staging → production", "")
    ]


# -- from a clean checkout to running gates --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "command", "because"),
    [
        ({"Makefile": "all:\n\ttrue\nsetup:\n\ttrue\n"}, ("make", "setup"), "Makefile:3"),
        ({"justfile": "bootstrap:\n    true\n"}, ("just", "bootstrap"), "justfile:1"),
        ({"script/bootstrap": "true\n"}, ("sh", "script/bootstrap"), "script/bootstrap"),
        ({"uv.lock": "", "requirements.txt": ""}, ("uv", "sync", "--frozen"), "uv.lock"),
        ({"package-lock.json": "{}"}, ("npm", "ci"), "package-lock.json"),
    ],
)
def test_a_repositorys_own_set_up_is_found(
    tmp_path: Path, files: dict[str, str], command: tuple[str, ...], because: str
) -> None:
    assert found_setup(repository_room(tmp_path / "repo", files).path) == Setup((command,), because)
    assert found_setup(repository_room(tmp_path / "bare", {"a.py": ""}).path) is None


async def test_a_set_up_that_fails_says_where_and_tools_that_are_missing_are_named(tmp_path: Path) -> None:
    room = repository_room(tmp_path / "repo", {"a.py": ""}, tools=tools_here())
    setup = Setup((("true",), ("sh", "-c", "echo no such index >&2; exit 3")), "worktree.setup")
    assert "exited with 3: no such index" in await failed(setup, room)
    assert await failed(Setup((("true",),), "x"), room) == ""
    gates = {
        "tests": Gate.model_validate({"kind": "tests", "run": ["env", "A=1", "python", "-m", "pytest"]}),
        "types": Gate.model_validate({"kind": "types", "run": ["python", "-m", "no_such_checker.x"]}),
        "lint": Gate.model_validate({"kind": "lint", "run": ["no-such-linter", "."]}),
    }
    assert await missing_tools(gates, room) == ("types (no_such_checker)", "lint (no-such-linter)")


@pytest.mark.slow
def test_the_doctor_runs_the_set_up_on_a_clean_checkout_in_the_sandbox(tmp_path: Path) -> None:
    shop = GateRepository(tmp_path / "shop")
    assert shop.setpoint("init").returncode == 0
    gates = (shop.folder / "setpoint.toml").read_text()

    def bootstrap() -> tuple[str, str]:
        shop.commit()
        found = json.loads(shop.setpoint("doctor", "--json").stdout)
        (check,) = [entry for entry in found if entry["name"] == "bootstrap"]
        return check["state"], check["found"]

    state, found = bootstrap()
    assert (state, found) == ("ok", "no set-up is needed or known; the gates' tools are there")
    shop.put("Makefile", "setup:\n\ttest ! -e litter\n\ttouch litter\n")
    shop.put("litter", "")
    (shop.folder / ".gitignore").write_text(".setpoint/\nlitter\n")
    assert bootstrap() == ("ok", "make setup (Makefile:1) runs; the gates' tools are there")
    shop.put("Makefile", "setup:\n\techo the network is off >&2; false\n")
    state, found = bootstrap()
    assert state == "warn"
    assert found.startswith("Makefile:1: `make setup` exited with 2: ")
    shop.put("setpoint.toml", f'{gates}\n[worktree]\nsetup = [["sh", "-c", "echo broken >&2; exit 9"]]\n')
    state, found = bootstrap()
    assert (state, "exited with 9: broken" in found) == ("bad", True)
    shop.put("setpoint.toml", f'{gates}\n[gates.more]\nkind = "other"\nrun = ["no-such-tool"]\nrequired = false\n')
    state, found = bootstrap()
    assert (state, "more (no-such-tool)" in found) == ("bad", True)
    assert not (shop.folder / ".setpoint" / "checkouts").is_dir() or not list(
        (shop.folder / ".setpoint/checkouts").iterdir()
    )
