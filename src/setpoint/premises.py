"""The composition root: one repository with its configuration, store, engine and seams, each made when first wanted."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from .adapters.repository import UserRepository
from .config import load, with_environment, with_models
from .errors import SetpointError
from .model.run import Run
from .model.settings import IGNORED_UNASKED, Config

if TYPE_CHECKING:
    from .adapters.store import SqlStore
    from .engine.jobs import Jobs
    from .judging import Judging
    from .model.evidence import GateResult
    from .pipeline.bench import Bench, Ground
    from .ports import Looking
    from .service.commands import Commands
    from .service.doctor import Check
    from .service.starting import Starts
    from .service.telling import Telling


class Premises:
    """One repository: its configuration, store, engine and seams."""

    def __init__(self, repository: UserRepository, config: Config) -> None:
        self.repository = repository
        self.root = Path(repository.root)
        self.state = self.root / ".setpoint"
        self.config = config
        self._benches: dict[str, Bench] = {}
        self.keys: Path | None = None
        """Folder of the key that answers here are signed with; None: the one in the person's own configuration."""

    @classmethod
    async def open(cls, folder: Path) -> Self:
        """The house of the repository around `folder`. Raises RepositoryError, ConfigError."""
        repository = await UserRepository.around(folder)
        config = load(Path(repository.root))
        if config.stack.compose:
            from .service.composing import on_base

            config = await on_base(config, repository)
        return cls(repository, config)

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
        from .redacting import redactor

        self._private_folder()
        return SqlStore(self.database_url, redact=redactor(self.config, os.environ, self.root), fence=self._fence)

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
            end=lambda key: self.jobs.cancel(key),
        )

    @property
    def starts(self) -> "Starts":
        """How runs start here."""
        from .service.starting import Starts
        from .signing_in import billed, used

        return Starts(
            store=self.store,
            repository=self.repository,
            bench=self.bench,
            config=self.config,
            baseline=self._baseline,
            now=lambda: datetime.now(UTC),
            signed_in=lambda config: billed(config, used(config, os.environ)),
        )

    @cached_property
    def judging(self) -> "Judging":
        """The part that judges."""
        from .judging import Judging

        self._private_folder()
        return Judging(
            self.repository, self.state, lambda: self.bench(self.config), database_url=self.config.database_url
        )

    def pinned(self, run: Run) -> Config:
        """The configuration a run was started with, its secrets from this process's configuration and environment; a
        sensitive run's has no provider outside the house."""
        from .pipeline.kept import restored
        from .pipeline.sensitivity import in_house, sensitive_because
        from .service.pinned import planned

        kept = self.store.recall(run.id, "config")
        config = with_environment(restored(kept, self.config), os.environ) if kept else self.config
        return in_house(config, sensitive_because(config, run.ticket, planned(self.store, run)))

    def agents(self) -> "list[Check]":
        """The doctor's look at agents of other makers."""
        from .signing_in import agents_here

        return agents_here(self.config)

    def sign_ins(self, config: Config) -> tuple[Config, list[str]]:
        """`config` billed as its sign-ins are, and what a person must know of them; also where one will not do."""
        from .signing_in import billed, told, used

        try:
            found = used(config, os.environ)
        except SetpointError as error:
            return config, [f"{error.what}: {error.why}; {error.fix}"]
        return billed(config, found), told(found)

    def bench(self, config: Config) -> "Bench":
        """All seams under one configuration."""
        mark = config.digest()
        if mark not in self._benches:
            from .parts import assemble

            self._benches[mark] = assemble(self.root, self.state, config, self.store, self._enqueue, self.keys)
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

    def costs(self, prefix: str) -> dict[str, Any]:
        """What was spent, by run, phase, role and model."""
        from .service.contexts import sizes
        from .service.costs import costs

        runs = [self.store.run(prefix)] if prefix else list(self.store.runs())
        return {**costs(self.store, self.config, prefix, datetime.now(UTC)), "context": sizes(self.store, runs)}

    def calibration(self) -> list[dict[str, Any]]:
        """Forecasts beside what finished runs cost."""
        from .service.costs import calibration

        return calibration(self.store, self.store.runs())

    async def _baseline(self, bench: "Bench", base: str) -> tuple["GateResult", ...]:
        from .parts import on_base

        return await on_base(bench, base, await self.repository.tree(base))
