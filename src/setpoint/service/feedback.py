"""What is looked at before a change is released: which of it an agent has, and what costs a person's time."""

import os
import shutil
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median

from ..errors import ConfigError
from ..gates.auditors import audits, unread
from ..gates.steps_inside import BROWSERS
from ..gates.worth import Worth, level_of, scope_of
from ..model.evidence import GateKind
from ..model.feedback import LEVELS, CheckLevel, Feedback, FeedbackGap, Profile
from ..model.gate import Gate
from ..model.record import Line, Record
from ..model.release import CiRun, level_of_place
from ..model.settings import Config
from ..model.ticket import Ticket
from ..ports import Store
from .gates import known_worth

_PAGES = frozenset((".html", ".jsx", ".tsx", ".vue", ".svelte", ".jinja2", ".j2", ".erb", ".hbs"))
_LOOKED_AT = 2000
"""Folders that are looked into for pages."""
_ELSEWHERE = frozenset(("node_modules", "venv", "dist", "build", "site-packages", "docs", "doc", "htmlcov"))
VULNERABLE = "known vulnerabilities of packages"
AUDIT = "a gate that audits, with the host of its advisories in `network`"
RUNS = 20
"""How many of the latest runs tell what CI and smoke take."""
EVENTS = 100_000
READABILITY, TOGETHER, THROUGH = "readability", "parts together", "end to end"


class MatrixRow(Record):
    """One line of the matrix: something that is looked at, and who can."""

    what: Line
    of: Line
    """What is learned: readability, units, parts together, end to end, …"""
    level: CheckLevel
    agent: bool
    """Whether a session can look itself, or is told what was seen before it goes on."""
    by: Line
    seconds: float | None = None
    """The middle one of its times so far."""
    minutes: float | None = None
    """Of a person, each time."""
    access: str = ""
    """How an agent would get it; said of what it has not."""

    def took(self) -> str:
        """Its time in words."""
        if self.seconds is not None:
            return f"{self.seconds:.1f} s"
        return f"{self.minutes:g} min" if self.minutes is not None else "-"


def fitting(config: Config, labels: Sequence[str]) -> tuple[str, Profile] | None:
    """The profile for a ticket with these labels. Raises ConfigError when a profile names what is not there."""
    for name, profile in config.profile.items():
        for kind, wanted, there in (
            ("gate", profile.gates, tuple(config.gates)),
            ("feedback", profile.feedback, tuple(one.name for one in config.feedback)),
        ):
            missing = [one for one in wanted if one not in there]
            if missing:
                fix = f"one of: {', '.join(there) or 'none is configured'}"
                raise ConfigError(f"profile {name} names the {kind} `{missing[0]}`, and there is none", fix=fix)
    told = {label.lower() for label in labels}
    found = config.profile.items()
    return next(((n, p) for n, p in found if told.intersection(label.lower() for label in p.labels)), None)


def narrowed_to(config: Config, ticket: Ticket) -> Config:
    """`config` with the loop of the ticket's role: the gates and looks of its profile alone. Raises ConfigError."""
    found = fitting(config, ticket.labels)
    if found is None:
        return config
    profile = found[1]

    def keeps(name: str, gate: Gate) -> bool:
        # What is scanned for is not a role's to leave out.
        return not profile.gates or name in profile.gates or audits(gate.run)

    gates = {name: gate for name, gate in config.gates.items() if keeps(name, gate)}
    looks = tuple(one for one in config.feedback if not profile.feedback or one.name in profile.feedback)
    only = {found[0]: profile}
    return config.model_copy(update={"gates": gates, "feedback": looks, "profile": only})


def profile_line(config: Config, ticket: Ticket) -> list[str]:
    """Which profile a run has, in words; nothing where it has none."""
    found = fitting(config, ticket.labels)
    told = f"its loop has {', '.join(config.gates) or 'no gate'}; CI runs all gates of the base"
    return [f"profile {found[0]}: {told}"] if found else []


def feedback_gaps(config: Config, ticket: Ticket, root: Path) -> tuple[FeedbackGap, ...]:
    """What of a ticket's change cannot be checked on this machine, lowest level first."""
    labels = {label.lower() for label in ticket.labels}
    found = [
        FeedbackGap(what=one.name, level=one.level, by=one.by, minutes=one.minutes, access=one.access)
        for one in config.feedback
        if not one.labels or labels.intersection(label.lower() for label in one.labels)
    ]
    if not browser_of(config) and (page := first_page(root)):
        access = "a browser: `apt install chromium`"
        found.append(FeedbackGap(what=f"how pages look ({page})", level="local", by="person", access=access))
    if left := unread(config.gates.values(), root):
        decided = f", left out because: {config.checks.unaudited}" if config.checks.unaudited else ""
        what = f"{VULNERABLE} ({', '.join(left[:4])}){decided}"[:500]
        found.append(FeedbackGap(what=what, level="local", by="person", access=AUDIT))
    found += [
        FeedbackGap(what=f"smoke in {place.name}", level=level_of_place(place), by="setpoint")
        for place in config.environment
    ]
    return tuple(sorted(found, key=lambda gap: LEVELS.index(gap.level)))


def gap_lines(found: Sequence[FeedbackGap]) -> list[str]:
    """The gaps as a person reads them before a run, with all they cost."""
    lines = [f"not checked here: {gap.told()}" for gap in found]
    minutes = [gap.minutes for gap in found if gap.by == "person" and gap.minutes is not None]
    return [*lines, f"by hand, in all: {sum(minutes):g} min of a person"] if len(minutes) > 1 else lines


def browser_of(config: Config) -> str:
    """The browser that opens pages here; empty when there is none."""
    named = config.sandbox.env.get("SETPOINT_BROWSER", "")
    return next((path for name in ([named] if named else BROWSERS) if (path := shutil.which(name))), "")


def first_page(root: Path) -> str:
    """A file of the repository that people see as a page; empty when there is none."""
    waiting, seen = [root], 0
    while waiting and seen < _LOOKED_AT:
        folder, seen = waiting.pop(0), seen + 1
        with suppress(OSError):
            for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
                if entry.is_dir(follow_symlinks=False):
                    if not entry.name.startswith(".") and entry.name not in _ELSEWHERE:
                        waiting.append(Path(entry.path))
                elif Path(entry.name).suffix in _PAGES:
                    return Path(entry.path).relative_to(root).as_posix()
    return ""


def looks(config: Config, store: Store, root: Path) -> list[MatrixRow]:
    """The matrix of a repository as it is now, with the times that were measured. Raises ConfigError when a profile
    names what is not there."""
    fitting(config, ())
    known = known_worth(store) if config.gates else {}
    return matrix(config, known, root, _later(store) if config.environment or config.gates else {})


def _later(store: Store) -> dict[str, float]:
    """The middle one of the seconds that CI and each environment's smoke took in the latest runs."""
    took: defaultdict[str, list[float]] = defaultdict(list)
    for run in sorted(store.runs(), key=lambda run: run.updated, reverse=True)[:RUNS]:
        fact = store.recall(run.id, f"ci:{run.position.cycle}")
        if fact is not None:
            took["CI"].append(sum(result.evidence.seconds for result in CiRun.model_validate(fact).results))
        for event in store.events(run.id, limit=EVENTS) if fact is not None else ():
            if event.kind == "deploy" and event.data.get("step") == "smoke":
                took[str(event.data.get("environment"))].append(float(event.data.get("seconds", 0.0)))
    return {name: median(seconds) for name, seconds in took.items()}


def as_markdown(found: Sequence[MatrixRow]) -> str:
    """The matrix as a table to keep in the repository."""
    rows = ["| what | of | level | agent | by | takes | to get it |", "|---|---|---|---|---|---|---|"]
    for look in found:
        cells = (look.what, look.of, look.level, "yes" if look.agent else "no", look.by, look.took(), look.access)
        rows.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
    return "\n".join(rows)


def matrix(config: Config, known: Mapping[str, Worth], root: Path, later: Mapping[str, float]) -> list[MatrixRow]:
    """All that is looked at before a change is released, and what nobody looks at. `known` is what is known of gates,
    `later` the seconds of CI and of each environment's smoke."""
    found = [_gate(name, gate, known.get(name)) for name, gate in config.gates.items()]
    found += _always(config)
    found += _pages(config, root)
    found += [_nobody(*missing) for missing in _missing(config)]
    if unread(config.gates.values(), root):
        found.append(_nobody(VULNERABLE, AUDIT))
    found += [_declared(one) for one in config.feedback]
    found.append(
        MatrixRow(
            what="CI: the base's gates",
            of="the change as it is merged",
            level="local",
            agent=True,
            by="the forge; an agent reads its log",
            seconds=later.get("CI"),
        )
    )
    found += [
        MatrixRow(
            what=f"smoke in {place.name}",
            of="the release",
            level=level_of_place(place),
            agent=False,
            by="setpoint, after the merge",
            seconds=later.get(place.name),
            access="a red smoke comes back to an agent with its output, in a new cycle",
        )
        for place in config.environment
    ]
    return sorted(found, key=lambda look: LEVELS.index(look.level))


def _gate(name: str, gate: Gate, worth: Worth | None) -> MatrixRow:
    of = {"unit": "units", "integration": TOGETHER, "end-to-end": THROUGH, "": gate.kind.value}[scope_of(name, gate)]
    of = READABILITY if gate.kind in (GateKind.LINT, GateKind.FORMAT) else of
    by = f"setpoint, let to {', '.join(gate.network)}" if gate.network else "the session's own commands, and setpoint"
    seconds = worth.seconds if worth else None
    return MatrixRow(what=f"gate {name}", of=of, level=level_of(gate), agent=True, by=by, seconds=seconds)


def _always(config: Config) -> list[MatrixRow]:
    review = "another model, in a copy of its own"
    checks = "tests that fail without the change, faults in changed lines, frozen tests, secrets, boundaries"
    found = [
        MatrixRow(what="review", of=READABILITY, level="local", agent=True, by=review),
        MatrixRow(what="built-in checks", of=checks, level="local", agent=True, by="setpoint"),
    ]
    if config.stack.app is not None:
        by = "a person, by `setpoint up`; an agent, by the checks of its task"
        found.append(MatrixRow(what="the application runs", of="behaviour", level="local", agent=True, by=by))
    return found


def _pages(config: Config, root: Path) -> list[MatrixRow]:
    page = first_page(root)
    if not page:
        return []
    if browser_of(config):
        return [MatrixRow(what="`Page` steps", of="how pages look", level="local", agent=True, by="checks of a task")]
    access = "a browser: `apt install chromium`"
    return [MatrixRow(what=page, of="how pages look", level="local", agent=False, by="a person", access=access)]


def _missing(config: Config) -> list[tuple[str, str]]:
    scopes = {scope_of(name, gate) for name, gate in config.gates.items()}
    kinds = {gate.kind for gate in config.gates.values()}
    wanted = (
        ("unit" in scopes, "units", 'a gate of kind "tests"'),
        ("integration" in scopes, TOGETHER, 'a gate of kind "integration", with its services in [stack]'),
        ("end-to-end" in scopes, THROUGH, 'a gate of kind "integration" called e2e, with [stack]'),
        (bool(kinds & {GateKind.LINT, GateKind.FORMAT}), READABILITY, 'a gate of kind "lint"'),
        (GateKind.TYPES in kinds, "types", 'a gate of kind "types"'),
    )
    return [(of, access) for there, of, access in wanted if not there]


def _nobody(of: str, access: str) -> MatrixRow:
    return MatrixRow(what="no gate", of=of, level="local", agent=False, by="nobody", access=access)


def _declared(one: Feedback) -> MatrixRow:
    by = {"person": "a person", "ci": "CI"}[one.by]
    return MatrixRow(
        what=one.name, of="as it says", level=one.level, agent=False, by=by, minutes=one.minutes, access=one.access
    )
