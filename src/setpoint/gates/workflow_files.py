"""CI workflows as values: GitHub's and GitLab's, as far as checks need to know them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

_GITHUB = re.compile(r"^\.github/workflows/[^/]+\.ya?ml$|(?:^|/)action\.ya?ml$")
_GITLAB = re.compile(r"(?:^|/)\.gitlab-ci(?:\.[\w\-]+)?\.ya?ml$|^\.gitlab/ci/.+\.ya?ml$")
_FALSE = re.compile(r"^\s*(?:\$\{\{\s*)?(?:false|!\s*true|0)\b", re.IGNORECASE)
_SECRET_VALUE = re.compile(r"\bsecrets\s*[.\[]")
TEXT = 1_000_000
"""Larger files are no workflows."""


class UnreadableWorkflowError(ValueError):
    """The file is no YAML, or no workflow."""


@dataclass(frozen=True)
class Step:
    """One step of a job."""

    title: str = ""
    run: str = ""
    uses: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()
    """Environment variables that hold a secret."""
    forgiven: str = ""
    """How its failure is made not to count."""
    never: str = ""
    """Its condition, when that is always false."""

    @property
    def key(self) -> str:
        """What makes it the same step after a change."""
        return self.run or self.uses.partition("@")[0] or self.title


@dataclass(frozen=True)
class Job:
    """One job."""

    runs_on: frozenset[str] = frozenset()
    permissions: Mapping[str, str] | None = None
    """Level by scope, `*` for all; None: not said."""
    forgiven: str = ""
    never: str = ""
    steps: tuple[Step, ...] = ()

    @property
    def lines(self) -> list[str]:
        """The lines it runs, comments left out."""
        found = [line.strip() for step in self.steps for line in step.run.replace("\\\n", " ").splitlines()]
        return list(dict.fromkeys(line for line in found if line and not line.startswith("#")))


@dataclass(frozen=True)
class Workflow:
    """One workflow file."""

    events: frozenset[str] = frozenset()
    filters: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """What each event leaves out."""
    permissions: Mapping[str, str] | None = None
    jobs: Mapping[str, Job] = field(default_factory=dict)
    exists: bool = False

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The steps of all jobs."""
        return tuple(step for job in self.jobs.values() for step in job.steps)

    @cached_property
    def commands(self) -> frozenset[str]:
        """All lines it runs."""
        return frozenset(
            line.strip() for step in self.steps for line in step.run.replace("\\\n", " ").splitlines() if line.strip()
        )


def is_workflow(path: str) -> bool:
    """Whether the file tells CI what to do, in a form that is understood here."""
    return bool(_GITHUB.search(path) or _GITLAB.search(path))


def read_workflow(path: str, text: str) -> Workflow:
    """The workflow in a file; an empty text is none. Raises UnreadableWorkflowError."""
    from .bounded_yaml import read_yaml

    if not text.strip():
        return Workflow()
    try:
        if len(text) > TEXT:
            raise ValueError("it is too large")
        told = read_yaml(text)
    except ValueError as error:
        raise UnreadableWorkflowError(str(error)[:300]) from error
    if not isinstance(told, dict):
        raise UnreadableWorkflowError("it holds no mapping")
    return _gitlab(told) if _GITLAB.search(path) else _github(told)


# -- GitHub ----------------------------------------------------------------------------------------------------------


def _github(told: Mapping[Any, Any]) -> Workflow:
    events = told.get("on", told.get(True))  # YAML 1.1 reads a bare `on` as true
    jobs = {str(name): _job(value) for name, value in _dict(told.get("jobs")).items()}
    if isinstance(told.get("runs"), dict):  # a composite action
        jobs["runs"] = _job(told["runs"])
    return Workflow(_events(events), _filters(events), _levels(told.get("permissions")), jobs, exists=True)


def _events(told: Any) -> frozenset[str]:
    if isinstance(told, str):
        return frozenset((told,))
    return frozenset(map(str, told)) if isinstance(told, list | dict) else frozenset()


def _filters(told: Any) -> Mapping[str, frozenset[str]]:
    found = {}
    for event, value in _dict(told).items():
        said = _dict(value)
        out = {f"{key}: {entry}" for key in ("paths-ignore", "branches-ignore") for entry in _list(said.get(key))}
        out |= {f"only {key}" for key in ("paths", "types", "branches", "tags") if said.get(key)}
        found[str(event)] = frozenset(out)
    return found


def _levels(told: Any) -> Mapping[str, str] | None:
    if told is None:
        return None
    if isinstance(told, str):
        return {"*": told.removesuffix("-all")}
    return {str(scope): str(level) for scope, level in _dict(told).items()}


def _job(told: Any) -> Job:
    said = _dict(told)
    runs_on = said.get("runs-on")
    labels = _list(_dict(runs_on).get("labels", runs_on))
    env = _secret_names(said.get("env"))
    steps = tuple(_step(step, env) for step in _list(said.get("steps")) if isinstance(step, dict))
    if isinstance(said.get("uses"), str):
        steps = (*steps, Step(uses=said["uses"]))
    return Job(
        frozenset(map(str, labels)),
        _levels(said.get("permissions")),
        _forgiven(said),
        _never(said),
        steps,
    )


def _step(told: Mapping[str, Any], env: frozenset[str]) -> Step:
    run, uses = str(told.get("run") or ""), str(told.get("uses") or "")
    title = str(told.get("name") or uses or next(iter(run.strip().splitlines()), "") or "without a name")
    inputs = {str(key): str(value) for key, value in _dict(told.get("with")).items()}
    return Step(
        title[:120],
        run or inputs.get("script", ""),
        uses,
        inputs,
        env | _secret_names(told.get("env")),
        _forgiven(told),
        _never(told),
    )


def _secret_names(told: Any) -> frozenset[str]:
    return frozenset(str(name) for name, value in _dict(told).items() if _SECRET_VALUE.search(str(value)))


def _forgiven(told: Mapping[str, Any]) -> str:
    value = told.get("continue-on-error")
    return f"continue-on-error: {value}" if value not in (None, False, "false", "${{ false }}") else ""


def _never(told: Mapping[str, Any]) -> str:
    value = told.get("if")
    return f"if: {value}" if value is False or (isinstance(value, str) and _FALSE.match(value)) else ""


# -- GitLab ----------------------------------------------------------------------------------------------------------

_NO_JOBS = frozenset(
    ("stages", "variables", "default", "include", "workflow", "image", "services", "cache", "before_script")
)


def _gitlab(told: Mapping[Any, Any]) -> Workflow:
    jobs = {}
    for name, value in told.items():
        said = _dict(value)
        if str(name) not in _NO_JOBS and any(key in said for key in ("script", "extends", "trigger")):
            run = "\n".join(
                str(line) for key in ("before_script", "script", "after_script") for line in _list(said.get(key))
            )
            forgiven = "allow_failure: true" if said.get("allow_failure") not in (None, False) else ""
            never = f"when: {said['when']}" if said.get("when") in ("never", "manual") else ""
            jobs[str(name)] = Job(
                frozenset(map(str, _list(said.get("tags")))), None, forgiven, never, (Step(str(name), run),)
            )
    return Workflow(frozenset(), {}, None, jobs, exists=True)


def _dict(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None or isinstance(value, dict) else [value]
