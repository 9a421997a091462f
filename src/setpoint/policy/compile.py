"""The boundaries of a run: everybody's limits laid over each other. Each step can only narrow."""

from collections.abc import Collection

from ..errors import DeniedError
from ..model.boundary import Boundaries
from .action import Action, ActionKind
from .paths import NOTHING, intersect, usable, with_folders

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
    granted: Collection[ActionKind] = (),
    ceiling: Boundaries = CEILING,
) -> Boundaries:
    """What the run may do. `granted` are the kinds of `beyond` a named person said yes to. Raises DeniedError when no
    path is left: a run without boundaries does not start."""
    parts = [ceiling, *(_spread(part) for part in (policy, planned, ticket))]
    result = parts[0]
    for part in parts[1:]:
        result = narrow(result, part)
    if not result.paths or result.paths == (NOTHING,):
        raise DeniedError(
            "the run has no files it may touch",
            why=_why_none(policy, planned, ticket),
            fix="name allowed paths in the plan, or widen `boundaries.paths` in setpoint.toml on the base branch",
        )
    return result.model_copy(
        update={
            "dependencies": result.dependencies or (planned.dependencies and ActionKind.DEPENDENCY in granted),
            "migrations": result.migrations or (planned.migrations and ActionKind.MIGRATION in granted),
            "network": planned.network if ActionKind.NETWORK in granted else result.network,
        }
    )


def beyond(policy: Boundaries, planned: Boundaries, ticket: Boundaries) -> tuple[Action, ...]:
    """What the plan wants and policy or ticket does not give: one batch of questions for the plan decision."""
    given = narrow(policy, ticket)
    wanted = []
    if planned.dependencies and not given.dependencies:
        wanted.append(Action(kind=ActionKind.DEPENDENCY, subject="dependencies", detail="the plan changes them"))
    if planned.migrations and not given.migrations:
        wanted.append(Action(kind=ActionKind.MIGRATION, subject="migrations", detail="the plan changes the schema"))
    hosts = [host for host in planned.network if host not in given.network]
    wanted.extend(Action(kind=ActionKind.NETWORK, subject=host, detail="commands reach it") for host in hosts)
    return tuple(wanted)


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
