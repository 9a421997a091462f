"""A plan task's `[Testing]` line as a gate."""

from ..model.evidence import GateKind
from ..model.gate import Gate
from ..model.plan import Check
from .commands import reporting
from .words import words

_PYTHON_TOOLS = frozenset(("pytest", "unittest", "mypy", "ruff check", "ruff format", "black", "flake8", "pyright"))


def task_gate(check: Check, *, timeout: float = 600.0) -> Gate:
    """The gate of `check`: it must exit with 0, and where its tool tells what it examined, that is more than nothing.

    A runner that would first bring an environment up to date (`uv run`) is left out: the sandbox has the environment
    on its path and no network.
    """
    argv = check.argv
    told = words(argv)
    if told.before[:2] in (("uv", "run"), ("poetry", "run"), ("pdm", "run"), ("pipenv", "run")) and (
        told.tool in _PYTHON_TOOLS or told.tool.startswith("python")
    ):
        argv = argv[2:]
    run, report = reporting(argv)
    return Gate.model_validate({"kind": GateKind.TASK, "run": run, "report": report, "timeout": timeout})
