"""Real agent CLIs with nothing but a sign-in, against a model on loopback that wants to see it as its maker would; no
key is anywhere, and the sign-ins are none."""

import base64
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from driving import CLIS

from bench.agents import says
from setpoint.adapters.agents.external.agent import ExternalAgent
from setpoint.adapters.agents.fallback import Whom
from setpoint.adapters.agents.sign_ins import endpoint_of
from setpoint.adapters.rooms import SandboxRoom, surroundings
from setpoint.adapters.sandboxes.bubblewrap import Bubblewrap
from setpoint.model.agent_settings import KNOWN
from setpoint.model.sandbox_settings import SandboxSettings
from setpoint.model.session import Submitted
from setpoint.model.settings import Provider
from setpoint.model.sign_in import SIGN_INS, SignInName
from setpoint.testing.model_formats import Call, Step
from setpoint.testing.model_server import Script, ScriptedModel, Seen
from setpoint.testing.sessions import NO_HANDS, MemoryLog, Weather, a_task

pytestmark = pytest.mark.slow
NAMES = [name for name in SIGN_INS if name in (os.environ.get("AGENTS", "").split() or SIGN_INS)]
CLAIMS = base64.urlsafe_b64encode(json.dumps({"exp": 4_102_444_800}).encode()).rstrip(b"=").decode()
TOKENS: Mapping[SignInName, str] = {"claude-code": "sk-ant-oat01-canary-0815", "codex": f"e30.{CLAIMS}.canary"}
HELD: Mapping[SignInName, dict[str, Any]] = {
    "claude-code": {"claudeAiOauth": {"accessToken": TOKENS["claude-code"], "expiresAt": 4_102_444_800_000}},
    "codex": {"tokens": {"access_token": TOKENS["codex"], "account_id": "acct-1"}},
}
WANTED: Mapping[SignInName, dict[str, str]] = {
    "claude-code": {"anthropic-beta": "oauth-2025-04-20", "x-app": "cli"},
    "codex": {"chatgpt-account-id": "acct-1", "x-openai-internal-codex-responses-lite": "true"},
}
"""Beside the token."""


CODE = (
    "text((await tools.exec_command({cmd: 'sed -i s/hell/hello/ greeting.txt'})).output)",
    'await tools.mcp__setpoint__submit_change({"summary": "mended"})',
)
"""What a model of Codex's own list does its work by."""


def writes_code(seen: Seen) -> Step:
    """Its tools come with the conversation, and it calls them from JavaScript."""
    return (
        Step(calls=(Call("exec", CODE[seen.replies], custom=True),)) if seen.replies < len(CODE) else Step(text="Done.")
    )


SCRIPTS: Mapping[SignInName, Script] = {"claude-code": says, "codex": writes_code}


@pytest.mark.parametrize("name", NAMES)
async def test_one_that_is_only_signed_in_mends_and_hands_in(name: SignInName, tmp_path: Path) -> None:
    kind, environ = SIGN_INS[name], {"HOME": str(tmp_path / "person")}
    kind.place(environ).parent.mkdir(parents=True)
    kind.place(environ).write_text(json.dumps(HELD[name]))
    here = tmp_path / "repository"
    here.mkdir()
    (here / "greeting.txt").write_text("hell world\n")
    room = SandboxRoom(here, surroundings(Bubblewrap(), here, tmp_path / "masks", SandboxSettings()), others=True)
    signed = {"authorization": f"Bearer {TOKENS[name]}", **WANTED[name]}
    refuses = "max_output_tokens" if name == "codex" else ""
    log = MemoryLog()
    with ScriptedModel(SCRIPTS[name], signed=signed, refuses=refuses) as model:
        url = f"{model.root}/backend-api/codex" if name == "codex" else model.root
        asked = Provider(api=kind.api, base_url=url, sign_in=name, billing="subscription")
        program = KNOWN[name].model_copy(update={"command": tuple(CLIS[name].command)})
        agent = ExternalAgent(
            name, program, {"p": endpoint_of(asked, environ, name)}, tmp_path / "homes", NO_HANDS, Whom(Weather())
        )
        reply = await agent.work(a_task(models=(f"p/{kind.models['medium']}",)), room, log)
    assert isinstance(reply, Submitted)
    assert (here / "greeting.txt").read_text() == "hello world\n"
    assert "canary" not in "".join(message.model_dump_json() for message in log.messages())
    assert all(b"canary" not in seen.raw for seen in model.requests)
