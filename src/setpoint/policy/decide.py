"""May it be done? One pure function over the policy and the action; what no rule allows is denied."""

import re
from typing import Literal

from ..errors import DeniedError
from ..model.boundary import Boundaries
from ..model.record import Line, Record
from .action import Action, ActionKind, Risk
from .paths import allowed, canonical, classify_path, touches

BRANCH_PREFIX = "setpoint/"


class Policy(Record):
    """What holds for one run: its boundaries, and what named persons have said yes to."""

    boundaries: Boundaries
    granted: tuple[Action, ...] = ()
    """Each yes is good for exactly this action."""


class Allow(Record):
    """It may be done."""

    verdict: Literal["allow"] = "allow"
    reason: Line


class Ask(Record):
    """It may be done once a person says yes."""

    verdict: Literal["ask"] = "ask"
    reason: Line
    risk: Risk


class Deny(Record):
    """It may not be done, and nobody needs to be asked."""

    verdict: Literal["deny"] = "deny"
    reason: Line
    fix: str = ""


Decision = Allow | Ask | Deny


def decide(policy: Policy, action: Action) -> Decision:
    """Whether `action` is allowed under `policy`, with the reason."""
    decision = _ruled(policy, action)
    if isinstance(decision, Allow) and _needs_person(policy.boundaries, action):
        decision = Ask(reason=f"policy wants a person for {action.kind} {action.subject}"[:500], risk=Risk.PERSON)
    if isinstance(decision, Ask) and action in policy.granted:
        return Allow(reason=f"a person said yes to {action.kind} {action.subject}"[:500])
    return decision


def _needs_person(boundaries: Boundaries, action: Action) -> bool:
    return bool({action.kind.value, f"{action.kind}:{action.subject}"} & set(boundaries.needs_person))


def _ruled(policy: Policy, action: Action) -> Decision:
    boundaries = policy.boundaries
    match action.kind:
        case ActionKind.READ:
            return _read(action.subject)
        case ActionKind.EDIT:
            return _edit(boundaries, action.subject)
        case ActionKind.TEST:
            return Allow(reason="tests and gates always run, in the sandbox")
        case ActionKind.SHELL:
            return _shell(boundaries, action.subject)
        case ActionKind.PUSH:
            return _push(action.subject)
        case ActionKind.NETWORK:
            return _network(boundaries, action.subject)
        case ActionKind.DEPENDENCY | ActionKind.MIGRATION:
            return _asked(boundaries, action.kind)
        case ActionKind.CONTROL_PLANE:
            return Deny(reason="setpoint's own policy, approvals and records are out of reach of a run")
        case _:
            # API, infrastructure, secrets, CI, agent files, merge, deploy: never by rule alone.
            return Ask(reason=f"{action.kind} is a person's decision", risk=action.risk)


def _read(path: str) -> Decision:
    try:
        kind = classify_path(path)
    except DeniedError as error:
        return Deny(reason=error.why, fix=error.fix)
    if kind is ActionKind.SECRET:
        return Deny(reason="files that hold secrets are never read", fix="name the variable, not its value")
    return Allow(reason="reading the run's own workspace")


def _edit(boundaries: Boundaries, path: str) -> Decision:
    try:
        name = canonical(path)
        kind = classify_path(name)
    except DeniedError as error:
        return Deny(reason=error.why, fix=error.fix)
    if kind is ActionKind.CONTROL_PLANE:
        return Deny(reason="setpoint's own files and .gitmodules are not for a run to change")
    if not allowed(boundaries.paths, name):
        shown = ", ".join(boundaries.paths[:8]) or "nothing yet"
        return Deny(
            reason=f"outside the allowed paths ({shown})"[:500],
            fix="change only allowed files; if the plan missed this one, say so in an objection to the plan",
        )
    if any(touches(glob, name) for glob in boundaries.protected):
        return Ask(reason="the file is protected; hand in a reasoned request for it", risk=Risk.PERSON)
    if kind in (ActionKind.DEPENDENCY, ActionKind.MIGRATION):
        return _asked(boundaries, kind)
    if kind in (ActionKind.EDIT, ActionKind.TEST):
        return Allow(reason="inside the allowed paths")
    return Ask(reason=f"a change of {kind} files is a person's decision", risk=Risk.PERSON)


def _asked(boundaries: Boundaries, kind: ActionKind) -> Decision:
    if boundaries.dependencies if kind is ActionKind.DEPENDENCY else boundaries.migrations:
        return Allow(reason=f"{kind} changes are part of the approved boundaries")
    return Ask(reason=f"{kind} changes are not part of the boundaries", risk=Risk.ASK)


def _shell(boundaries: Boundaries, name: str) -> Decision:
    if name and ("*" in boundaries.commands or name in boundaries.commands):
        return Allow(reason="commands run in the sandbox")
    return Deny(
        reason=f"the command {name[:100]!r} is not among those allowed",
        fix=f"use one of: {', '.join(boundaries.commands) or 'none'}"[:500],
    )


def _push(branch: str) -> Decision:
    if branch.startswith(BRANCH_PREFIX) and re.fullmatch(r"[A-Za-z0-9][\w./-]*", branch) and ".." not in branch:
        return Allow(reason="a run's own branch")
    return Deny(reason=f"only branches below {BRANCH_PREFIX} are pushed", fix="offer the change as a pull request")


def _network(boundaries: Boundaries, host: str) -> Decision:
    if host.casefold() in {name.casefold() for name in boundaries.network}:
        return Allow(reason="the host is on the list")
    return Ask(reason=f"{host[:200]} is not on the list of hosts", risk=Risk.ASK)
