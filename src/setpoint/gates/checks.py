"""A plan task's `[Testing]` line as a gate."""

import shlex
from collections.abc import Sequence

from ..model.evidence import GateKind
from ..model.gate import Gate, TaskGate
from ..model.plan import Check, PlanTask
from ..model.steps import RunStep
from .commands import reporting
from .words import words

SECONDS = 600.0
_PYTHON_TOOLS = frozenset(("pytest", "unittest", "mypy", "ruff check", "ruff format", "black", "flake8", "pyright"))


def task_gates(task: PlanTask) -> dict[str, TaskGate]:
    """The gates of a task's checks: `T001.1` and so on."""
    return {f"{task.id}.{n}": task_gate(check) for n, check in enumerate(task.checks, 1)}


def task_gate(check: Check, *, timeout: float = SECONDS) -> TaskGate:
    """The gate of `check`: its command must exit with 0, what its tool tells it examined is more than nothing, and as
    much as the standard names; its steps must all hold."""
    first = check.steps[0]
    gate = command_gate(check.argv, timeout)
    count = first.count if isinstance(first, RunStep) else None
    steps = check.steps if check.then else ()
    return TaskGate(run=gate.run, kind=gate.kind, report=gate.report, timeout=timeout, count=count, steps=steps)


def command_gate(argv: Sequence[str], timeout: float = SECONDS) -> Gate:
    """The gate of one command.

    A runner that would first bring an environment up to date (`uv run`) is left out: the sandbox has the environment
    on its path and no network.
    """
    told = words(argv)
    if told.before[:2] in (("uv", "run"), ("poetry", "run"), ("pdm", "run"), ("pipenv", "run")) and (
        told.tool in _PYTHON_TOOLS or told.tool.startswith("python")
    ):
        argv = argv[2:]
    run, report = reporting(argv)
    return Gate.model_validate({"kind": GateKind.TASK, "run": run, "report": report, "timeout": timeout})


def command_of(text: str, timeout: float = SECONDS) -> Gate:
    """As `command_gate`, for a command as it is written."""
    return command_gate(shlex.split(text), timeout)
