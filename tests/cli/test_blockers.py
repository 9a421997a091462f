"""The doctor's words for what commonly keeps a loop from working."""

import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

from commanded import git, setpoint

from setpoint.gates.detect import survey
from setpoint.model.settings import Config
from setpoint.service import blockers

CI = """
on: push
jobs:
  tests:
    runs-on: ubuntu-latest
    steps:
      - run: python -m pytest tests
      - run: docker compose run shop pytest --slow
"""
LINT = {"kind": "lint", "run": ["ruff", "check"]}
TESTS = {"kind": "tests", "run": ["pytest"]}


def config(**told: Any) -> Config:
    """A configuration as it is written."""
    return Config.model_validate(told)


def repository(folder: Path, **files: str) -> Path:
    """A folder with these files, `/` written as `__`."""
    for name, text in files.items():
        place = folder / name.replace("__", "/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return folder


def test_tests_that_run_in_ci_only_are_said_with_their_place(tmp_path: Path) -> None:
    folder = repository(tmp_path, **{".github__workflows__ci.yml": CI, "tests__test_a.py": "def test_a():\n    pass\n"})
    only_lint = config(gates={"lint": LINT}).gates
    first = blockers.elsewhere(survey(folder), only_lint)[0]
    assert (first.name, first.state) == ("only in CI", "bad")
    assert first.found.startswith("tests run only elsewhere: ")
    assert ".github/workflows/ci.yml" in first.found
    assert "`setpoint init --yes`" in first.fix
    assert [one.state for one in blockers.elsewhere(survey(folder), config(gates={"tests": TESTS}).gates)] != ["bad"]
    assert blockers.elsewhere(survey(folder), {}) == []


def test_missing_permissions_are_named_with_their_fix(tmp_path: Path) -> None:
    folder = repository(tmp_path, **{"scripts__check.sh": "true\n", ".git__objects__x": "", ".setpoint__x": ""})
    gates = config(gates={"all": {"kind": "other", "run": ["scripts/check.sh"]}}).gates
    (found,) = blockers.permissions(folder, folder / ".git", gates)
    assert found.found == "gate all: scripts/check.sh may not be run"
    assert found.fix == "`git update-index --chmod=+x scripts/check.sh` and commit it"
    (folder / "scripts/check.sh").chmod(0o755)
    assert blockers.permissions(folder, folder / ".git", gates) == []


def test_folders_that_a_run_must_write_to_are_named(tmp_path: Path) -> None:
    folder = repository(tmp_path, **{".git__objects__x": "", ".git__refs__x": ""})
    (found,) = blockers.permissions(folder, folder / ".git", {}, may=lambda place, _: place.name != "objects")
    assert found.found == f"not writable: {folder}/.git/objects"
    assert found.fix == f"give this account the right to write there: `sudo chown -R $USER {folder}/.git/objects`"


def test_services_that_do_not_come_up_are_said_and_those_that_do_with_their_time() -> None:
    settings = config(stack={"service": [{"name": "db", "run": ["postgres"], "port": 1}]})
    (well,), (ill,) = blockers.stack(settings, 2.04, ""), blockers.stack(settings, 1.0, "service db ended with 1")
    assert (well.state, well.found) == ("ok", "db up in 2.0 s on a clean checkout")
    assert (ill.state, ill.found) == ("bad", "service db ended with 1")
    assert blockers.stack(config(), 0.0, "") == []


def test_a_profile_that_names_nothing_is_said() -> None:
    (ill,) = blockers.profiles(config(profile={"data": {"labels": ["data"], "gates": ["dbt"]}}))
    assert (ill.state, ill.found) == ("bad", "profile data names the gate `dbt`, and there is none")
    (well,) = blockers.profiles(config(profile={"data": {"labels": ["data"]}}))
    assert (well.state, well.found) == ("ok", "1 profile: data (data)")


SERVE = """
import http.server, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"orders")
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
"""


def test_up_serves_the_folder_to_a_person_until_it_is_interrupted(tmp_path: Path) -> None:
    folder = repository(tmp_path / "shop", **{"serve.py": SERVE})
    git(folder, "init", "-q", "-b", "main")
    none = setpoint(folder, "up")
    assert (none.returncode, "nothing says how the application is served" in none.stderr) == (2, True)
    (folder / "setpoint.toml").write_text('[stack.app]\nrun = ["python3", "serve.py", "{port_1}"]\nport = 1\n')
    command = [sys.executable, "-m", "setpoint.cli", "up"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as up:
        assert up.stdout is not None
        url = up.stdout.readline().strip()
        assert urllib.request.urlopen(url, timeout=30).read() == b"orders"
        up.send_signal(signal.SIGINT)
        said = up.communicate(timeout=60)[1]
    assert (up.returncode, "its data are gone" in said) == (0, True)
    assert list((folder / ".setpoint/stacks").iterdir()) == []
    (folder / "serve.py").write_text("raise SystemExit('no orders here')\n")
    broken = setpoint(folder, "up")
    assert broken.returncode == 1
    assert "service app ended with 1 at its start; it said: no orders here" in broken.stderr
