"""May it be done? One pure function over the policy and the action; what no rule allows is denied."""

import re
from fnmatch import fnmatchcase
from typing import Literal

from ..errors import DeniedError
from ..model.boundary import Boundaries
from ..model.record import Line, Record
from .action import Action, ActionKind, Risk
from .paths import allowed, canonical, classify_path, touches, with_folders
from .rules import ALL_PACKAGES, BY_NAME, Every, Rules, package_name

BRANCH_PREFIX = "setpoint/"


class Policy(Record):
    """What holds for one run: its boundaries, the rules above them, and what named persons said yes to."""

    boundaries: Boundaries
    rules: Rules = Rules()
    """Without any they limit nothing: the boundaries alone decide."""
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
    """Whether `action` is allowed under `policy`, with the reason: what boundaries and rules both allow is, and a
    person's yes to exactly this action lifts an `Ask`, never a `Deny`."""
    decision = strictest(_bounded(policy.boundaries, action), ruled(policy.rules, action))
    if isinstance(decision, Ask) and action in policy.granted:
        return Allow(reason=f"a person said yes to {action.kind} {action.subject}"[:500])
    return decision


def strictest(*decisions: Decision) -> Decision:
    """The first one that allows least."""
    return max(decisions, key=lambda decision: ("allow", "ask", "deny").index(decision.verdict))


def ruled(rules: Rules, action: Action) -> Decision:
    """What the rules alone say. What they do not limit is left to the boundaries."""
    closed = next((pattern for pattern in rules.never if speaks_of(pattern, action)), "")
    risk = dict(rules.risk).get(action.kind.value, action.risk)
    if closed or risk is Risk.NEVER:
        why = f"policy says never: {closed or f'risk of {action.kind}'}"
        return Deny(reason=why[:500], fix="do without it; the policy changes on the base branch alone")
    asked = next((pattern for pattern in rules.needed if speaks_of(pattern, action)), "")
    found = _limited(rules, action)
    if asked:
        found = strictest(found, Ask(reason=f"policy wants a person: {asked}"[:500], risk=Risk.PERSON))
    if risk is not action.risk:
        found = strictest(found, Ask(reason=f"policy gives {action.kind} the risk class {risk}", risk=risk))
    return found


def speaks_of(pattern: str, action: Action) -> bool:
    """Whether `KIND` or `KIND:GLOB` means this action. An edit is also of the kind of its file."""
    kind, colon, about = pattern.partition(":")
    kinds = {action.kind.value}
    path = ""
    if action.kind.value not in BY_NAME:
        try:
            path = canonical(action.subject)
        except DeniedError:
            path = ""
        kinds |= {classify_path(path).value} if path and action.kind is ActionKind.EDIT else set()
    if kind not in kinds:
        return False
    if not colon or about == action.subject:
        return True
    return touches(about, path) if path else fnmatchcase(action.subject.casefold(), about.casefold())


def _limited(rules: Rules, action: Action) -> Decision:
    match action.kind:
        case ActionKind.EDIT:
            return _file(rules, action.subject)
        case ActionKind.DEPENDENCY:
            return _package(rules, action.subject)
        case ActionKind.MIGRATION:
            return _stance(rules.migrations, "migrations")
        case ActionKind.NETWORK:
            return _host(rules, action.subject.casefold())
        case ActionKind.SHELL if not all(action.subject in names for names in rules.commands):
            return Deny(reason=f"policy allows no command {action.subject[:100]!r}")
    return _LEFT


_LEFT = Allow(reason="policy leaves it to the run's boundaries")


def _file(rules: Rules, path: str) -> Decision:
    try:
        name = canonical(path)
    except DeniedError as error:
        return Deny(reason=error.why, fix=error.fix)
    left_out = next((globs for globs in rules.paths if not allowed(with_folders(globs), name)), None)
    if left_out is not None:
        return Deny(
            reason=f"policy allows {', '.join(left_out[:8]) or 'no file'}"[:500], fix="change allowed files only"
        )
    if any(touches(glob, name) for glob in rules.protected):
        return Ask(reason="policy protects the file", risk=Risk.PERSON)
    kind = classify_path(name)
    if kind is ActionKind.DEPENDENCY:
        return _stance(rules.dependencies, "dependencies")
    return _stance(rules.migrations, "migrations") if kind is ActionKind.MIGRATION else _LEFT


def _stance(stance: str, what: str) -> Decision:
    if stance == "never":
        return Deny(reason=f"policy says never: {what}", fix="do without; the policy changes on the base branch alone")
    return _LEFT if stance == "allowed" else Ask(reason=f"policy wants a person for {what}", risk=Risk.ASK)


def _package(rules: Rules, name: str) -> Decision:
    if name != ALL_PACKAGES and not named(rules.packages, package_name(name)):
        return Deny(reason=f"policy lets no package {name[:100]!r} be added", fix="use what is installed")
    if rules.dependencies == "allowed" and not named(rules.taken, package_name(name)):
        return Ask(reason=f"a person said yes to other packages, not to {name[:100]}", risk=Risk.ASK)
    return _stance(rules.dependencies, "dependencies")


def _host(rules: Rules, host: str) -> Decision:
    if all(host in hosts for hosts in rules.hosts):
        return Allow(reason="policy opens the host")
    if named(rules.askable, host):
        return Ask(reason=f"policy does not open {host[:200]}", risk=Risk.ASK)
    return Deny(reason=f"policy lets nobody open {host[:200]}", fix="do without it")


def named(every: Every, name: str) -> bool:
    """Whether each list has a glob for `name`."""
    return all(any(fnmatchcase(name, glob) for glob in globs) for globs in every)


# -- the run's boundaries ----------------------------------------------------------------------------------------------


def _bounded(boundaries: Boundaries, action: Action) -> Decision:
    found = _by_kind(boundaries, action)
    if isinstance(found, Allow) and any(speaks_of(pattern, action) for pattern in boundaries.needs_person):
        return Ask(reason=f"policy wants a person for {action.kind} {action.subject}"[:500], risk=Risk.PERSON)
    return found


def _by_kind(boundaries: Boundaries, action: Action) -> Decision:
    match action.kind:
        case ActionKind.READ:
            return _read(action.subject)
        case ActionKind.EDIT:
            return _edit(boundaries, action.subject)
        case ActionKind.TEST:
            return Allow(reason="tests and gates always run, in the sandbox")
        case ActionKind.SHELL:
            return _shell(boundaries, action.subject)
        case ActionKind.TOOL:
            return _tool(boundaries)
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
        return Ask(reason="the file is protected; `ask` for it with `requests`", risk=Risk.PERSON)
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


def _tool(boundaries: Boundaries) -> Decision:
    if boundaries.commands:
        return Allow(reason="the configuration offers the tool to this phase")
    return Deny(reason="a run that may start no command starts no server of tools either", fix="do without it")


def _push(branch: str) -> Decision:
    if branch.startswith(BRANCH_PREFIX) and re.fullmatch(r"[A-Za-z0-9][\w./-]*", branch) and ".." not in branch:
        return Allow(reason="a run's own branch")
    return Deny(reason=f"only branches below {BRANCH_PREFIX} are pushed", fix="offer the change as a pull request")


def _network(boundaries: Boundaries, host: str) -> Decision:
    if host.casefold() in {name.casefold() for name in boundaries.network}:
        return Allow(reason="the host is on the list")
    return Ask(reason=f"{host[:200]} is not on the list of hosts", risk=Risk.ASK)
