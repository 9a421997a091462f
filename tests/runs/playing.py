"""A run in a test: a real repository, house, sandbox and gates; only the model is scripted, over HTTP on loopback."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import story
from story import Session, Story

from setpoint.app import House
from setpoint.model.objection import Objection
from setpoint.model.run import Event, Run, State, Waits
from setpoint.model.ticket import Kind
from setpoint.service.queries import exit_code
from setpoint.service.views import RunView
from setpoint.testing.model_formats import Step
from setpoint.testing.model_server import Fault, ScriptedModel, Seen
from setpoint.testing.projects import PYTEST_GATE, commit_all, git, python_project, write_files

MODELS = {
    "anthropic": {
        "large": "claude-opus-4-5",
        "medium": "claude-sonnet-4-5",
        "small": "claude-haiku-4-5",
        "tiny": "claude-haiku-4-5",
    },
}


"""What the person found who approves a change."""

QUICK = "[checks]\ncoverage = 0\nmutants = 0\nsurroundings = false\nown_run = false\n\n"
"""Faults, coverage and own runs of each change have tests of their own; in every run they would cost half a minute."""


def settings(base_url: str, extra: str = "", *, gate: Sequence[str] = PYTEST_GATE) -> str:
    """`setpoint.toml` of a repository whose one provider is the scripted model, which wants no key."""
    models = "\n".join(f'{size} = ["anthropic/{name}"]' for size, name in MODELS["anthropic"].items())
    lean = "" if "[checks]" in extra else QUICK
    return (
        f"{extra}\n{lean}"
        f'[gates.tests]\nkind = "tests"\nrun = {json.dumps(list(gate))}\nreport = "junit"\ntimeout = 60.0\n\n'
        f'[providers.anthropic]\napi = "anthropic"\nbase_url = "{base_url}"\n\n[models]\n{models}\n'
    )


def silent(_event: Event) -> None:
    """Tell nobody."""


class Playing:
    """One repository with its house and its model."""

    def __init__(self, folder: Path, house: House, model: ScriptedModel) -> None:
        self.folder = folder
        self.house = house
        self.model = model

    async def run(self, ticket: str = story.HOTFIX_TICKET, kind: Kind | None = None) -> Run:
        """Start a run and carry it until it rests."""
        started = await self.house.submit(ticket, name="ticket", kind=kind, detach=False)
        return await self.on(started.run)

    async def on(self, run: Run) -> Run:
        """Carry it until it rests; in the foreground, as each command does."""
        return await self.house.carry(run.id, silent)

    async def approve(self, run: Run) -> Run:
        """A person says yes, and it is carried on."""
        return await self.on(await self.house.commands.approve(run.id))

    async def to_the_end(self, run: Run) -> Run:
        """Say yes to whatever waits for a decision."""
        while run.position.state is State.WAITING and run.position.waits is Waits.DECISION:
            run = await self.approve(run)
        return run

    def view(self, run: Run) -> RunView:
        """What `show --json` prints."""
        return self.house.view(self.house.store.run(run.id))

    def code(self, run: Run) -> int:
        """The exit code of the command that carried it."""
        return exit_code(self.house.store, self.house.store.run(run.id))

    def events(self, run: Run, kind: str) -> list[Event]:
        """Journal entries of a kind."""
        return [event for event in self.house.store.events(run.id, limit=100_000) if event.kind == kind]

    def objections(self, run: Run, stage: str) -> list[Objection]:
        """All objections of all rounds of a stage."""
        found = self.house.store.rounds(run.id, run.position.cycle)
        return [objection for round_, objections in found for objection in objections if round_.stage.startswith(stage)]

    def rounds(self, run: Run, stage: str) -> int:
        """How many verdicts the loops of a stage have had."""
        return sum(
            1 for round_, _ in self.house.store.rounds(run.id, run.position.cycle) if round_.stage.startswith(stage)
        )

    def requests(self, submit: str) -> list[Seen]:
        """What the model was asked by sessions that hand in this deliverable."""
        return [seen for seen in self.model.requests if seen.submit == f"submit_{submit}"]

    def sessions(self, submit: str) -> list[list[Seen]]:
        """The same, session by session."""
        found: dict[str, list[Seen]] = {}
        for seen in self.requests(submit):
            found.setdefault(seen.first, []).append(seen)
        return list(found.values())


@asynccontextmanager
async def playing(
    folder: Path,
    sessions: Mapping[str, Sequence[Session]],
    *,
    config: str = "",
    files: Mapping[str, str] | None = None,
    faults: Mapping[int, str | Fault] | None = None,
    project: Callable[..., Path] = python_project,
    gate: Sequence[str] = PYTEST_GATE,
    script: Callable[[Seen], Step] | None = None,
) -> AsyncIterator[Playing]:
    """A repository with committed settings, its model playing `sessions` (or `script`), and its house, open."""
    kinds = {number: fault if isinstance(fault, str) else fault.kind for number, fault in (faults or {}).items()}
    project(folder, files)
    with ScriptedModel(script or Story(sessions, kinds), faults=faults) as model:
        write_files(folder, {"setpoint.toml": settings(model.root, config, gate=gate)})
        commit_all(folder, "setpoint init")
        stage = Playing(folder, await House.open(folder), model)
        try:
            yield stage
        finally:
            await stage.house.close()


Play = Callable[..., AbstractAsyncContextManager[Playing]]


# -- the command line, in a process of its own -------------------------------------------------------------------------


def cli(folder: Path, *words: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """`setpoint WORDS` in `folder`, off a terminal, with nothing of this process's keys."""
    clean = {name: value for name, value in os.environ.items() if not name.endswith(("_API_KEY", "_BASE_URL"))}
    return subprocess.run(
        [sys.executable, "-m", "setpoint.cli", *words],
        cwd=folder,
        env={**clean, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def documents(done: subprocess.CompletedProcess[str]) -> Any:
    """The one JSON document on standard output."""
    return json.loads(done.stdout)


def what(objections: Iterable[Objection]) -> str:
    """Their words, together."""
    return "\n".join(f"{objection.what} ({objection.cause})" for objection in objections)


def merged(folder: Path, path: str) -> str:
    """A file as it is on the forge's main."""
    return git(folder, "--git-dir=.setpoint/forge.git", "show", f"main:{path}")
