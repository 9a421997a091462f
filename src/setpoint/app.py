"""The composition root: the one place where parts are chosen. `House` is one repository with its store and engine."""

import asyncio
import contextlib
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .adapters.repository import UserRepository
from .config import load, with_environment, with_models
from .errors import SetpointError
from .model.run import Run, State
from .model.settings import IGNORED_UNASKED, Config

if TYPE_CHECKING:
    from .adapters.store import SqlStore
    from .engine.jobs import Jobs
    from .engine.worker import Worker
    from .judging import Judging
    from .model.evidence import GateResult
    from .model.run import Event
    from .model.ticket import Kind
    from .pipeline.bench import Bench, Ground
    from .pipeline.intake import Gap
    from .ports import Looking
    from .service.commands import Commands
    from .service.doctor import Check
    from .service.starting import Started, Starts
    from .service.telling import Telling
    from .service.views import PlanView, RunView

Tell = Callable[["Event"], None]

KEPT = timedelta(days=7)
"""How long the engine keeps finished jobs; the journal keeps what they did."""


class House:
    """One repository: its configuration, store, engine, and all that a person can do there."""

    def __init__(self, repository: UserRepository, config: Config) -> None:
        self.repository = repository
        self.root = Path(repository.root)
        self.state = self.root / ".setpoint"
        self.config = config
        self._benches: dict[str, Bench] = {}
        self._worker: Worker | None = None
        self._mine: set[str] = set()

    @classmethod
    async def open(cls, folder: Path) -> "House":
        """The house of the repository around `folder`. Raises RepositoryError, ConfigError."""
        repository = await UserRepository.around(folder)
        return cls(repository, load(Path(repository.root)))

    def choose_models(self, choices: Sequence[str]) -> None:
        """Move phases to other models for what is started from here on: `PHASE=MODEL` each."""
        if choices:
            self.config = with_models(self.config, choices)

    # -- parts --------------------------------------------------------------------------------------------------

    @cached_property
    def jobs(self) -> "Jobs":
        """The engine's port."""
        from .engine.jobs import Jobs

        self._private_folder()
        return Jobs(self.database_url)

    @cached_property
    def store(self) -> "SqlStore":
        """All that is durable."""
        from .adapters.store import SqlStore
        from .parts import redactor

        self._private_folder()
        return SqlStore(self.database_url, redact=redactor(self.config, os.environ), fence=self._fence)

    @cached_property
    def looking(self) -> "Looking":
        """The runs and their journals, for commands that show nothing else: quick to open."""
        from .adapters.glance import Glance

        there = None if self.config.database_url or "store" in self.__dict__ else Glance.at(self.state / "setpoint.db")
        return there or self.store

    def _fence(self, connection: Any) -> None:
        # Only a process that carries jobs can have lost its lease; others need no engine to write.
        if "jobs" in self.__dict__:
            self.jobs.fence(connection)

    @property
    def database_url(self) -> str:
        """The team's PostgreSQL, or the file below `.setpoint`."""
        return self.config.database_url or f"sqlite:///{self.state / 'setpoint.db'}"

    def _private_folder(self) -> None:
        self.state.mkdir(exist_ok=True)
        ignore = self.state / ".gitignore"
        if not ignore.exists():
            ignore.write_text(IGNORED_UNASKED, encoding="utf-8")

    @cached_property
    def commands(self) -> "Commands":
        """All a user can do."""
        from .service.commands import Commands

        return Commands(
            store=self.store,
            repository=self.repository,
            bench=self.bench,
            config=self.config,
            pinned=self.pinned,
            now=lambda: datetime.now(UTC),
        )

    @property
    def starts(self) -> "Starts":
        """How runs start here."""
        from .service.starting import Starts

        return Starts(
            store=self.store,
            repository=self.repository,
            bench=self.bench,
            config=self.config,
            baseline=self._baseline,
            now=lambda: datetime.now(UTC),
        )

    @cached_property
    def judging(self) -> "Judging":
        """The part that judges."""
        from .judging import Judging

        self._private_folder()
        return Judging(self.repository, self.state, lambda: self.bench(self.config))

    def pinned(self, run: Run) -> Config:
        """The configuration a run was started with, its secrets from this process's configuration and environment."""
        from .service.kept import restored

        kept = self.store.recall(run.id, "config")
        return with_environment(restored(kept, self.config), os.environ) if kept else self.config

    def bench(self, config: Config) -> "Bench":
        """All seams under one configuration."""
        mark = config.digest()
        if mark not in self._benches:
            from .parts import assemble

            self._benches[mark] = assemble(self.root, self.state, config, self.store, self._enqueue)
        return self._benches[mark]

    def _enqueue(self, connection: Any, job: str, key: str, args: dict[str, Any]) -> None:
        self.jobs.enqueue(connection, job, key, args)

    def ground(self, run: Run) -> "Ground":
        """A run on its bench."""
        return self.commands.ground(run)

    @cached_property
    def telling(self) -> "Telling":
        """What of the journals was told."""
        from .service.telling import Telling

        return Telling(self.store)

    # -- carrying -----------------------------------------------------------------------------------------------

    def open_queue(self) -> None:
        """Open the engine, which makes its tables in a transaction of its own and never inside one of ours. Until this
        process carries runs itself, what is enqueued is for `setpoint worker`."""
        from .engine.port import SHARED

        self.jobs.queue = SHARED

    async def submit(
        self, text: str, *, name: str, kind: "Kind | None", detach: bool, checking: Callable[[], None] = lambda: None
    ) -> "Started":
        """Start a run; in the foreground its jobs are this process's own. `checking` is called once nothing is left to
        look at but the base's gates."""
        if detach:
            self.open_queue()
        else:
            await self._foreground()
        started = await self.starts.submit(text, name=name, kind=kind, checking=checking)
        self._mine.add(started.run.id)
        return started

    async def _foreground(self) -> None:
        if self._worker is None:
            from .engine.worker import Worker
            from .pipeline.carry import JOB

            self._worker = Worker(
                self.jobs,
                {JOB: self._job},
                private=True,
                concurrency=1,
                mine=lambda key: key.split(":")[0] in self._mine,
                on_crash=self._crashed,
            )
            await self._worker.start()

    async def carry(self, run_id: str, tell: Tell) -> Run:
        """Carry one run here until it rests, telling what happens."""
        self._mine.add(run_id)
        await self._foreground()
        assert self._worker is not None
        self._claim(run_id)
        follower = asyncio.create_task(self.telling.follow(run_id, tell))
        try:
            await self._worker.run_until(lambda: self.rests(run_id))
        finally:
            follower.cancel()
            await asyncio.gather(follower, return_exceptions=True)
            self.telling.rest(run_id, tell)
        return self.write_progress(self.store.run(run_id))

    def _claim(self, run_id: str) -> None:
        """Make this process carry the run, unless a living worker has its job: then this process only watches."""
        from .engine.port import JobState
        from .pipeline.carry import JOB, job_key

        run = self.store.run(run_id)
        if run.position.state is not State.RUNNING:
            return
        living = {worker.queue: worker for worker in self.jobs.workers() if worker.state == "live"}
        held = self.jobs.list(job_key(run), (JobState.QUEUED, JobState.RUNNING))
        if any(job.queue in living for job in held):
            return
        # The old job, wherever it waits, finds the serial moved on and does nothing.
        with self.store.transaction() as tx:
            moved = tx.move(run, run.position, "carried on here")
            if moved is not None:
                self._enqueue(tx.connection, JOB, job_key(moved), {"run": moved.id, "serial": moved.position.serial})
        for job in held:
            self.jobs.cancel(job.key)

    async def work(self, tell: Tell, *, once: bool = False) -> None:
        """Carry every queued run until interrupted; with `once` until none is under way."""
        from .engine.worker import Worker
        from .pipeline.carry import JOB

        worker = Worker(self.jobs, {JOB: self._job}, concurrency=self.config.concurrency, on_crash=self._crashed)
        self.jobs.clear(datetime.now(UTC) - KEPT)
        async with worker:
            follower = asyncio.create_task(self.telling.follow("", tell))
            try:
                await worker.run_until(
                    lambda: once and not any(r.position.state is State.RUNNING for r in self.store.runs(active=True))
                )
            finally:
                follower.cancel()
                await asyncio.gather(follower, return_exceptions=True)
                self.telling.all_rest(tell)

    async def _job(self, key: str, args: dict[str, Any]) -> None:
        from .pipeline.carry import carry

        run = self.store.run(args["run"])
        moved = await carry(self.bench(self.pinned(run)), run.id, args["serial"])
        # Also when nothing was left to do: whoever moved the run may have died before it wrote the file.
        self.write_progress(moved or self.store.run(run.id))

    def _crashed(self, key: str, args: dict[str, Any], error: BaseException) -> None:
        from .pipeline.carry import crashed

        run = self.store.run(args["run"])
        crashed(self.bench(self.pinned(run)), run.id, error)

    def write_progress(self, run: Run) -> Run:
        """Bring the progress.json of `run` up to date, and give the run."""
        from .service.export import write_progress

        # A full disk must not stop the run for an export of what the store holds.
        with contextlib.suppress(OSError):
            write_progress(self.store, run, self.state / "runs" / run.id)
        return run

    # -- seeing -------------------------------------------------------------------------------------------------

    def view(self, run: Run) -> "RunView":
        """A run, whole."""
        from .service.queries import view

        return view(self.ground(run))

    async def ticket(self, words: str) -> tuple[str, str]:
        """The ticket's text and name: of a file, of `-` (standard input), or the words themselves."""
        from .adapters.trackers.files import FileTracker, names_file

        if names_file(words):
            return await FileTracker().fetch(words), "" if words.startswith(("-", "/dev/")) else Path(words).stem
        return words, ""

    def plan(self, text: str, *, name: str, kind: "Kind | None") -> "PlanView":
        """What a run would do; no model call."""
        from .service.estimate import plan_view
        from .service.starting import read

        ticket, chosen, because = read(text, name=name, kind=kind, requires=self.config.intake.requires)
        return plan_view(self.config, ticket, chosen, because)

    def gaps(self, text: str, *, name: str, kind: "Kind | None") -> tuple["Gap", ...]:
        """What the author of a ticket could still say before it starts; of a defect the diagnosis finds it out."""
        from .model.ticket import Kind
        from .pipeline.intake import askable, read_ticket, require_concrete

        ticket = read_ticket(text, name=name, kind=kind)
        require_concrete(ticket)
        return () if ticket.kind is Kind.HOTFIX else askable(ticket)

    def header(self) -> list[str]:
        """What a person must know before a run of this configuration: containment, independence, replay."""
        from .parts import header

        return header(self.config)

    async def diff(self, run: Run) -> str:
        """The change so far, against the base of the present cycle."""
        workspace = await self.ground(run).workspace()
        return await workspace.diff(run.base)

    async def shown(self, run: Run) -> list[str]:
        """What a person is shown at a decision."""
        from .service.shown import shown

        return await shown(self.ground(run))

    def workspace_path(self, run: Run) -> Path:
        """The run's worktree on the host."""
        return self.root / self.view(run).workspace

    def costs(self, prefix: str) -> dict[str, Any]:
        """What was spent, by run, phase, role and model."""
        from .service.costs import costs

        return costs(self.store, [self.store.run(prefix)] if prefix else list(self.store.runs()))

    def export(self, run: Run, form: str) -> dict[str, Any]:
        """A run in an open format."""
        from .service.export import export

        return export(self.ground(run), form)

    # -- without a run ------------------------------------------------------------------------------------------

    async def init(self, *, replace: bool, tell: Callable[[str], None]) -> dict[str, Any]:
        """Find the repository's commands, run them on the base, write what ran green."""
        from .parts import initialised

        _, base = await self.repository.base(self.config.project.base)
        tree = await self.repository.tree(base)
        return await initialised(self.bench(self.config), self.root, base, tree, replace=replace, tell=tell)

    async def _baseline(self, bench: "Bench", base: str) -> tuple["GateResult", ...]:
        from .parts import on_base

        return await on_base(bench, base, await self.repository.tree(base))

    async def doctor(self) -> Sequence["Check"]:
        """What a run needs here."""
        from .engine.database import describe
        from .parts import examined, kept_proofs, sandboxed
        from .service import doctor
        from .service.check import base_config
        from .service.readiness import bootstrap, production

        config, ci = self.config, Config()
        found = [doctor.git(await self.repository.version()), doctor.disk(self.root)]
        try:
            found += doctor.database(describe(self.database_url))
        except SetpointError as error:
            found.append(doctor.trouble("database", error))
        found += sandboxed(config)
        try:
            _, base = await self.repository.base(config.project.base)
            ci = await base_config(base, self.repository) or ci
            found += await examined(self.bench(config), base, await self.repository.tree(base))
            found += await bootstrap(self.bench(config).workspaces, config, base)
            found += doctor.decoration(kept_proofs(self.store), config)
        except SetpointError as error:
            found.append(doctor.trouble("base", error))
        return [*found, *doctor.models(config), *production(config, ci.gates)]

    def rests(self, run_id: str) -> bool:
        """Whether nothing carries the run on by itself."""
        return self.looking.run(run_id).position.state is not State.RUNNING

    async def close(self) -> None:
        """Stop carrying and let go of the database."""
        if self._worker is not None:
            await self._worker.stop()
        for part in ("looking", "store", "jobs"):
            if part in self.__dict__:
                self.__dict__[part].close()
