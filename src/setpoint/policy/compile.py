"""The boundaries of a run: everybody's limits laid over each other. Each step can only narrow."""

from collections.abc import Iterable

from ..errors import DeniedError
from ..model.boundary import Boundaries
from .action import Action, ActionKind
from .decide import Ask, Deny, ruled
from .paths import NOTHING, intersect, usable, with_folders
from .rules import ALL_PACKAGES, Rules

CEILING = Boundaries(
    commands=("*",), network=("*",), dependencies=True, migrations=True, max_files=10_000, max_lines=1_000_000
)
"""Where narrowing starts: what setpoint could allow at all. It decides no paths, and `*` as a host allows none."""


def narrow(one: Boundaries, other: Boundaries) -> Boundaries:
    """What both allow. Empty `paths` are undecided and narrow nothing; paths that do not meet allow nothing."""
    return Boundaries(
        paths=_paths(one.paths, other.paths),
        protected=_united(one.protected, other.protected),
        commands=_common(one.commands, other.commands),
        network=_common(one.network, other.network),
        dependencies=one.dependencies and other.dependencies,
        migrations=one.migrations and other.migrations,
        frozen=_united(one.frozen, other.frozen),
        needs_person=_united(one.needs_person, other.needs_person),
        max_files=min(one.max_files, other.max_files),
        max_lines=min(one.max_lines, other.max_lines),
    )


def _paths(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    if not one or not other:
        return one or other
    return intersect(one, other)


def _common(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    if "*" in one:
        return other
    return one if "*" in other else tuple(name for name in one if name in other)


def _united(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one + other))


def compile_boundaries(
    policy: Boundaries,
    planned: Boundaries,
    ticket: Boundaries,
    *,
    ceiling: Boundaries = CEILING,
) -> Boundaries:
    """What the run may do: what policy (as it is once a person said yes to what is `beyond` it), plan and ticket all
    allow. Raises DeniedError when no path is left: a run without boundaries does not start."""
    parts = [ceiling, *(_spread(part) for part in (policy, planned, ticket))]
    result = parts[0]
    for part in parts[1:]:
        result = narrow(result, part)
    if not result.paths or result.paths == (NOTHING,):
        raise DeniedError(
            "the run has no files it may touch",
            why=_why_none(policy, planned, ticket),
            fix="name allowed paths in the plan, or widen those of .setpoint/policy.toml or setpoint.toml on the base "
            "branch",
        )
    return result


def wanted(planned: Boundaries) -> tuple[Action, ...]:
    """What a plan wants that policy has a word on, as actions."""
    found = []
    if planned.dependencies:
        found.append(Action(kind=ActionKind.DEPENDENCY, subject=ALL_PACKAGES, detail="the plan changes them"))
    if planned.migrations:
        found.append(Action(kind=ActionKind.MIGRATION, subject="migrations", detail="the plan changes the schema"))
    hosts = [host for host in planned.network if host != "*"]
    found.extend(Action(kind=ActionKind.NETWORK, subject=host, detail="commands reach it") for host in hosts)
    return tuple(found)


def beyond(rules: Rules, planned: Boundaries, ticket: Boundaries) -> tuple[Action, ...]:
    """What the plan wants and policy leaves to a person: one batch of questions for the plan decision. What policy or
    ticket closes is not asked."""
    closed = closed_by(ticket)
    asked = (action for action in wanted(planned) if isinstance(ruled(rules, action), Ask))
    return tuple(action for action in asked if action.kind not in closed)


def refused(rules: Rules, planned: Boundaries) -> tuple[tuple[Action, str], ...]:
    """What the plan wants and nobody can allow, each with the reason."""
    decided = ((action, ruled(rules, action)) for action in wanted(planned))
    return tuple((action, decision.reason) for action, decision in decided if isinstance(decision, Deny))


def closed_by(ticket: Boundaries) -> frozenset[ActionKind]:
    """Kinds that the ticket's own words forbid."""
    words = {"database schema": ActionKind.MIGRATION, "dependencies": ActionKind.DEPENDENCY}
    return frozenset(kind for word, kind in words.items() if word in ticket.frozen)


def limits_of(ticket: Boundaries) -> Boundaries:
    """What a ticket's boundaries limit. What they leave out is left to policy and plan: a ticket kept in the store does
    not tell any more what it left out, so what a ticket says by default says nothing."""
    closed, usual = closed_by(ticket), Boundaries()
    return ticket.model_copy(
        update={
            "network": ticket.network or ("*",),
            "dependencies": ActionKind.DEPENDENCY not in closed,
            "migrations": ActionKind.MIGRATION not in closed,
            "max_files": CEILING.max_files if ticket.max_files == usual.max_files else ticket.max_files,
            "max_lines": CEILING.max_lines if ticket.max_lines == usual.max_lines else ticket.max_lines,
        }
    )


def widened(boundaries: Boundaries, granted: Iterable[Action]) -> Boundaries:
    """`boundaries` with what a named person said yes to while the run was under way: exactly that."""
    found = boundaries
    for action in granted:
        if action.kind is ActionKind.DEPENDENCY:
            found = found.model_copy(update={"dependencies": True})
        elif action.kind is ActionKind.MIGRATION:
            found = found.model_copy(update={"migrations": True})
        elif action.kind is ActionKind.NETWORK:
            hosts = tuple(dict.fromkeys((*found.network, action.subject)))
            found = found.model_copy(update={"network": hosts})
    return found


def _spread(part: Boundaries) -> Boundaries:
    spread = tuple(glob for glob in with_folders(part.paths) if usable(glob))
    return part.model_copy(update={"paths": spread or ((NOTHING,) if part.paths else ())})


def _why_none(policy: Boundaries, planned: Boundaries, ticket: Boundaries) -> str:
    said = [
        f"{who} allows {', '.join(part.paths[:5])}"
        for who, part in (("policy", policy), ("the plan", planned), ("the ticket", ticket))
        if part.paths
    ]
    return (
        "; ".join(said) + ", which leaves no file inside the repository that all allow"
        if said
        else "neither policy, plan nor ticket names any"
    )
