"""One repository as a person uses it: runs are started and carried, shown and ended. Every face goes through here."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .adapters.repository import UserRepository
from .beginning import initialised, services_missing, uncommitted
from .errors import ParkedError, SetpointError
from .model.run import Run, State, Waits
from .model.settings import Config
from .premises import Premises

if TYPE_CHECKING:
    from .engine.worker import Worker
    from .model.approval import Point
    from .model.run import Event
    from .model.ticket import Kind
    from .model.trial import Trial
    from .pipeline.intake import Gap
    from .service.approvals import Bundle
    from .service.contexts import ContextView
    from .service.doctor import Check
    from .service.epic import Child
    from .service.halting import Switch
    from .service.origin import Origin
    from .service.policies import PolicyView
    from .service.starting import Started
    from .service.views import PlanView, RunView, Stopped

Tell = Callable[["Event"], None]

KEPT = timedelta(days=7)
"""How long the engine keeps finished jobs; the journal keeps what they did."""


class House(Premises):
    """What a person can do there."""

    def __init__(self, repository: UserRepository, config: Config) -> None:
        super().__init__(repository, config)
        self._worker: Worker | None = None
        self._mine: set[str] = set()

    # -- carrying -----------------------------------------------------------------------------------------------

    def open_queue(self) -> None:
        """Open the engine, which makes its tables in a transaction of its own and never inside one of ours. Until this
        process carries runs itself, what is enqueued is for `setpoint worker`."""
        from .engine.port import SHARED

        self.jobs.queue = SHARED

    async def submit(
        self,
        text: str,
        *,
        name: str,
        kind: "Kind | None",
        detach: bool,
        child: "Child | None" = None,
        origin: "Origin | None" = None,
        checking: Callable[[], None] = lambda: None,
    ) -> "Started":
        """Start a run; in the foreground its jobs are this process's own. `checking` is called once nothing is left to
        look at but the base's gates."""
        self.switch.allow()
        if detach:
            self.open_queue()
        else:
            await self._foreground()
        started = await self.starts.submit(text, name=name, kind=kind, child=child, origin=origin, checking=checking)
        self._mine.add(started.run.id)
        return started

    @property
    def switch(self) -> "Switch":
        """The kill switch of this repository."""
        from .service.halting import Switch

        return Switch(self.state)

    def _halted(self) -> ParkedError | None:
        return self.switch.refusal() if self.switch.on() else None

    @classmethod
    async def halt(cls, folder: Path, because: str) -> None:
        """Put the kill switch where it belongs: with a configuration or a database that cannot be read, too."""
        from .service.halting import Switch

        repository = await UserRepository.around(folder)
        by, at = await repository.person(), datetime.now(UTC).isoformat(timespec="seconds")
        words = f"{by} stopped it at {at}" + (f": {because}" if because else "")
        Switch(Path(repository.root) / ".setpoint").throw(words)

    async def stop(self, because: str) -> "Stopped":
        """End every session, gate and command that a run has under way: at once on this machine, within a second on
        every other that works on the same database. What they wrote is saved when their runs go on."""
        from .levels import clear_sandboxes
        from .service.halting import end_workers, stopped

        await self.halt(self.root, because)
        by = await self.repository.person()
        self.open_queue()
        paused = [self.commands.halt(run, by, because) for run in self.store.runs(active=True)]
        killed = await asyncio.to_thread(end_workers, self.jobs.workers)
        await asyncio.to_thread(clear_sandboxes, self.config)
        return stopped([run for run in paused if run], killed, self.switch)

    async def _foreground(self) -> None:
        self.switch.allow()
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
                halted=self._halted,
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

        self.switch.allow()
        worker = Worker(
            self.jobs,
            {JOB: self._job},
            concurrency=self.config.concurrency,
            on_crash=self._crashed,
            halted=self._halted,
        )
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
        from .startup import import_ahead

        import_ahead()
        run = self.store.run(args["run"])
        moved = await carry(self.bench(self.pinned(run)), run.id, args["serial"])
        # Also when nothing was left to do: whoever moved the run may have died before it wrote the file.
        self.write_progress(moved or self.store.run(run.id))

    def _crashed(self, key: str, args: dict[str, Any], error: BaseException) -> None:
        from .pipeline.carry import crashed

        run = self.store.run(args["run"])
        crashed(self.bench(self.pinned(run)), run.id, error)

    def write_progress(self, run: Run) -> Run:
        """Bring the progress.json of `run` up to date, where it rests also what it teaches; and give the run."""
        from .service.export import write_progress

        # A full disk must not stop the run for an export of what the store holds.
        with contextlib.suppress(OSError):
            write_progress(self.store, run, self.state / "runs" / run.id)
        if run.position.state is not State.RUNNING:
            from .service.lessons import harvest

            harvest(self.store, run)
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

    async def plan(self, text: str, *, name: str, kind: "Kind | None", origin: "Origin | None" = None) -> "PlanView":
        """What a run would do; no model call."""
        from .service.preview import preview

        _, base = await self.repository.base(self.config.project.base)
        seams = (self.bench, self.config, self.sign_ins)
        view = await preview(*seams, base, self.root, text, name=name, kind=kind, origin=origin)
        halts = [f"a run does not start: {why.what}; {why.fix}" for why in await uncommitted(self.repository)]
        return view.model_copy(update={"warnings": (*halts, *view.warnings, *services_missing(self.config))})

    def children(self, epic: Run) -> "tuple[Child, ...]":
        """An epic's tickets with their runs, in their order."""
        from .service.epic import children

        return children(self.store, epic)

    def gaps(self, text: str, *, name: str, kind: "Kind | None") -> tuple["Gap", ...]:
        """What the author of a ticket could still say before it starts; of a defect the diagnosis finds it out."""
        from .model.ticket import Kind
        from .pipeline.intake import askable, read_ticket, require_concrete

        ticket = read_ticket(text, name=name, kind=kind)
        require_concrete(ticket)
        return () if ticket.kind is Kind.HOTFIX else askable(ticket)

    def header(self, run: Run) -> list[str]:
        """What a person must know of a run's configuration: containment, independence, replay, sensitivity."""
        from .levels import layers_missing
        from .service.feedback import feedback_gaps, gap_lines, profile_line
        from .service.header import header

        config = self.pinned(run)
        told = [*profile_line(config, run.ticket), *gap_lines(feedback_gaps(config, run.ticket, self.root))]
        return [*header(config, layers_missing(config), self.sign_ins(config)[1]), *services_missing(config), *told]

    async def diff(self, run: Run) -> str:
        """The change so far, against the base of the present cycle."""
        workspace = await self.ground(run).workspace()
        return await workspace.diff(run.base)

    async def shown(self, run: Run) -> list[str]:
        """What a person is shown at a decision."""
        from .service.shown import shown

        return await shown(self.ground(run))

    async def inspects(self, run: Run) -> "tuple[Point, ...]":
        """What of a change a person must have inspected to say yes now; nothing at other decisions."""
        from .pipeline.counting import trusted

        if (run.position.stage, run.position.waits) != ("change", Waits.DECISION):
            return ()
        return (await trusted(self.ground(run))).approvals.inspection

    def workspace_path(self, run: Run) -> Path:
        """The run's worktree on the host."""
        return self.root / self.view(run).workspace

    def known(self, prefix: str) -> bool:
        """Whether a run's id begins so."""
        return bool(prefix) and any(run.id.startswith(prefix) for run in self.store.runs())

    async def context(self, phase: str, *, run: str = "", text: str = "", name: str = "") -> "ContextView":
        """The first request of a phase: of a run, of a ticket that has none yet, or of no ticket at all."""
        from .service.contexts import context_view, preview
        from .trying import tools_of

        if run:
            return await context_view(self.ground(self.store.run(run)), phase, tools_of)
        _, base = await self.repository.base(self.config.project.base)
        made = preview(text, name=name, phase=phase, repository=self.repository.root, base=base)
        return await context_view(self.ground(made), phase, tools_of)

    async def policy(self, *, run: str = "", text: str = "", name: str = "") -> "PolicyView":
        """What a run may do, what one of a ticket could, or any that starts now."""
        from .service.policies import of_base, of_run

        if run:
            return of_run(self.ground(self.store.run(run)))
        _, base = await self.repository.base(self.config.project.base)
        return await of_base(self.bench(self.config), base, text, name, self.root)

    async def try_models(self, names: Sequence[str]) -> "list[Trial]":
        """One tiny request to each of the models `names`, or to all that are configured. Raises UsageError."""
        from .trying import tried

        return await tried(self.config, names)

    async def export(self, run: Run, form: str) -> dict[str, Any]:
        """A run in an open format."""
        from .service.export import export

        return await export(self.ground(run), form)

    async def approvals(self, run: Run) -> "Bundle":
        """All answers of a run, as a bundle that can be verified elsewhere."""
        from .service.approvals import bundle

        return await bundle(self.ground(run))

    def approval_key(self) -> tuple[str, Path]:
        """The public half of the key that answers are signed with, made when there is none, and its folder."""
        from .parts import signer

        ring = signer(self.root, self.config, self.keys)
        return ring.ready(), ring.folder

    # -- without a run ------------------------------------------------------------------------------------------

    async def init(self, *, replace: bool, tell: Callable[[str], None]) -> dict[str, Any]:
        """Find the repository's commands, run them on the base, write what ran green."""
        return await initialised(self.config, self.repository, self.bench, replace=replace, tell=tell)

    async def doctor(self) -> Sequence["Check"]:
        """What a run needs here."""
        from .engine.database import describe
        from .levels import sandboxed
        from .parts import blocked, examined, signer
        from .pipeline.prompts import prompt
        from .pipeline.team_prompts import words_at
        from .service import doctor
        from .service.check import base_config
        from .service.gates import kept_proofs
        from .service.proofs import checked
        from .service.readiness import bootstrap, production

        config, ci = self.config, Config()
        found = [doctor.git(await self.repository.version()), doctor.disk(self.root)]
        try:
            found += doctor.database(describe(self.database_url))
        except SetpointError as error:
            found.append(doctor.trouble("database", error))
        found += [*sandboxed(config), doctor.browser(config.sandbox.env), *self.agents()]
        try:
            _, base = await self.repository.base(config.project.base)
            ci = await base_config(base, self.repository) or ci
            found += [doctor.trouble("base", why) for why in await uncommitted(self.repository)]
            found += await examined(self.bench(config), base, await self.repository.tree(base))
            found += await blocked(self.bench(config), self.root, base)
            found += await bootstrap(self.bench(config).workspaces, config, base)
            found += doctor.decoration(kept_proofs(self.store), config)
            found += doctor.providers(self.store, datetime.now(UTC))
            words = await words_at(self.bench(config), base, prompt("review"))
            found += checked(self.store, config, datetime.now(UTC), words.sha256)
        except SetpointError as error:
            found.append(doctor.trouble("base", error))
        try:
            own = signer(self.root, config, self.keys).own()
            found.append(doctor.approvals(ci, config.sandbox.level, own))
        except SetpointError as error:
            found.append(doctor.trouble("approvals", error))
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
