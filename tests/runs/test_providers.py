"""After `setpoint init`, one key in the environment is enough for a whole run; keys stay in the worker."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import story
from playing import QUICK, cli, documents
from story import Story

from setpoint.testing.model_formats import Step
from setpoint.testing.model_server import ScriptedModel, Seen
from setpoint.testing.projects import git, python_project, write_files

pytestmark = pytest.mark.slow

KEY = "sk-dummy-4f9a1c77e2b84d0c9a55"
VARIABLES = {
    "anthropic": ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"),
    "openai-responses": ("OPENAI_API_KEY", "OPENAI_BASE_URL"),
    "google": ("GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL"),
}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = python_project(tmp_path / "shop")
    write_files(folder, {"ticket.md": story.HOTFIX_TICKET})
    return folder


def environment(model: ScriptedModel, *apis: str) -> dict[str, str]:
    """What a user sets: a key and a base URL."""
    found = {}
    for api in apis:
        key, url = VARIABLES[api]
        found |= {key: KEY, url: model.base_url(api)}
    return found


def init(folder: Path, env: dict[str, str], more: str = "") -> None:
    """As a user does; `more` is what the user adds to the settings then."""
    done = cli(folder, "init", env=env)
    assert done.returncode == 0, done.stderr
    assert set(git(folder, "status", "--porcelain").split()) == {"??", "setpoint.toml", "ticket.md"}
    with (folder / "setpoint.toml").open("a", encoding="utf-8") as settings:
        settings.write(more)


def whole_run(folder: Path, env: dict[str, str]) -> tuple[dict[str, Any], str]:
    """Run to the decision on the change, approve, done: what `show --json` says then, and what the terminal said."""
    ran = cli(folder, "run", "ticket.md", "--json", env=env)
    assert ran.returncode == 4, ran.stderr
    waiting = documents(ran)
    assert (waiting["stage"], waiting["waits"]) == ("change", "decision")
    approved = cli(folder, "approve", waiting["id"], "--all-checked", "it holds", env=env)
    assert approved.returncode == 0, approved.stderr
    assert "is done at deploy" in approved.stderr
    shown = documents(cli(folder, "show", waiting["id"], "--json", env=env))
    assert shown["state"] == "done"
    return shown, ran.stderr + approved.stderr


def models(requests: list[Seen], submit: str) -> set[str]:
    return {seen.model for seen in requests if seen.submit == f"submit_{submit}"}


@pytest.mark.parametrize("api", ["anthropic", "openai-responses"])
def test_one_key_is_enough(shop: Path, api: str) -> None:
    with ScriptedModel(Story(story.hotfix()), key=KEY) as model:
        env = environment(model, api)
        init(shop, env)
        shown, said = whole_run(shop, env)
        assert {seen.api for seen in model.requests} == {api}
        assert not models(model.requests, "change") & models(model.requests, "review")
        assert not models(model.requests, "diagnosis") & models(model.requests, "verdict")
    assert shown["independence"] == "reduced"
    assert "independence reduced" in said
    assert "reduced" in forged_body(shop)
    assert "ValueError" in git(shop, "--git-dir=.setpoint/forge.git", "show", "main:shop/price.py")


def test_two_providers_make_the_reviewer_independent(shop: Path) -> None:
    with ScriptedModel(Story(story.hotfix()), key=KEY) as model:
        env = environment(model, "anthropic", "google")
        init(shop, env, QUICK)
        shown, _ = whole_run(shop, env)
        apis = {seen.submit: seen.api for seen in model.requests}
        assert apis["submit_change"] != apis["submit_review"]
    assert shown["independence"] == "full"


LOCAL = """
[providers.local]
api = "openai-chat"
base_url = "{url}"
key_env = "LOCAL_MODEL_KEY"

[models]
large = ["local/big"]
medium = ["local/middle"]
small = ["local/little"]
tiny = ["local/little"]
"""


def test_a_chat_completions_endpoint_from_the_configuration(shop: Path) -> None:
    with ScriptedModel(Story(story.hotfix()), key=KEY) as model:
        env = {"LOCAL_MODEL_KEY": KEY}
        init(shop, env, QUICK + LOCAL.format(url=model.base_url("openai-chat")))
        shown, said = whole_run(shop, env)
        assert {seen.api for seen in model.requests} == {"openai-chat"}
        assert models(model.requests, "change") == {"middle"}
        assert models(model.requests, "review") == {"big"}
        costs = documents(cli(shop, "cost", "--json", env=env))
    assert shown["cost"]["usd"] is None
    assert shown["cost"]["input_tokens"] > 0
    assert costs["usd"] is None
    assert "cost unknown" in said


TEAM, PASS = "team-header-8c1f0b52", "gate-pass-d41d8cd98f"
HEADERS = """
[providers.local.headers]
X-Team = "{team}"

[providers.local.header_env]
X-Gate-Token = "GATE_TOKEN"
"""


def test_header_values_are_sent_and_never_kept(shop: Path) -> None:
    with ScriptedModel(Story(story.hotfix()), key=KEY) as model:
        env = {"LOCAL_MODEL_KEY": KEY, "GATE_TOKEN": PASS}
        init(shop, env, QUICK + LOCAL.format(url=model.base_url("openai-chat")) + HEADERS.format(team=TEAM))
        shown = documents(cli(shop, "config", "--json", env=env))
        assert shown["providers"]["local"]["headers"] == {"X-Team": "(hidden)"}
        assert TEAM not in cli(shop, "config", env=env).stdout
        lost = cli(shop, "run", "ticket.md", env={"LOCAL_MODEL_KEY": KEY})
        assert (lost.returncode, "X-Gate-Token" in lost.stderr) == (5, True), lost.stderr
        run = documents(cli(shop, "list", "--json", env=env))[0]["id"]
        resumed = cli(shop, "resume", run, env=env)
        assert resumed.returncode == 4, resumed.stderr
        assert {seen.headers["x-team"] for seen in model.requests} == {TEAM}
        assert {seen.headers["x-gate-token"] for seen in model.requests} == {PASS}
    kept = b"".join(path.read_bytes() for path in (shop / ".setpoint").glob("setpoint.db*"))
    assert b"X-Team" in kept
    assert TEAM.encode() not in kept
    assert PASS.encode() not in kept


def forged_body(folder: Path) -> str:
    pulls = list((folder / ".setpoint" / "forge.git" / "setpoint" / "pulls").glob("*.json"))
    assert len(pulls) == 1
    return str(json.loads(pulls[0].read_text(encoding="utf-8"))["body"])


# -- secrets -----------------------------------------------------------------------------------------------------------


class Leaking:
    """A model that looks for keys wherever a session can look, and writes the one it was signed with into its work."""

    def __init__(self) -> None:
        look = story.shell(
            "env; cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n' | sort -u; ls -a ~ /root 2>/dev/null; true"
        )
        told = story.CHANGE.model_copy(update={"summary": f"Refuses more than 100 percent. The key is {KEY}."})
        run = story.shell("python -m pytest -q")  # else the hand-in is sent back, and what it said goes back to it
        self._story = Story(story.hotfix(change=[[[look, story.MEND, run, story.hand_in(told)]]]))

    def __call__(self, seen: Seen) -> Step:
        return self._story(seen)


def every_text(folder: Path) -> Iterator[tuple[str, bytes]]:
    """All bytes below the repository, git's objects unpacked."""
    for path in folder.rglob("*"):
        if path.is_file() and ".venv" not in path.parts:
            yield str(path.relative_to(folder)), path.read_bytes()
    for where in (folder, folder / ".setpoint" / "forge.git"):
        listing = git(where, "cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objecttype)")
        for line in listing.splitlines():
            name, kind = line.split()
            if kind != "tree":
                yield f"{where.name}:{kind} {name}", git(where, "cat-file", kind, name).encode()


def test_a_key_never_leaves_the_worker(shop: Path) -> None:
    with ScriptedModel(Leaking(), key=KEY) as model:
        env = environment(model, "anthropic") | {"UNRELATED_TOKEN": "unrelated-5d1e9b7c"}
        init(shop, env, QUICK)
        shown, said = whole_run(shop, env)
        looked = [seen for seen in model.requests if seen.submit == "submit_change"][1]
        assert "PATH=" in str(looked.messages[-1])
        assert all(KEY.encode() not in seen.raw for seen in model.requests)
        assert b"unrelated-5d1e9b7c" not in looked.raw
        logged = cli(shop, "log", str(shown["id"]), "--json", "--all", env=env).stdout
        exported = cli(shop, "export", str(shown["id"]), "--format", "run", env=env).stdout
    everywhere = [
        *every_text(shop),
        ("terminal", said.encode()),
        ("log", logged.encode()),
        ("export", exported.encode()),
    ]
    found = [name for name, content in everywhere if KEY.encode() in content]
    assert found == []
    assert re.search(r"The key is \S+", forged_body(shop))
