"""Deploys with the commands an environment names; each step is written down before it runs and after.

A repeated step whose result is written down runs nothing. One that a crash cut off runs again, so the commands of an
environment must bear being repeated.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path

from ...errors import ConfigError
from ...model.command import Command, CommandLimits, Completed, Mount
from ...model.release import Environment, Release, StepResult
from ...ports import Sandbox
from ..folders import program_path
from ..host import run_on_host
from .journal import Entry, StepJournal

Checkout = Callable[[str], AbstractAsyncContextManager[Path]]
"""A fresh folder with the files of a commit and no `.git`, gone at the end."""
Checkpoint = Callable[[str], None]
"""Told the name of each write just before it happens; crash tests die here."""

RELEASE_INSIDE = "/srv/release"
"""Where a sandboxed command finds the release's files (its working folder)."""
FILES_INSIDE = "/srv/files"
"""Where a sandboxed command finds the environment's own files."""
_OUTPUT_KEPT = 65_536
_WAIT = 60.0
_STEPS = ("deploy", "smoke", "rollback")
_CHANGES = ("deploy", "rollback")


def _no_checkpoint(_name: str) -> None:
    pass


class CommandDeployer:
    """Deployer that keeps each environment's journal and files below `state`/environments/<name>."""

    def __init__(
        self,
        state: Path,
        checkout: Checkout,
        sandbox: Sandbox,
        *,
        environ: Mapping[str, str] | None = None,
        checkpoint: Checkpoint = _no_checkpoint,
    ) -> None:
        self._state = state
        self._checkout = checkout
        self._sandbox = sandbox
        self._environ = environ or {}
        self._before = checkpoint

    def folder(self, environment: Environment) -> Path:
        """The environment's own folder; its `files` are what commands get as SETPOINT_STATE."""
        name = environment.name
        if name in (".", "..") or not all(letter.isalnum() or letter in "._-" for letter in name):
            raise ConfigError(f"{name!r} is not a usable environment name", fix="letters, digits, `-`, `_` and `.`")
        return self._state / "environments" / name

    async def current(self, environment: Environment) -> Release | None:
        return StepJournal(self.folder(environment)).current()

    async def deploy(self, environment: Environment, release: Release) -> StepResult:
        return await self._step(environment, "deploy", environment.deploy, release, source=release, among=_CHANGES)

    async def smoke(self, environment: Environment, release: Release) -> StepResult:
        return await self._step(environment, "smoke", environment.smoke, release, source=release, among=_STEPS)

    async def rollback(self, environment: Environment, to: Release | None) -> StepResult:
        """Go back to `to`. With None the failed release's own files are at hand, and SETPOINT_SHA is empty."""
        source = to or StepJournal(self.folder(environment)).deployed()
        argv = environment.rollback if source else ()
        return await self._step(environment, "rollback", argv, to, source=source, among=_STEPS)

    async def _step(
        self,
        environment: Environment,
        step: str,
        argv: tuple[str, ...],
        release: Release | None,
        *,
        source: Release | None,
        among: tuple[str, ...],
    ) -> StepResult:
        folder = self.folder(environment)
        journal = StepJournal(folder)
        async with journal.alone(environment.seconds + _WAIT):
            known = journal.finished(step, release, among)
            if known is not None:
                self._publish(folder, journal)
                return known
            self._before(f"{step} begins")
            journal.add(Entry(step=step, release=release))
            self._before(f"{step} runs")
            done = await self._run(environment, argv, release, source, journal.current())
            result = StepResult(
                environment=environment.name,
                step=step,
                ok=done.exit_code == 0,
                exit_code=done.exit_code,
                output=self._redacted(environment, done.stdout + done.stderr),
                seconds=done.seconds,
                at=datetime.now(UTC),
            )
            self._before(f"{step} ends")
            journal.add(Entry(step=step, release=release, result=result))
            self._before(f"{step} published")
            self._publish(folder, journal)
            return result

    async def _run(
        self,
        environment: Environment,
        argv: tuple[str, ...],
        release: Release | None,
        source: Release | None,
        previous: Release | None,
    ) -> Completed:
        if not argv or source is None:
            said = "nothing to run: nothing was deployed here" if source is None else "no command is configured"
            return Completed(exit_code=0 if source is None else 127, stdout=said, stderr="", seconds=0.0)
        files = self.folder(environment) / "files"
        files.mkdir(parents=True, exist_ok=True)
        told = {
            "SETPOINT_SHA": release.sha if release else "",
            "SETPOINT_TREE": release.tree if release else "",
            "SETPOINT_ENVIRONMENT": environment.name,
            "SETPOINT_PREVIOUS": previous.sha if previous else "",
            **self._passed(environment),
        }
        async with self._checkout(source.sha) as tree:
            if environment.sandbox:
                return await self._contained(environment, argv, told, tree, files)
            env = {**self._minimal(), "HOME": str(files), **told, "SETPOINT_STATE": str(files)}
            return await run_on_host(argv, tree, env, seconds=environment.seconds, output_bytes=_OUTPUT_KEPT)

    async def _contained(
        self, environment: Environment, argv: tuple[str, ...], told: dict[str, str], tree: Path, files: Path
    ) -> Completed:
        return await self._sandbox.run(
            Command(
                argv=argv,
                mounts=(
                    Mount(host=str(tree), inside=RELEASE_INSIDE, writable=True),
                    Mount(host=str(files), inside=FILES_INSIDE, writable=True),
                ),
                cwd=RELEASE_INSIDE,
                env={**told, "SETPOINT_STATE": FILES_INSIDE},
                limits=CommandLimits(seconds=environment.seconds, output_bytes=_OUTPUT_KEPT),
            )
        )

    def _minimal(self) -> dict[str, str]:
        return {"PATH": program_path(self._environ), "LC_ALL": "C.UTF-8"}

    def _passed(self, environment: Environment) -> dict[str, str]:
        return {name: self._environ[name] for name in environment.env if name in self._environ}

    def _redacted(self, environment: Environment, output: str) -> str:
        for name, value in self._passed(environment).items():
            if len(value) >= 4:
                output = output.replace(value, f"[{name}]")
        return output

    def _publish(self, folder: Path, journal: StepJournal) -> None:
        """Bring `current.json`, which people and scripts read, up to date with the journal."""
        place = folder / "current.json"
        current = journal.current()
        if current is None:
            place.unlink(missing_ok=True)
            return
        text = current.model_dump_json(indent=1)
        if not place.is_file() or place.read_text(encoding="utf-8") != text:
            aside = place.with_suffix(".new")
            aside.write_text(text, encoding="utf-8")
            aside.replace(place)
