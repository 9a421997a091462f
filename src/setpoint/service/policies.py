"""The policy in force, shown with who narrowed what, and asked about single actions."""

import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..model.boundary import Boundaries
from ..model.policy import Layer, PolicyFile
from ..model.record import Line, Record
from ..pipeline.bench import Bench, Ground
from ..pipeline.criteria import planned_of
from ..pipeline.grants import action_of
from ..pipeline.intake import read_ticket
from ..pipeline.judging import closed_policy
from ..pipeline.policies import FILE, layers_here, layers_of
from ..policy.action import ActionKind
from ..policy.compile import CEILING, compile_boundaries, limits_of
from ..policy.decide import Decision, Policy, decide
from ..policy.digest import policy_digest
from ..policy.rules import Rules, effective

NEUTRAL = Rules()


class Part(Record):
    """One thing the policy decides."""

    name: Line
    value: Any
    by: tuple[Line, ...]
    """Whose words limit it; `setpoint` where nobody says anything."""


class PolicyView(Record):
    """What may be done, and who says so."""

    about: str
    """The run or the ticket; empty: any run that starts now."""
    base: Line
    """Commit whose policy counts."""
    layers: tuple[Layer, ...]
    parts: tuple[Part, ...]
    policy: Policy
    """What is decided with: boundaries, rules, and what named persons said yes to."""
    narrowed: dict[str, tuple[Line, ...]]
    """Who limits each of the boundaries: `policy`, `plan` (or diagnosis), `ticket`."""
    sha256: Line
    """Digest of rules and boundaries."""
    notes: tuple[str, ...] = ()
    """What lies about and does not count."""


def of_run(ground: Ground) -> PolicyView:
    """Of a run: under its plan or diagnosis once it has one."""
    layers = layers_of(ground)
    planned = ground.given("plan") or ground.given("diagnosis")
    ticket = ground.run.ticket.boundaries
    policy = closed_policy(ground) if planned else _undecided(effective(layers), ticket)
    parts = {"policy": policy.rules.boundaries(), "plan": planned_of(ground) if planned else CEILING}
    return _view(ground.run.id, ground.run.base, layers, policy, {**parts, "ticket": limits_of(ticket)})


async def of_base(bench: Bench, base: str, text: str, name: str, checkout: Path) -> PolicyView:
    """Of a ticket that has no run yet, or of any; what lies in the `checkout` alone is named. Raises ConfigError,
    TicketError."""
    layers = await layers_here(bench, base)
    ticket = read_ticket(text, name=name) if text else None
    said = ticket.boundaries if ticket else Boundaries()
    policy = _undecided(effective(layers), said)
    parts = {"policy": policy.rules.boundaries(), "ticket": limits_of(said)}
    view = _view(ticket.id if ticket else "", base, layers, policy, parts)
    return view.model_copy(update={"notes": tuple(_uncounted(layers, checkout, base))})


def _uncounted(layers: Sequence[Layer], checkout: Path, base: str) -> Iterator[str]:
    """A policy file of the working tree that is not the base's: a person may think that it holds."""
    there = next((layer.said for layer in layers if layer.whose == f"base: {FILE}"), None)
    path = checkout / FILE
    if not os.path.lexists(path):
        return
    try:
        same = path.is_file() and PolicyFile.model_validate(tomllib.loads(path.read_text("utf-8"))) == there
    except (OSError, ValueError):
        same = False
    if not same:
        yield f"{FILE} of the working tree is not the one of {base[:12]}: it counts once it is committed to the base"


async def before_plan(bench: Bench, base: str, ticket: Boundaries) -> Policy:
    """What a run of a ticket that starts now from `base` stands under, before a plan narrows it. Raises ConfigError."""
    return _undecided(effective(await layers_here(bench, base)), ticket)


def _undecided(rules: Rules, ticket: Boundaries) -> Policy:
    """As if the plan wanted every file; a plan can only narrow that."""
    anywhere = CEILING.model_copy(update={"paths": ("**",)})
    return Policy(boundaries=compile_boundaries(rules.boundaries(), anywhere, limits_of(ticket)), rules=rules)


def _narrowed(parts: Mapping[str, Boundaries]) -> dict[str, tuple[str, ...]]:
    """Of each boundary, whose part says less than all; what lists nothing to protect or freeze says nothing."""
    found = {}
    for field in Boundaries.model_fields:
        free = (getattr(CEILING, field),) if field == "network" else (getattr(CEILING, field), ())
        found[field] = tuple(name for name, part in parts.items() if getattr(part, field) not in free)
    return found


def _view(
    about: str, base: str, layers: Sequence[Layer], policy: Policy, limits: Mapping[str, Boundaries]
) -> PolicyView:
    said = [(layer.whose, Rules.of(layer.said, base=layer.whose.startswith("base"))) for layer in layers]
    rules = effective(layers)
    parts = []
    for field in Rules.model_fields:
        value, free = getattr(rules, field), getattr(NEUTRAL, field)
        if value != free:
            by = tuple(whose for whose, own in said if getattr(own, field) != free)
            told = rules.model_dump(mode="json", include={field})[field]
            parts.append(Part(name=field, value=told, by=by or ("setpoint",)))
    mark = policy_digest(policy.rules, policy.boundaries)
    return PolicyView(
        about=about, base=base, layers=tuple(layers), parts=tuple(parts), policy=policy, narrowed=_narrowed(limits),
        sha256=mark,
    )  # fmt: skip


def asked(view: PolicyView, action: str) -> Decision:
    """What is decided about `KIND:SUBJECT`. Raises UsageError for what is no action."""
    kind, colon, subject = action.partition(":")
    if kind.strip().casefold() not in set(ActionKind) or not colon or not subject.strip():
        known = ", ".join(ActionKind)
        raise UsageError(f"`{action}` is no action", why=f"kinds are {known}", fix="--action edit:src/app.py")
    return decide(view.policy, action_of(action))
