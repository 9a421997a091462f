"""What a team or a person lets runs do, as they write it: `policy.toml`. What is left out says nothing."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from .record import Line, Record

Globs = tuple[Line, ...]
Stance = Literal["allowed", "ask", "never"]
"""Without asking, once a named person says yes, or not at all."""

_LEVEL = re.compile(r"ask|auto|auto-after-[1-9][0-9]{0,3}-clean")
HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.\-]{0,251}[A-Za-z0-9])?:[0-9]{1,5}")


def _level(text: str) -> str:
    if not _LEVEL.fullmatch(text):
        raise ValueError("should be `ask`, `auto` or `auto-after-N-clean`")
    return text


def _host(text: str) -> str:
    if not HOST.fullmatch(text):
        raise ValueError(f"`{text}` should be `name:port`")
    return text.casefold()


Level = Annotated[str, AfterValidator(_level)]
"""`ask`: a person each time. `auto`: nobody, where `autonomy` lets it. `auto-after-N-clean`: nobody, once the last N
runs of this repository came through the step clean."""
Host = Annotated[Line, AfterValidator(_host)]


class PathRules(Record):
    """Files."""

    allowed: Globs | None = None
    """Globs of files a run may touch; plan and ticket narrow them further."""
    protected: Globs = ()
    """Globs that need a person's yes, file by file."""


class CommandRules(Record):
    """Commands of sessions. For courtesy: the sandbox is the boundary."""

    allowed: Globs | None = None
    """Program names; `*` for any."""


class NetworkRules(Record):
    """Hosts that sessions' commands may reach. Gates name their own hosts in setpoint.toml."""

    allowed: tuple[Host, ...] | None = None
    """`name:port`, open without asking where plan or session wants it."""
    ask: Globs | None = None
    """Globs of `name:port` a person may be asked for; empty: none."""


class DependencyRules(Record):
    """Changes of what the project depends on."""

    changes: Stance | None = None
    packages: Globs | None = None
    """Globs of package names that may be added at all."""


class MigrationRules(Record):
    """Changes of the database schema. What destroys data is objected to whatever stands here."""

    changes: Stance | None = None


class InterfaceRules(Record):
    """What others build on."""

    frozen: Globs = ()
    """Public Python names (`shop.price.total`, `shop.*`), calls (`POST /signup`, `/v1/*`), tables (`table users`), or
    `database schema`, `dependencies`."""


class PeopleRules(Record):
    """What needs a named person, or is for nobody. `KIND` or `KIND:GLOB`: `ci`, `edit:src/billing/**`,
    `network:*.eu:443`, `deploy:production`."""

    needed: Globs = ()
    never: Globs = ()


class SizeRules(Record):
    """One change."""

    files: int | None = Field(default=None, ge=0, le=10_000)
    lines: int | None = Field(default=None, ge=0, le=1_000_000)
    """Added plus removed."""


class Confidence(Record):
    """A named person's word that an irreversible step has earned its level. It counts on the base branch alone."""

    by: Line
    step: Line
    """`merge` or `deploy:ENVIRONMENT`."""
    because: Line


class TrustRules(Record):
    """How far the repository lets steps go without a person. It never asks less than `autonomy` does. Irreversible
    steps (merge, production) stay with a person until `confidence` names one who answers for more."""

    plan: Level | None = None
    children: Level | None = None
    """An epic's split into tickets."""
    task: Level | None = None
    """Each task of a plan before the next."""
    merge: Level | None = None
    deploy: dict[Line, Level] = {}
    """By environment."""
    confidence: tuple[Confidence, ...] = ()


class PolicyFile(Record):
    """`.setpoint/policy.toml` of the base branch, or a person's own. Each further one only narrows."""

    paths: PathRules = PathRules()
    commands: CommandRules = CommandRules()
    network: NetworkRules = NetworkRules()
    dependencies: DependencyRules = DependencyRules()
    migrations: MigrationRules = MigrationRules()
    interfaces: InterfaceRules = InterfaceRules()
    people: PeopleRules = PeopleRules()
    size: SizeRules = SizeRules()
    risk: dict[Line, Literal["ask", "person", "never"]] = {}
    """Risk classes of action kinds, stricter than they are."""
    trust: TrustRules = TrustRules()


class Layer(Record):
    """One policy as it was read, and whose it is."""

    whose: Line
    """`user`, `base: .setpoint/policy.toml`, `base: setpoint.toml`, `here: setpoint.toml`."""
    said: PolicyFile
