"""An agent's own sign-in stands in for a key: read outside, sent as its maker wants it, and seen by nobody inside."""

import base64
import json
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from outsiders import MENDED, PROGRAM, by_turn_and_story

from setpoint.adapters.agents.endpoint import Endpoint
from setpoint.adapters.agents.external.agent import ExternalAgent
from setpoint.adapters.agents.fallback import Whom
from setpoint.adapters.agents.http import new_client
from setpoint.adapters.agents.metering import Allowance
from setpoint.adapters.agents.native import NativeAgent
from setpoint.adapters.agents.relay import SOCKET, relay
from setpoint.adapters.agents.sign_ins import CHATGPT_URL, endpoint_of, read_sign_in
from setpoint.adapters.rooms import SandboxRoom, surroundings
from setpoint.adapters.sandboxes.bubblewrap import Bubblewrap
from setpoint.errors import ConfigError, NotSignedInError
from setpoint.model.sandbox_settings import SandboxSettings
from setpoint.model.session import ModelRef, Submitted
from setpoint.model.settings import Provider
from setpoint.model.sign_in import SIGN_INS, SignInName
from setpoint.testing.agent_contract import DONE, LOOK, MEND
from setpoint.testing.model_formats import Call, Step
from setpoint.testing.model_server import ScriptedModel
from setpoint.testing.sessions import NO_HANDS, MemoryLog, SavingRoom, Weather, a_task

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CANARY = "sk-ant-oat01-canary-0815-canary-0815"
OTHER = "sk-ant-oat01-renewed-4711-renewed-4711"


def jwt(**claims: Any) -> str:
    def packed(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{packed({'alg': 'none'})}.{packed(claims)}.{packed('canary-signature')}"


ABOUT = {"https://api.openai.com/auth": {"chatgpt_account_id": "acct-1", "chatgpt_plan_type": "plus"}}
LATER = datetime(2099, 1, 1, tzinfo=UTC)
ACCESS = jwt(exp=int(LATER.timestamp()), **ABOUT)


def claude(token: str = CANARY, until: datetime = LATER) -> dict[str, Any]:
    held = {"accessToken": token, "refreshToken": "sk-ant-ort01-canary", "subscriptionType": "max"}
    return {"claudeAiOauth": {**held, "expiresAt": int(until.timestamp() * 1000)}}


def chatgpt(access: str = ACCESS, **more: Any) -> dict[str, Any]:
    tokens = {"id_token": jwt(email="ann@example.invalid"), "access_token": access, "refresh_token": "rt-canary"}
    return {"auth_mode": "chatgpt", "OPENAI_API_KEY": None, "tokens": {**tokens, "account_id": "acct-1", **more}}


def home_of(folder: Path, name: SignInName, content: object) -> dict[str, str]:
    """An environment whose home holds this sign-in and nothing else."""
    place = SIGN_INS[name].place({"HOME": str(folder)})
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(content if isinstance(content, str) else json.dumps(content))
    return {"HOME": str(folder)}


CASES: Mapping[str, tuple[SignInName, object, dict[str, str], dict[str, str]]] = {
    "token": (
        "claude-code",
        None,
        {"CLAUDE_CODE_OAUTH_TOKEN": f"{CANARY}\n"},
        {"authorization": f"Bearer {CANARY}", "anthropic-beta": "oauth-2025-04-20"},
    ),
    "claude": (
        "claude-code",
        claude(),
        {},
        {"authorization": f"Bearer {CANARY}", "anthropic-beta": "oauth-2025-04-20"},
    ),
    "chatgpt": ("codex", chatgpt(), {}, {"authorization": f"Bearer {ACCESS}", "chatgpt-account-id": "acct-1"}),
    "key": ("codex", {"OPENAI_API_KEY": "sk-canary-of-codex"}, {}, {"authorization": "Bearer sk-canary-of-codex"}),
}
"""Sign-in, its file, further variables, and what its maker wants to see of it."""


def provider(name: SignInName, url: str, **more: Any) -> Provider:
    return Provider(api=SIGN_INS[name].api, base_url=url, sign_in=name, **{"billing": "subscription", **more})


Ask = Callable[..., Any]


@asynccontextmanager
async def asked(endpoint: Endpoint, model: ScriptedModel) -> AsyncIterator[tuple[Ask, Allowance]]:
    """A client inside, before a relay to `endpoint`."""
    ref = ModelRef(provider="p", model="m")
    meter = Allowance(None)
    async with new_client(plain=True) as out, relay({ref: endpoint}, meter, out) as way:
        transport = httpx2.AsyncHTTPTransport(uds=str(way.folder / SOCKET))
        async with httpx2.AsyncClient(transport=transport, base_url="http://models") as client:

            async def ask(**headers: str) -> httpx2.Response:
                said: dict[str, Any] = {"input": [{"role": "user", "content": "Good day?"}]}
                if endpoint.api == "anthropic":
                    said = {"messages": [{"role": "user", "content": "Good day?"}], "max_tokens": 100}
                path = "/v1/messages" if endpoint.api == "anthropic" else "/v1/responses"
                told = {"authorization": "Bearer held-outside", **headers}
                return await client.post(path, json={"model": "m", "stream": True, **said}, headers=told)

            yield ask, meter


@pytest.mark.parametrize("case", CASES)
async def test_a_request_is_sent_as_the_maker_of_the_sign_in_wants_it(case: str, tmp_path: Path) -> None:
    name, content, variables, wanted = CASES[case]
    environ = {"HOME": str(tmp_path), **variables}
    if content is not None:
        environ |= home_of(tmp_path, name, content)
    refuses = "max_output_tokens" if case == "chatgpt" else ""
    with ScriptedModel(lambda _: Step(text="Good day."), signed=wanted, refuses=refuses) as model:
        url = f"{model.root}/backend-api/codex" if case == "chatgpt" else model.base_url(SIGN_INS[name].api)
        billing = "metered" if case == "key" else "subscription"
        end = endpoint_of(provider(name, url, billing=billing), environ, name)
        async with asked(end, model) as (ask, meter):
            reply = await ask(**{"anthropic-beta": "its-own-beta", "originator": "codex_exec"})
            assert (reply.status_code, meter.spent.requests) == (200, 1)
            sent = {key.lower(): value for key, value in model.requests[-1].headers.items()}
            assert sent["originator"] == "codex_exec"
            assert "its-own-beta" in sent["anthropic-beta"].split(",")
            assert "x-api-key" not in sent
            assert ("max_output_tokens" in model.requests[-1].body) is (case == "key")


async def test_one_that_its_maker_does_not_know_is_turned_away_as_by_the_real_ones(tmp_path: Path) -> None:
    environ = home_of(tmp_path, "claude-code", claude(token=OTHER))
    with ScriptedModel(lambda _: Step(text="Good day."), signed=CASES["claude"][3]) as model:
        async with asked(endpoint_of(provider("claude-code", model.root), environ, "claude-code"), model) as (ask, _):
            assert (await ask()).status_code == 401
            home_of(tmp_path, "claude-code", claude())
            assert (await ask()).status_code == 200  # the person's own agent renewed it: it is read for each request


# -- a session -------------------------------------------------------------------------------------------------------

PRYING = (
    "env; cat /proc/*/environ | tr '\\0' '\\n'; cat ~/.claude/.credentials.json {home}/.claude/.credentials.json; true"
)


def outside(folder: Path, environ: Mapping[str, str], model: ScriptedModel, name: str = "claude-code") -> ExternalAgent:
    ends = {"anthropic": endpoint_of(provider("claude-code", model.root), environ, name)}
    return ExternalAgent(name, PROGRAM, ends, folder / "homes", NO_HANDS, Whom(Weather()))


async def test_an_agent_works_with_its_sign_in_and_neither_it_nor_the_log_ever_sees_it(
    tmp_path: Path, log: MemoryLog
) -> None:
    here = tmp_path / "repository"
    here.mkdir()
    (here / "greeting.txt").write_text("hell world\n")
    room = SandboxRoom(here, surroundings(Bubblewrap(), here, tmp_path / "masks", SandboxSettings()), others=True)
    environ = home_of(tmp_path / "person", "claude-code", claude())
    pries = Step(calls=(Call("shell", {"command": PRYING.format(home=tmp_path / "person")}),))
    script = by_turn_and_story([[LOOK, pries, MEND, DONE]])
    with ScriptedModel(script, signed=CASES["claude"][3]) as model:
        reply = await outside(tmp_path, environ, model).work(a_task(), room, log)
    assert isinstance(reply, Submitted)
    written = [path.read_text(errors="replace") for path in (tmp_path / "homes").rglob("*") if path.is_file()]
    kept = "\n".join([*written, *(message.model_dump_json() for message in log.messages()), repr(log.of("model"))])
    bodies = "\n".join(seen.raw.decode() for seen in model.requests)
    assert "ANTHROPIC_BASE_URL=" in bodies  # it did look
    assert "canary" not in kept + bodies
    assert all(message.usage.usd == 0.0 for message in log.messages() if message.usage is not None)


@pytest.mark.parametrize(
    ("held", "words", "requests"),
    [
        (claude(token=OTHER), "does not accept the sign-in of Claude Code", 1),
        (claude(until=datetime.now(UTC) - timedelta(minutes=1)), "the sign-in of Claude Code has expired", 0),
        ({}, "Claude Code is not signed in here", 0),
    ],
    ids=["unknown", "expired", "signed out"],
)
async def test_a_sign_in_that_will_not_do_is_told_as_that(
    tmp_path: Path, room: SavingRoom, log: MemoryLog, held: object, words: str, requests: int
) -> None:
    environ = home_of(tmp_path, "claude-code", held)
    with ScriptedModel(by_turn_and_story(MENDED), signed=CASES["claude"][3]) as model:
        with pytest.raises(NotSignedInError, match=words) as raised:
            await outside(tmp_path, environ, model).work(a_task(), room, log)
        assert len(model.requests) == requests
    assert raised.value.exit_code == 5
    assert "`claude`" in raised.value.fix
    assert OTHER not in str(raised.value)


async def test_one_that_runs_out_in_the_middle_stops_there_with_what_was_done(
    tmp_path: Path, room: SavingRoom, log: MemoryLog
) -> None:
    environ = home_of(tmp_path, "claude-code", claude())
    play = by_turn_and_story(MENDED)

    def script(seen: Any) -> Step:
        if seen.replies_in_turn == 1:
            home_of(tmp_path, "claude-code", claude(until=datetime.now(UTC) - timedelta(minutes=1)))
        return play(seen)

    with ScriptedModel(script, signed=CASES["claude"][3]) as model:
        with pytest.raises(NotSignedInError, match="has expired"):
            await outside(tmp_path, environ, model).work(a_task(), room, log)
        assert room.read("greeting.txt") == b"hello world\n"
        home_of(tmp_path, "claude-code", claude())
        assert isinstance(await outside(tmp_path, environ, model).work(a_task(), room, log), Submitted)


@pytest.mark.parametrize("asker", ["opencode", "native"])
async def test_nobody_else_asks_with_it(tmp_path: Path, room: SavingRoom, log: MemoryLog, asker: str) -> None:
    environ = home_of(tmp_path, "claude-code", claude())
    with ScriptedModel(by_turn_and_story(MENDED)) as model:
        agent: Any = outside(tmp_path, environ, model, asker)
        if asker == "native":
            ends = {"anthropic": endpoint_of(provider("claude-code", model.root), environ, asker)}
            agent = NativeAgent(ends, Weather())
        with pytest.raises(ConfigError, match="for the agent `claude-code` alone"):
            await agent.work(a_task(), room, log)
        assert model.requests == []


# -- reading ---------------------------------------------------------------------------------------------------------


def test_what_a_sign_in_says_of_itself_is_told_without_it(tmp_path: Path) -> None:
    until = datetime(2026, 11, 22, 20, 30, tzinfo=UTC)
    environ = home_of(tmp_path, "claude-code", claude(until=until))
    found = read_sign_in("claude-code", environ, NOW)
    place = tmp_path / ".claude" / ".credentials.json"
    assert found.told == (
        f"your sign-in of Claude Code ({place}, plan max, until 2026-11-22 20:30 UTC), covered by its subscription"
    )
    codex = read_sign_in("codex", home_of(tmp_path, "codex", chatgpt()), NOW)
    assert (codex.who, codex.account, codex.billing) == ("ann@example.invalid, plan plus", "acct-1", "subscription")
    assert "canary" not in repr((found, codex))
    assert ACCESS not in repr(codex)


def test_the_folders_that_the_agents_themselves_are_told_of_go_before_the_home(tmp_path: Path) -> None:
    environ = {"HOME": "/nonexistent", "CLAUDE_CONFIG_DIR": str(tmp_path), "CODEX_HOME": str(tmp_path)}
    (tmp_path / ".credentials.json").write_text(json.dumps(claude()))
    (tmp_path / "auth.json").write_text(json.dumps({"OPENAI_API_KEY": "sk-of-codex"}))
    assert read_sign_in("claude-code", environ, NOW).token == CANARY
    assert read_sign_in("codex", environ, NOW).billing == "metered"


def test_a_sign_in_is_never_billed_otherwise_than_the_run_began(tmp_path: Path) -> None:
    environ = home_of(tmp_path, "codex", {"OPENAI_API_KEY": "sk-canary"})
    with pytest.raises(NotSignedInError, match="not what it was") as raised:
        endpoint_of(provider("codex", ""), environ, "codex").signed("openai")
    assert "canary" not in str(raised.value)


def test_a_subscription_to_chatgpt_is_asked_where_codex_asks(tmp_path: Path) -> None:
    end = endpoint_of(provider("codex", ""), home_of(tmp_path, "codex", chatgpt()), "codex")
    assert end.now().url("m") == f"{CHATGPT_URL}/responses"
    metered = home_of(tmp_path, "codex", {"OPENAI_API_KEY": "sk-of-codex"})
    plain = endpoint_of(provider("codex", "", billing="metered"), metered, "codex")
    assert plain.now().url("m") == "https://api.openai.com/v1/responses"


JSON = st.sampled_from([None, True, 0, -1, 10**400, 1.5, float("nan"), "", " ", "a.b.c", "e30.e30.e30", [], [1], {}])
HELD = st.dictionaries(
    st.sampled_from(["claudeAiOauth", "tokens", "OPENAI_API_KEY", "auth_mode"]),
    JSON | st.dictionaries(st.sampled_from([*claude()["claudeAiOauth"], *chatgpt()["tokens"]]), JSON),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(content=st.binary(max_size=60) | (HELD | JSON).map(lambda held: json.dumps(held).encode()))
def test_whatever_lies_there_is_a_sign_in_or_told_as_none(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.getbasetemp() / "whatever"
    for name, kind in SIGN_INS.items():
        place = kind.place({"HOME": str(folder)})
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        with suppress(NotSignedInError):
            assert read_sign_in(name, {"HOME": str(folder)}, NOW).token.strip()


@pytest.mark.parametrize("there", ["nothing", "a folder", "a pipe", "unreadable"])
def test_what_cannot_be_read_is_told_with_its_place_and_what_to_do(tmp_path: Path, there: str) -> None:
    place = SIGN_INS["codex"].place({"HOME": str(tmp_path)})
    place.parent.mkdir()
    make: dict[str, Callable[[], Any]] = {
        "a folder": place.mkdir,
        "a pipe": lambda: os.mkfifo(place),
        "unreadable": lambda: place.symlink_to("/proc/self/mem"),
    }
    make.get(there, lambda: None)()
    with pytest.raises(NotSignedInError) as raised:
        read_sign_in("codex", {"HOME": str(tmp_path)}, NOW)
    assert str(place) in str(raised.value)
    assert "`codex login`" in raised.value.fix
