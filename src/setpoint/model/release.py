"""The way out: pull request, CI, merge, environments."""

import re
from enum import StrEnum
from typing import Literal

from .evidence import GateResult
from .record import Line, Record, Text, Time


class PullRequest(Record):
    """A change offered for merging; found again by its head branch."""

    number: int
    head: Line
    """Branch name."""
    base: Line
    title: Line
    body: Text
    head_sha: Line
    merged_sha: str = ""
    """The merge commit, once merged."""
    url: str = ""


class CiState(StrEnum):
    """Only `green` and `red` are finished verdicts."""

    PENDING = "pending"
    GREEN = "green"
    RED = "red"
    REFUSED = "refused"
    """CI ran nothing, or could not tell."""


class CiRun(Record):
    """What CI said about one commit."""

    sha: Line
    state: CiState
    results: tuple[GateResult, ...] = ()
    log: str = ""
    """The whole log of a failed run."""
    url: str = ""


class Release(Record):
    """A commit on its way through the environments."""

    sha: Line
    """The merged commit."""
    tree: Line
    ticket: Line
    notes: str = ""


class StepResult(Record):
    """One deploy, smoke or rollback command in an environment."""

    environment: Line
    step: Line
    """deploy, smoke or rollback."""
    ok: bool
    exit_code: int | None = None
    output: str = ""
    seconds: float = 0.0
    at: Time


class Environment(Record):
    """A place a release is deployed to; the first one is for acceptance before any production server."""

    name: Line
    deploy: tuple[str, ...]
    """Command that puts the release there; gets SETPOINT_SHA and SETPOINT_ENVIRONMENT."""
    smoke: tuple[str, ...]
    """Command that must pass afterwards."""
    rollback: tuple[str, ...]
    """Command that brings SETPOINT_SHA (the last good release) back."""
    level: Literal["", "dev", "qa", "prod"] = ""
    """What its smoke is worth; empty: told from its name."""
    approval: bool = False
    """Whether a person must say yes first."""
    seconds: float = 600.0
    """Longest time of one command."""
    sandbox: bool = False
    """Run the commands in the sandbox, without network: for environments that live on this machine. Otherwise they run
    on the host, as a CI deploy step would, with a cleared environment."""
    env: tuple[Line, ...] = ()
    """Names of environment variables the commands get from the worker (credentials by reference)."""


_QA = frozenset(("qa", "uat", "staging", "stage", "preprod", "pre", "acceptance", "test"))
_PRODUCTION = frozenset(("prod", "production", "prd", "live"))
_BEFORE_IT = frozenset(("pre", "non", "not", "no", "like", "test", "staging", "stage", "uat", "acceptance", "dev"))


def is_production(name: str) -> bool:
    """Whether an environment of that name is where customers are: `production`, `eu-prod`, and not `pre-production`."""
    parts = set(re.split(r"[^a-z]+", name.lower()))
    return bool(parts & _PRODUCTION) and not parts & _BEFORE_IT


def level_of_place(environment: Environment) -> Literal["dev", "qa", "prod"]:
    """The level of what is checked in an environment."""
    if environment.level:
        return environment.level
    if is_production(environment.name):
        return "prod"
    return "qa" if _QA.intersection(re.split(r"[^a-z]+", environment.name.lower())) else "dev"
