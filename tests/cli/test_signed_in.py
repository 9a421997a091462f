"""A signed-in agent is enough: without any key a plan and a run work with it, and say so."""

import json
import os
from pathlib import Path

import pytest
from commanded import setpoint

PLACE = "claude/.credentials.json"


@pytest.fixture
def person(tmp_path: Path) -> dict[str, str]:
    """An environment with Claude Code's program, and no key."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "claude-agent-acp"
    program.write_text("#!/bin/sh\necho claude-agent-acp 9.9\n")
    program.chmod(0o755)
    (tmp_path / "claude").mkdir()
    path = f"{program.parent}:{os.environ['PATH']}"
    return {"HOME": str(tmp_path / "home"), "CLAUDE_CONFIG_DIR": str(tmp_path / "claude"), "PATH": path}


def signed(folder: Path, until: int) -> None:
    held = {"accessToken": "sk-ant-oat01-canary-0815", "expiresAt": until * 1000, "subscriptionType": "max"}
    (folder / PLACE).write_text(json.dumps({"claudeAiOauth": held}))


def test_a_plan_without_a_key_says_whose_sign_in_works_and_who_pays_and_a_run_with_an_expired_one_does_not_start(
    repository: Path, tmp_path: Path, person: dict[str, str]
) -> None:
    signed(tmp_path, 4_102_444_800)
    planned = setpoint(repository, "plan", "ticket.md", **person)
    told = f"your sign-in of Claude Code ({tmp_path / PLACE}, plan max, until 2100-01-01 00:00 UTC), covered by its"
    assert told in planned.stdout
    assert "independence reduced" in planned.stdout
    signed(tmp_path, 1_700_000_000)
    begun = setpoint(repository, "run", "ticket.md", **person)
    assert begun.returncode == 5
    assert "the sign-in of Claude Code has expired" in begun.stderr
    assert "good until 2023-11-14 22:13 UTC" in begun.stderr
    assert "`claude setup-token`" in begun.stderr
    state = b"".join(path.read_bytes() for path in (repository / ".setpoint").rglob("*") if path.is_file())
    assert "canary" not in planned.stdout + planned.stderr + begun.stdout + begun.stderr
    assert b"canary" not in state
