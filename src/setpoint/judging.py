"""The part of the house that judges: changes of anybody, and what a run's evidence is still worth."""

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from .adapters.repository import UserRepository
from .errors import RefusedError
from .model.settings import Config

if TYPE_CHECKING:
    from .adapters.archive import FileArchive
    from .adapters.worktrees import Worktrees
    from .gates.prove import Proven
    from .model.judgement import Judgement
    from .model.run import Run
    from .pipeline.bench import Bench, Ground
    from .pipeline.lab import Lab
    from .service.check import Asked
    from .service.why import Because


class Judging:
    """Judges in one repository, with rooms of its own."""

    def __init__(
        self, repository: UserRepository, state: Path, bench: Callable[[], "Bench"], database_url: str = ""
    ) -> None:
        self.repository = repository
        self.root = Path(repository.root)
        self.bench = bench
        """All seams; made when something must be kept in the store."""
        self._state = state
        self._database_url = database_url
        """The team's database, as the checkout names it."""

    async def check(self, asked: "Asked") -> "Judgement":
        """The whole judgement of a change, under the configuration of its base."""
        from .parts import code_mark
        from .service.check import base_config, check, sides

        where = await sides(asked, self.repository)
        config = await base_config(where.fork, self.repository) or Config()
        if self._database_url not in ("", config.database_url):
            raise RefusedError(
                "this checkout names another database than its base does",
                why="what the checks find would be told to whoever wrote it, and believed from there",
                fix="`setpoint check --head BRANCH` from a checkout of the base",
            )
        rooms = self._rooms(config)
        mark = f"{rooms.mark()} {code_mark()}"
        return await check(asked, where, self.repository, config, self._archive, mark, lambda: self._lab(rooms))

    async def why(self, place: str, revision: str, ground_of: "Callable[[Run], Ground]") -> "Because":
        """A line's reasons, from the record."""
        from .service.why import why

        bench = self.bench()
        return await why(place, await self.repository.resolve(revision), bench.trees, bench.store, ground_of)

    async def prove_gates(self) -> "Sequence[Proven]":
        """Whether each gate can fail."""
        from .parts import proofs

        bench = self.bench()
        _, base = await self.repository.base(bench.config.project.base)
        return await proofs(bench, await self.repository.tree(base))

    def lab(self, config: Config) -> "Lab":
        """Where changes are tried, under one configuration."""
        return self._lab(self._rooms(config))

    def _rooms(self, config: Config) -> "Worktrees":
        from .parts import part, sandbox_of

        made: Worktrees = part("workspaces", "worktrees")(self.root, self._state, sandbox_of(config), config=config)
        return made

    def _lab(self, rooms: "Worktrees") -> "Lab":
        from .parts import code_mark, part
        from .pipeline.lab import Lab

        return Lab(
            trees=part("trees", "git")(self.root),
            checkout=rooms.checkout,
            archive=self._archive,
            mark=rooms.mark(),
            code=code_mark(),
            keep=lambda output: self.bench().keep(output),
            images=part("images", "host")(),
        )

    @cached_property
    def _archive(self) -> "FileArchive":
        from .parts import part

        made: FileArchive = part("archive", "files")(self._state / "evidence")
        return made
