"""A run begins only where packages are looked up among known vulnerabilities, or somebody said why they are not."""

from pathlib import Path

import pytest
import story
from playing import QUICK, cli

from setpoint.app import House
from setpoint.errors import ConfigError
from setpoint.testing.projects import PYTEST_GATE, commit_all, python_project, write_files

GATE = f'[gates.tests]\nkind = "tests"\nrun = {list(PYTEST_GATE)}\nreport = "junit"\n\n'
PRICED = 'unpriced = true\n[providers.local]\napi = "openai-chat"\nbase_url = "http://127.0.0.1:9/v1"\nkey_env = ""\n'
MODELS = '[models]\nlarge = ["local/a"]\nmedium = ["local/a"]\nsmall = ["local/b"]\ntiny = ["local/b"]\n'
pytestmark = pytest.mark.slow


async def test_without_a_gate_or_a_reason_nothing_starts_and_the_reason_stands_in_the_evidence(tmp_path: Path) -> None:
    folder = python_project(tmp_path / "shop")
    config = f"{QUICK}{GATE}[budget]\n{PRICED}{MODELS}"
    write_files(folder, {"setpoint.toml": config, "uv.lock": "version = 1\n"})
    commit_all(folder, "setpoint init")
    house = await House.open(folder)
    try:
        with pytest.raises(ConfigError, match=r"nothing looks the packages of uv\.lock up"):
            await house.submit(story.HOTFIX_TICKET, name="ticket", kind=None, detach=True)
        assert not house.store.runs()
    finally:
        await house.close()
    write_files(folder, {"setpoint.toml": config.replace("[checks]", '[checks]\nunaudited = "no way | out"')})
    commit_all(folder, "why not")
    house = await House.open(folder)
    try:
        run = (await house.submit(story.HOTFIX_TICKET, name="ticket", kind=None, detach=True)).run
        (created,) = [event for event in house.store.events(run.id) if event.kind == "created"]
        assert created.data["unaudited"] == "no way | out"
        assert any("left out because: no way | out" in line for line in house.header(run))
    finally:
        await house.close()


def test_init_writes_the_gate_with_its_hosts_and_runs_nothing_that_asks(tmp_path: Path) -> None:
    folder = python_project(tmp_path / "shop")
    write_files(folder, {"uv.lock": "version = 1\n", "requirements.txt": "idna==3.7\n"})
    write_files(folder, {".venv/bin/uv": "#!/bin/sh\ntouch ran\n"})
    (folder / ".venv/bin/uv").chmod(0o755)
    commit_all(folder, "locked")
    done = cli(folder, "init")
    assert "asks api.osv.dev, pypi.org once a day; not run now" in done.stdout
    assert "left out: the sandbox has no pip-audit" in done.stdout
    written = (folder / "setpoint.toml").read_text(encoding="utf-8")
    assert 'run = ["uv", "audit", "--output-format=json", "--frozen"]\nnetwork = ["api.osv.dev", "pypi.org"]' in written
    assert "# left out: audit-requirements (pip-audit" in written
