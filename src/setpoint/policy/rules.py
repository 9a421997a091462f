"""Everybody's policies laid over each other. Rules are closed under `lay`, which only narrows and knows no order."""

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import reduce
from typing import Self

from ..model.boundary import Boundaries
from ..model.policy import (
    Globs,
    InterfaceRules,
    Layer,
    Level,
    NetworkRules,
    PathRules,
    PeopleRules,
    PolicyFile,
    Stance,
)
from ..model.record import Line, Record
from ..model.release import is_production
from .action import Action, ActionKind, Risk
from .paths import canonical_glob, intersect, with_folders

Every = tuple[Globs, ...]
"""Lists that must each name it; none at all limits nothing."""
MOST_FILES, MOST_LINES = 10_000, 1_000_000
ALL_PACKAGES = "dependencies"
"""Subject of a change of dependencies as such, when no package is named."""
_STANCES: tuple[Stance, ...] = ("never", "ask", "allowed")
_RISKS = (Risk.ALWAYS_ALLOWED, Risk.LOW, Risk.MEDIUM, Risk.ASK, Risk.PERSON, Risk.NEVER)
BY_NAME = frozenset(
    kind.value
    for kind in (
        *(ActionKind.NETWORK, ActionKind.SHELL, ActionKind.TEST, ActionKind.DEPENDENCY, ActionKind.DEPLOY),
        *(ActionKind.MERGE, ActionKind.PUSH, ActionKind.MIGRATION, ActionKind.API, ActionKind.TOOL),
    )
)
"""Kinds whose subject is a name and no path."""


class Rules(Record):
    """What policies let runs do, one form for one meaning. As made here they limit nothing."""

    paths: Every = ()
    protected: Globs = ()
    commands: Every = ()
    hosts: Every = ()
    """Open without asking."""
    askable: Every = ()
    """Hosts that a person may be asked for."""
    dependencies: Stance = "allowed"
    packages: Every = ()
    taken: Every = ()
    """Packages that a person said yes to by name: others are asked about."""
    migrations: Stance = "allowed"
    frozen: Globs = ()
    needed: Globs = ()
    """Actions that need a person, as patterns."""
    never: Globs = ()
    files: int = MOST_FILES
    lines: int = MOST_LINES
    risk: tuple[tuple[Line, Risk], ...] = ()
    """Risk classes stricter than the code's."""
    trust: tuple[tuple[Line, Level], ...] = ()
    """Level of each step that somebody has set one for."""

    @classmethod
    def of(cls, said: PolicyFile, *, base: bool) -> Self:
        """What one file says; where it says nothing it limits nothing. Confidence counts on the `base` alone."""
        return cls(
            paths=_every(said.paths.allowed, canonical_glob, "**"),
            protected=_list(said.paths.protected, canonical_glob),
            commands=_every(said.commands.allowed, str.strip),
            hosts=_every(said.network.allowed, str.casefold),
            askable=_every(said.network.ask, str.casefold),
            dependencies=said.dependencies.changes or "allowed",
            packages=_every(said.dependencies.packages, package_name),
            migrations=said.migrations.changes or "allowed",
            frozen=_list(said.interfaces.frozen, _spaced),
            needed=_list(said.people.needed, _pattern),
            never=_list(said.people.never, _pattern),
            files=MOST_FILES if said.size.files is None else said.size.files,
            lines=MOST_LINES if said.size.lines is None else said.size.lines,
            risk=tuple(sorted((kind, Risk(risk)) for kind, risk in said.risk.items())),
            trust=tuple(sorted(_levels(said, base=base).items())),
        )

    def boundaries(self) -> Boundaries:
        """What a plan is compiled with: no paths where no list limits them, for then the plan alone names them."""
        paths = reduce(intersect, (with_folders(paths) for paths in self.paths)) if self.paths else ()
        return Boundaries(
            paths=tuple(paths),
            protected=self.protected,
            commands=common(self.commands) if self.commands else ("*",),
            network=common(self.hosts) if self.hosts else ("*",),
            dependencies=self.dependencies == "allowed",
            migrations=self.migrations == "allowed",
            frozen=self.frozen,
            needs_person=self.needed,
            max_files=self.files,
            max_lines=self.lines,
        )


def lay(*rules: Rules) -> Rules:
    """What all of them allow. The order is of no account, nor is one that stands twice."""
    return Rules(
        paths=_all(r.paths for r in rules),
        protected=_united(r.protected for r in rules),
        commands=_all(r.commands for r in rules),
        hosts=_all(r.hosts for r in rules),
        askable=_all(r.askable for r in rules),
        dependencies=_stricter(r.dependencies for r in rules),
        packages=_all(r.packages for r in rules),
        taken=_all(r.taken for r in rules),
        migrations=_stricter(r.migrations for r in rules),
        frozen=_united(r.frozen for r in rules),
        needed=_united(r.needed for r in rules),
        never=_united(r.never for r in rules),
        files=min((r.files for r in rules), default=MOST_FILES),
        lines=min((r.lines for r in rules), default=MOST_LINES),
        risk=_worst(pair for r in rules for pair in r.risk),
        trust=_least(pair for r in rules for pair in r.trust),
    )


def effective(layers: Sequence[Layer]) -> Rules:
    """What `layers` allow together. Where the base says nothing, the code's defaults hold, whatever others say."""
    base = [layer for layer in layers if layer.whose.startswith("base")]
    said = [Rules.of(layer.said, base=layer in base) for layer in layers]
    return lay(_defaults([layer.said for layer in base]), *said)


def _defaults(base: Sequence[PolicyFile]) -> Rules:
    """What holds where no file of the base says otherwise."""
    usual = Boundaries()
    return Rules(
        hosts=() if any(said.network.allowed is not None for said in base) else ((),),
        dependencies="allowed" if any(said.dependencies.changes for said in base) else "ask",
        migrations="allowed" if any(said.migrations.changes for said in base) else "ask",
        files=MOST_FILES if any(said.size.files is not None for said in base) else usual.max_files,
        lines=MOST_LINES if any(said.size.lines is not None for said in base) else usual.max_lines,
    )


def from_settings(written: Boundaries) -> PolicyFile:
    """What `[boundaries]` of a setpoint.toml says: only the keys that stand there say anything."""
    there = written.model_fields_set
    stances: dict[bool, Stance] = {True: "allowed", False: "ask"}
    hosts = tuple(host for host in written.network if host != "*" and ":" in host)
    made = {
        "paths": PathRules(allowed=written.paths or None, protected=written.protected),
        "network": NetworkRules.model_construct(allowed=hosts if "network" in there else None, ask=None),
        "interfaces": InterfaceRules(frozen=written.frozen),
        "people": PeopleRules(needed=written.needs_person),
    }
    said = PolicyFile().model_copy(update=made)
    if "commands" in there:
        said = said.model_copy(update={"commands": said.commands.model_copy(update={"allowed": written.commands})})
    for name, key in (("dependencies", "dependencies"), ("migrations", "migrations")):
        if key in there:
            part = getattr(said, name).model_copy(update={"changes": stances[getattr(written, key)]})
            said = said.model_copy(update={name: part})
    size = {"files": written.max_files} if "max_files" in there else {}
    size |= {"lines": written.max_lines} if "max_lines" in there else {}
    return said.model_copy(update={"size": said.size.model_copy(update=size)})


def opened(rules: Rules, granted: Iterable[Action]) -> Rules:
    """`rules` once a named person said yes to `granted`: what may be asked is open for it, what is never is not. A yes
    to packages by name is good for those."""
    found, actions = rules, tuple(granted)
    names = {package_name(action.subject) for action in actions if action.kind is ActionKind.DEPENDENCY}
    if names and found.dependencies == "ask":
        taken = found.taken if ALL_PACKAGES in names else _all((found.taken, (tuple(sorted(names)),)))
        found = found.model_copy(update={"dependencies": "allowed", "taken": taken})
    if found.migrations == "ask" and any(action.kind is ActionKind.MIGRATION for action in actions):
        found = found.model_copy(update={"migrations": "allowed"})
    hosts = {action.subject.casefold() for action in actions if action.kind is ActionKind.NETWORK}
    return found.model_copy(update={"hosts": tuple(tuple(sorted({*one, *hosts})) for one in found.hosts)})


def closing(kinds: Collection[ActionKind]) -> Rules:
    """Rules that close `kinds` to everybody, as a ticket's own words do, and limit nothing else."""
    stances: dict[bool, Stance] = {True: "never", False: "allowed"}
    return Rules(
        dependencies=stances[ActionKind.DEPENDENCY in kinds], migrations=stances[ActionKind.MIGRATION in kinds]
    )


def common(every: Every) -> tuple[str, ...]:
    """Plain names that stand in every list."""
    first, *rest = every or ((),)
    return tuple(name for name in first if all(name in one for one in rest))


def package_name(name: str) -> str:
    """A package's name as registries compare it."""
    return name.strip().casefold().replace("_", "-")


def stricter_risk(one: Risk, other: Risk) -> Risk:
    """The one that takes more."""
    return max(one, other, key=_RISKS.index)


# -- one form for one meaning ------------------------------------------------------------------------------------------


def _list(globs: Iterable[str], form: Callable[[str], str]) -> Globs:
    return tuple(sorted({form(glob) for glob in globs}))


def _every(globs: Globs | None, form: Callable[[str], str], anything: str = "*") -> Every:
    listed = _list(globs or (), form)
    return () if globs is None or anything in listed else (listed,)


def _all(parts: Iterable[Every]) -> Every:
    """All the lists, without those that another one implies: what a part of a list names, the list names."""
    lists = {one for part in parts for one in part}
    return tuple(sorted(one for one in lists if not any(set(other) < set(one) for other in lists)))


def _united(parts: Iterable[Globs]) -> Globs:
    return tuple(sorted({glob for part in parts for glob in part}))


def _stricter(stances: Iterable[Stance]) -> Stance:
    return min(stances, key=_STANCES.index, default="allowed")


def _worst(pairs: Iterable[tuple[str, Risk]]) -> tuple[tuple[str, Risk], ...]:
    found: dict[str, Risk] = {}
    for kind, risk in pairs:
        found[kind] = stricter_risk(found.get(kind, risk), risk)
    return tuple(sorted(found.items()))


def _least(pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    found: dict[str, str] = {}
    for step, level in pairs:
        found[step] = min(found.get(step, level), level, key=_freedom)
    return tuple(sorted(found.items()))


def _freedom(level: str) -> float:
    """How much a level lets go without a person: 0 nothing, 1 everything."""
    return {"ask": 0.0, "auto": 1.0}.get(level) or (1 / (1 + clean_runs(level)) if level.startswith("auto-") else 0.0)


def clean_runs(level: str) -> int:
    """How many clean runs `level` wants first."""
    return int(level.split("-")[2]) if level.startswith("auto-") else 0


def _levels(said: PolicyFile, *, base: bool) -> dict[str, str]:
    trust = said.trust
    levels = {step: getattr(trust, step) for step in ("plan", "children", "task", "merge")}
    levels |= {f"deploy:{place}": level for place, level in trust.deploy.items()}
    sure = {one.step for one in trust.confidence}
    return {
        step: "ask" if base and irreversible(step) and step not in sure else level
        for step, level in levels.items()
        if level is not None
    }


def irreversible(step: str) -> bool:
    """Whether what the step does cannot simply be undone: a merge, a deploy to production."""
    kind, _, place = step.partition(":")
    return kind == "merge" or (kind == "deploy" and is_production(place))


def _spaced(text: str) -> str:
    return " ".join(text.split())


def _pattern(text: str) -> str:
    kind, colon, about = _spaced(text).partition(":")
    if not colon:
        return kind
    return f"{kind}:{about.casefold() if kind in BY_NAME else canonical_glob(about)}"
