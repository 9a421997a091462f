"""How a run starts: everything that could stop it later is looked at before anything is written."""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from ..errors import BusyError, RepositoryError, TicketError
from ..gates.auditors import require_decided
from ..gates.baseline import require_green
from ..gates.composed import composed
from ..gates.tests_gate import tests_gate
from ..model.evidence import GateResult
from ..model.money import Forecast
from ..model.policy import Layer
from ..model.record import digest_of
from ..model.run import Position, Run
from ..model.session import Role
from ..model.settings import Config
from ..model.ticket import Kind, Ticket
from ..pipeline.bench import PERSON, Bench, Ground
from ..pipeline.carry import JOB, job_key
from ..pipeline.context import rules_there
from ..pipeline.judging import under_policy
from ..pipeline.kept import without_secrets
from ..pipeline.models import choose_models
from ..pipeline.policies import layers_here, remember
from ..pipeline.prompts import prompt
from ..pipeline.sensitivity import in_house, require_in_house, sensitive_because
from ..pipeline.standing import ESTIMATE
from ..pipeline.team_prompts import team_prompts_there, words_at
from ..pipeline.trust import let_go
from ..policy.containment import require_contained
from ..policy.digest import policy_digest
from ..policy.rules import effective
from ..ports import Store, Transaction
from .composing import with_compose
from .epic import Child, unmet
from .estimate import require_priced, told_before
from .feedback import narrowed_to
from .forecast import forecast
from .guidance import configuration_alone
from .origin import NOTHING, Origin, begins, on_record, opened, require_fitting
from .proofs import require_proved
from .signing import named_here


class Repository(Protocol):
    """The user's own repository, as far as a run's start needs it."""

    async def base(self, configured: str) -> tuple[str, str]:
        """Branch and commit a run starts from. Raises RepositoryError."""
        ...

    async def dirty(self) -> Sequence[str]:
        """Tracked files with uncommitted changes."""
        ...

    async def person(self) -> str:
        """Who works here."""
        ...

    root: str


@dataclass(frozen=True)
class Started:
    """A run that stands in the store, its first job enqueued."""

    run: Run
    baseline: tuple[GateResult, ...]
    forecast: Forecast | None
    """What it is said to cost; None without models."""
    warnings: tuple[str, ...]
    """What a person should know of money and models."""


Baseline = Callable[[Bench, str], Awaitable[tuple[GateResult, ...]]]
"""Runs the gates on a commit of the untouched base; known results are not run again."""

BY_PERSON = ("discovery", "tech_spec", "planning", "diagnosis", "split", "tests", "implementation")
"""Phases that a person may do."""
STARTING = "starting a run"
"""Processes that start runs pass here one by one."""


def read(
    text: str,
    *,
    name: str = "",
    kind: Kind | None = None,
    requires: Sequence[str] = (),
    origin: Origin | None = None,
) -> tuple[Ticket, Kind, str]:
    """The ticket, its route and why. Raises TicketError when it is too vague to be measured, or leaves out what the
    repository `requires` of a ticket."""
    ticket, chosen, because = opened(text, name=name, kind=kind, requires=requires, origin=origin or NOTHING)
    _require_doable(ticket.phases_by_person)
    return ticket, chosen, because


def _require_doable(phases: Sequence[str]) -> None:
    others = [phase for phase in phases if phase not in BY_PERSON]
    if others:
        raise TicketError(
            f"a person cannot do {', '.join(others)} in an agent's stead",
            why="a judge is independent of whoever builds, and the decision on the change is a person's anyway",
            fix=f"give one of {', '.join(BY_PERSON)} to a person, or `setpoint take` a run at any time",
        )


def require_committed(dirty: Sequence[str]) -> None:
    """Raises RepositoryError when tracked files have changes that no commit holds."""
    if dirty:
        raise RepositoryError(
            f"the working tree has uncommitted changes: {', '.join(dirty[:5])}",
            why="a run starts from a commit; what is not committed would not be part of it",
            fix="commit or stash them",
        )


def _named_by(child: Child | None, ticket: Ticket) -> Ticket:
    """The ticket of an epic's child, as the epic names it."""
    if child is None:
        return ticket
    own = {"id": child.ticket.id, "title": child.ticket.title, "parent": child.epic, "needs": child.ticket.needs}
    return ticket.model_copy(update=own)


def routed(config: Config, ticket: Ticket, inherited: str = "") -> Config:
    """`config` as it is for `ticket`: a sensitive one's has nothing outside the house, be it for the reason `inherited`
    from its epic, and one with a profile has that profile's loop. Raises ConfigError when there is no model inside the
    house, or the profile names what is not there."""
    narrowed = in_house(config, inherited or sensitive_because(config, ticket))
    require_in_house(narrowed)
    return narrowed_to(narrowed, ticket)


def _audited(config: Config, root: Path) -> Config:
    """`config` with a reason to leave packages unaudited only where they are. Raises ConfigError."""
    because = require_decided(config.gates.values(), config.checks.unaudited, root)
    checks = config.checks.model_copy(update={"unaudited": because})
    return config.model_copy(update={"checks": checks}) if because != config.checks.unaudited else config


@dataclass(frozen=True)
class Starts:
    """Runs of one repository, under its configuration as it is now."""

    store: Store
    repository: Repository
    bench: Callable[[Config], Bench]
    config: Config
    baseline: Baseline
    now: Callable[[], datetime]
    signed_in: Callable[[Config], Config]
    """The configuration, billed as its sign-ins are. Raises NotSignedInError for one that will not do."""

    async def submit(
        self,
        text: str,
        *,
        name: str = "",
        kind: Kind | None = None,
        child: Child | None = None,
        origin: Origin | None = None,
        checking: Callable[[], None] = lambda: None,
    ) -> Started:
        """Start a run: ticket, base, gates, rules, models and baseline are checked before anything is written;
        `checking` is called before the baseline, which takes time. The run of an epic's `child` knows its epic; with
        an `origin` it begins where its papers end."""
        origin = origin or NOTHING
        same: Any = {"name": name, "kind": kind, "child": child, "origin": origin, "checking": checking}
        ticket, chosen, because = read(text, name=name, kind=kind, requires=self.config.intake.requires, origin=origin)
        ticket = _named_by(child, ticket)
        config = self.signed_in(routed(self.config, ticket, self._inherited(child)))
        config = _audited(config, Path(self.repository.root))
        if config != self.config:
            return await replace(self, config=config).submit(text, **same)
        begins(chosen, origin, unasked=False)
        _require_doable([phase for phase, own in self.config.phase.items() if own.agent == PERSON])
        require_contained(self.config, chosen)
        self._in_turn(ticket)
        self._free(ticket)
        branch, _ = await self.repository.base(self.config.project.base)
        require_committed(await self.repository.dirty())
        self._models(chosen)
        tests_gate(self.config.gates)
        bench = self.bench(self.config)
        await bench.forge.ensure(branch)
        base = await bench.workspaces.fetch(branch)
        stacked = await with_compose(self.config, partial(bench.workspaces.show, base))
        composed(stacked.stack)
        if stacked != self.config:
            return await replace(self, config=stacked).submit(text, **same)
        words = await words_at(bench, base, prompt("review"))
        require_proved(self.store, self.config, self.now(), words.sha256)
        await rules_there(bench, base)
        await team_prompts_there(bench, base)
        require_fitting(ticket, origin, self.config, tuple(await bench.trees.entries(base)) if origin.papers else ())
        layers = await layers_here(bench, base)
        checking()
        results = await self.baseline(bench, base)
        require_green(results, gates=self.config.gates)
        run = await self._new(ticket, chosen, because, branch, base)
        run = run.model_copy(update={"author": await named_here(Ground(bench, run), run.author)})
        expected = self._forecast(ticket, chosen)
        run = self._create(bench, run, results, expected, layers, origin)
        warned = [*told_before(self.config, chosen, expected), *filter(None, (configuration_alone(ticket),))]
        return Started(run, tuple(results), expected, tuple(warned))

    def _in_turn(self, ticket: Ticket) -> None:
        left = unmet(self.store, self.repository.root, ticket.parent, ticket.needs)
        if left:
            raise BusyError(
                f"ticket {ticket.id} needs {', '.join(left)} first",
                why="no run of this repository has brought that to its end, and this change builds on it",
                fix="run that first; what was done without setpoint is taken out of `needs`",
            )

    def _inherited(self, child: Child | None) -> str:
        """Why the epic of `child` is sensitive: what comes of it is, too."""
        kept = self.store.recall(child.epic, "config") if child is not None else None
        return str(kept.get("sensitive", {}).get("because", "")) if kept else ""

    def _free(self, ticket: Ticket) -> None:
        for other in self.store.runs(active=True):
            same = (other.ticket.id, other.ticket.parent) == (ticket.id, ticket.parent)
            if same and other.repository == self.repository.root:
                raise BusyError(
                    f"ticket {ticket.id} already has a run: {other.id}, {other.position.state.value} at "
                    f"{other.position.stage}",
                    why="two runs of one ticket would undo each other",
                    fix=f"`setpoint show {other.id}`, or `setpoint cancel {other.id}` first",
                )

    def _models(self, kind: Kind) -> None:
        """Raises NotSignedInError without a model, ConfigError when a hard cap could not hold one."""
        if self.config.agent.kind == "replay":
            return
        choose_models(self.config, "implementation", Role.PRODUCER)
        choose_models(self.config, "planning", Role.VALIDATOR)
        require_priced(self.config, kind)

    def _forecast(self, ticket: Ticket, kind: Kind) -> Forecast | None:
        if self.config.agent.kind == "replay":
            return None
        return forecast(self.config, self.store, self.repository.root, ticket, kind)

    async def _new(self, ticket: Ticket, kind: Kind, because: str, branch: str, base: str) -> Run:
        person, now = await self.repository.person(), self.now()
        return Run(
            id="new",
            ticket=ticket,
            repository=self.repository.root,
            base_branch=branch,
            base=base,
            branch="setpoint/new",
            route_because=because,
            position=begins(kind, NOTHING, unasked=False)[0],
            owner=self.config.project.owner or person,
            author=person,
            autonomy=self.config.autonomy,
            created=now,
            updated=now,
        )

    def _named(self, run: Run) -> Run:
        name = self._free_id()
        slug = "".join(c if c.isalnum() else "-" for c in run.ticket.id.casefold()).strip("-")[:40]
        return run.model_copy(update={"id": name, "branch": f"setpoint/{name}-{slug}" if slug else f"setpoint/{name}"})

    def _free_id(self) -> str:
        taken = {run.id for run in self.store.runs()}
        while True:
            name = secrets.token_hex(2)
            if not any(other.startswith(name) or name.startswith(other) for other in taken):
                return name

    def _create(
        self,
        bench: Bench,
        run: Run,
        results: Sequence[GateResult],
        expected: Forecast | None,
        layers: Sequence[Layer],
        origin: Origin,
    ) -> Run:
        free = self.config.autonomy == "full" and let_go(self.store, run, effective(layers), "plan") is not None
        first = begins(run.position.route, origin, unasked=free)
        with self.store.transaction() as tx:
            tx.alone(STARTING)
            # Another process may have started the same ticket while the base was checked.
            self._free(run.ticket)
            run = self._named(run)
            if expected is not None:
                tx.remember(run.id, ESTIMATE, expected.model_dump(mode="json"))
            moved = self._write(tx, run, results, layers, origin, first[0])
            if first[1]:
                bench.enqueue(tx.connection, JOB, job_key(moved), {"run": moved.id, "serial": moved.position.serial})
        return moved

    def _write(
        self,
        tx: Transaction,
        run: Run,
        results: Sequence[GateResult],
        layers: Sequence[Layer],
        origin: Origin,
        begins_at: Position,
    ) -> Run:
        tx.create(run)
        first, config = run.position, without_secrets(self.config)
        tx.remember(run.id, "config", config)
        tx.remember(run.id, "baseline", {"results": [result.model_dump(mode="json") for result in results]})
        told = {"ticket": run.ticket.id, "route": first.route.value, "because": run.route_because, "base": run.base}
        because = self.config.sensitive.because
        told |= {"sensitive": because} if because else {}
        told |= {"unaudited": self.config.checks.unaudited} if self.config.checks.unaudited else {}
        tx.event(run.id, "created", first.stage, {**told, "config": digest_of(config)})
        remember(tx, run.id, first.stage, run.base, layers)
        mark = policy_digest(effective(layers))
        for result in results:
            tx.result(run.id, "baseline", under_policy(result, mark))
        on_record(tx, run.id, first.stage, origin)
        taken = f"begins at {begins_at.stage}: {', '.join(one.source for one in origin.papers)}"
        moved = tx.move(run, begins_at, taken[:500] if origin.papers else "started")
        if moved is None:
            raise BusyError(f"run {run.id} could not be started", fix="try again")
        return moved
