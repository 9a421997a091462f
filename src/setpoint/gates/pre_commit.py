"""pre-commit's hooks. Their environments come from the network: known ones are run as the tools they are."""

from collections.abc import Iterator
from typing import Any

from ..model.gate import SetAside
from .project import Project
from .said import Heard, Said, commands_in, joined

_FILE = ".pre-commit-config.yaml"
HOOKS = 200
"""Most hooks that are looked at."""
_TOOLS = {
    "ruff": "ruff check .",
    "ruff-check": "ruff check .",
    "ruff-format": "ruff format --check .",
    "black": "black --check .",
    "black-jupyter": "black --check .",
    "isort": "isort --check-only .",
    "flake8": "flake8 .",
    "bandit": "bandit -r .",
    "mypy": "mypy .",
    "pyright": "pyright",
    "basedpyright": "basedpyright",
    "ty": "ty check",
    "eslint": "eslint .",
    "prettier": "prettier --check .",
    "biome-check": "biome check .",
    "biome-ci": "biome ci .",
    "biome-lint": "biome lint .",
}
_OWN_ARGS = frozenset(("bandit", "flake8", "mypy"))
"""Hooks whose arguments say how they judge; those of others say how they mend."""


def hook_lines(project: Project) -> Heard:
    """What the hooks run."""
    from .bounded_yaml import read_yaml

    try:
        tree = read_yaml(project.text(_FILE)) if project.has(_FILE) else None
    except ValueError:
        return Heard()
    return joined([_heard(project, hook) for hook in list(_hooks(tree))[:HOOKS]])


def _hooks(tree: Any) -> Iterator[dict[str, Any]]:
    repositories = tree.get("repos") if isinstance(tree, dict) else None
    for repository in repositories if isinstance(repositories, list) else ():
        hooks = repository.get("hooks") if isinstance(repository, dict) else None
        for hook in hooks if isinstance(hooks, list) else ():
            if isinstance(hook, dict) and isinstance(hook.get("id"), str):
                yield {**hook, "local": repository.get("repo") == "local"}


def _heard(project: Project, hook: dict[str, Any]) -> Heard:
    name, place = hook["id"], project.at(_FILE, f"id: {hook['id']}")
    args = [part for part in hook.get("args") or () if isinstance(part, str)] if name in _OWN_ARGS else []
    if hook["local"] and isinstance(hook.get("entry"), str):
        said = list(commands_in(hook["entry"], place))
        known = [line for line in said if line.plain]
        if known:
            return Heard(tuple(known))
    elif name in _TOOLS:
        return Heard(tuple(_said(name, args, place)))
    why = "pre-commit makes its environment from the network, which gates do not have"
    return Heard(aside=(SetAside(command=f"pre-commit run {name}"[:300], place=place, why=why),))


def _said(name: str, args: list[str], place: str) -> Iterator[Said]:
    tool, *targets = _TOOLS[name].split()
    yield from commands_in(" ".join([tool, *(f'"{part}"' if " " in part else part for part in args), *targets]), place)
