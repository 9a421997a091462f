"""`setpoint check`: the whole judgement of any change, made by anybody, without a run and without a model."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from ..config import POLICY_FILE, parse, parse_policy
from ..errors import UsageError
from ..model.evidence import GateResult, Outcome
from ..model.gate import day_of
from ..model.judgement import Judgement, Waived, Waiver
from ..model.objection import Objection
from ..model.record import digest_of
from ..model.settings import Config

if TYPE_CHECKING:
    from ..pipeline.lab import Lab
    from ..policy.decide import Policy
    from ..ports import Archive

WORKING_TREE = "working tree"


class Repository(Protocol):
    """The user's own repository, as far as a judgement needs it."""

    async def resolve(self, revision: str, kind: str = "commit") -> str:
        """The commit or tree that `revision` names. Raises RepositoryError."""
        ...

    async def fork(self, base: str, head: str) -> str:
        """The commit where `head` left `base`; empty when they have none in common here."""
        ...

    async def snapshot(self) -> str:
        """The tree of the working tree as it is."""
        ...

    async def show(self, commit: str, path: str) -> str | None:
        """A file's text at a commit; None when it is not there."""
        ...

    async def person(self) -> str:
        """Who works here."""
        ...


@dataclass(frozen=True)
class Asked:
    """What is to be judged, and by what words of the person who asks."""

    base: str
    head: str = ""
    """Empty: the working tree as it is."""
    ticket: str = ""
    """The ticket's text; empty: there is none."""
    ticket_name: str = ""
    waive: Sequence[str] = ()
    """`RULE` or `RULE:PATH` each."""
    reason: str = ""
    quick: bool = False


@dataclass(frozen=True)
class Sides:
    """Both sides of the change as git knows them."""

    base: str
    """Commit whose policy and waivers count."""
    fork: str
    """Commit the change is measured from."""
    base_tree: str
    head: str
    head_tree: str
    notes: tuple[str, ...] = ()


async def sides(asked: Asked, repository: Repository) -> Sides:
    """Where the change begins and ends. Raises RepositoryError."""
    named = asyncio.gather(repository.resolve(asked.base), repository.resolve(asked.head or "HEAD"))
    if asked.head:
        base, at = await named
        tree = await repository.resolve(at, "tree")
    else:
        (base, at), tree = await asyncio.gather(named, repository.snapshot())
    left = await repository.fork(base, at)
    fork = left or base
    notes = () if left == base else (_measured_from(asked.base, left),)
    head = at if asked.head else WORKING_TREE
    return Sides(base, fork, await repository.resolve(fork, "tree"), head, tree, notes)


def _measured_from(base: str, left: str) -> str:
    if left:
        return f"{base} has moved on: measured from {left[:12]}, where the change left it"
    return (
        f"no commit is shared with {base} here: measured from {base} as it is, and what it got meanwhile looks taken "
        "back; in a shallow clone, `git fetch --unshallow` first"
    )


async def base_config(commit: str, repository: Repository) -> Config | None:
    """The configuration on a commit; None when it has none."""
    own, shared = await asyncio.gather(*(repository.show(commit, name) for name in ("setpoint.toml", "pyproject.toml")))
    if own is not None:
        return parse(own, "setpoint.toml")
    if shared and "[tool.setpoint" in shared:
        return parse(shared, "pyproject.toml")
    return None


async def check(
    asked: Asked,
    where: Sides,
    repository: Repository,
    config: Config,
    archive: "Archive",
    mark: str,
    lab: "Callable[[], Lab]",
) -> Judgement:
    """One verdict on the change, from `archive` where it was found out before in the surroundings called `mark`. Raises
    ConfigError and UsageError for words that cannot be used."""
    started = time.monotonic()
    said = await _waivers(asked, where, repository)
    policy, declared = await _of_ticket(asked, where, repository, config) if asked.ticket else (None, ())
    told = {
        "gates": {name: gate.digest() for name, gate in config.gates.items()},
        "checks": config.checks.digest(),
        "day": day_of(config.gates),
    }
    terms_of = {**told, "quick": asked.quick, "boundaries": policy and policy.digest(), "said": declared}
    trees = [where.base_tree, where.head_tree]
    key = digest_of({"judgement": trees, **terms_of, "in": mark})
    found = archive.find(key)
    if found is None:
        from .finding_out import Words, found_out

        found = await found_out(where.base_tree, where.head_tree, config, Words(policy, declared, asked.quick), lab())
        found["seconds"] = round(time.monotonic() - started, 3)
        if _settled(found):
            archive.keep(key, found)
    judgement = _judgement(found, where, said)
    if asked.quick and judgement.waived and not any(objection.blocks for objection in judgement.objections):
        # What stopped it early is accepted: all that it left out for that is still to be judged.
        return await check(replace(asked, quick=False), where, repository, config, archive, mark, lab)
    return judgement


def acceptable(objection: Objection) -> bool:
    """Whether a person may accept what `objection` minds."""
    from ..gates.waivers import never

    return not never(objection)


def _settled(found: Mapping[str, Any]) -> bool:
    """Whether nothing of it must be tried again."""
    return all(result["outcome"] != Outcome.REFUSED.value for result in found["results"])


# -- people's words ----------------------------------------------------------------------------------------------------


async def _of_ticket(
    asked: Asked, where: Sides, repository: Repository, config: Config
) -> "tuple[Policy, tuple[str, ...]]":
    """What the ticket and the base's policy let a change do, and what the ticket's criteria say."""
    from ..model.policy import Layer
    from ..pipeline.intake import read_ticket
    from ..policy.compile import CEILING, compile_boundaries, limits_of
    from ..policy.decide import Policy
    from ..policy.rules import effective, from_settings

    layers = [Layer(whose="base: setpoint.toml", said=from_settings(config.boundaries))]
    if text := await repository.show(where.base, POLICY_FILE):
        layers.append(Layer(whose=f"base: {POLICY_FILE}", said=parse_policy(text.encode(), POLICY_FILE)))
    rules = effective(layers)
    anywhere = CEILING.model_copy(update={"paths": ("**",)})
    ticket = read_ticket(asked.ticket, name=asked.ticket_name)
    said = tuple(criterion.text for criterion in ticket.criteria)
    boundaries = compile_boundaries(rules.boundaries(), anywhere, limits_of(ticket.boundaries))
    return Policy(boundaries=boundaries, rules=rules), said


async def _waivers(asked: Asked, where: Sides, repository: Repository) -> tuple[Waiver, ...]:
    text = await repository.show(where.base, ".setpoint/waivers.toml")
    said: tuple[Waiver, ...] = ()
    if text:
        from ..gates.waivers import read_waivers

        said = read_waivers(text)
    if asked.waive and not asked.reason.strip():
        raise UsageError("a waiver needs its reason", fix="--waive RULE --reason 'why it is accepted'")
    if not asked.waive:
        return said
    by, today = await repository.person(), datetime.now(UTC).date()
    own = [word.partition(":") for word in asked.waive]
    if any("/" not in rule for rule, _, _ in own):
        raise UsageError("a waiver names a rule as `check/rule`", fix="the verdict prints each objection's rule")
    made = [Waiver(rule=rule, path=path or "**", reason=asked.reason, by=by, until=today) for rule, _, path in own]
    return (*made, *said)


def _judgement(found: Mapping[str, Any], where: Sides, waivers: Sequence[Waiver]) -> Judgement:
    raised = [Objection.model_validate(entry) for entry in found["objections"]]
    standing: tuple[Objection, ...] = tuple(raised)
    waived: tuple[Waived, ...] = ()
    if waivers and raised:
        from ..gates.waivers import split

        standing, waived = split(raised, waivers, datetime.now(UTC).date())
    order = {"high": 0, "medium": 1, "low": 2}
    return Judgement(
        base=where.fork,
        head=where.head,
        tree=where.head_tree,
        results=tuple(GateResult.model_validate(entry) for entry in found["results"]),
        objections=tuple(sorted(standing, key=lambda objection: order[objection.severity.value])),
        waived=waived,
        optional=tuple(found["optional"]),
        skipped=tuple(found["skipped"]),
        notes=(*where.notes, *found["notes"]),
        seconds=found["seconds"],
        at=datetime.fromisoformat(found["at"]),
    )
