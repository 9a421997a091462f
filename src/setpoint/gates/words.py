"""What an argument list runs: runners and interpreters in front, the tool, its arguments."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

ASSIGNMENT = re.compile(r"^[A-Za-z_]\w*=")
_RUNNERS = {
    *(("uv", "run"), ("poetry", "run"), ("pdm", "run"), ("pipenv", "run"), ("rye", "run"), ("hatch", "run")),
    *(("npm", "exec"), ("pnpm", "exec"), ("yarn", "exec"), ("bun", "x")),
}
_RUNNER_VALUED = frozenset(
    (
        *("--group", "--only-group", "--extra", "--with", "--with-requirements", "--python", "-p", "--package"),
        *("--env-file", "--directory", "--project", "-C", "--filter", "-w", "--workspace"),
    )
)
"""Options of runners whose value is the next word."""
_PYTHON = re.compile(r"^(?:python(\d+(\.\d+)?)?|pypy3?)$")
_SAME = {"pip_audit": "pip-audit", "py.test": "pytest", "_mocha": "mocha", "basedpyright": "pyright"}
_SUBCOMMANDS = {"ruff": ("check", "format"), "ty": ("check",), "npm": ("audit",), "pnpm": ("audit",), "uv": ("audit",)}


@dataclass(frozen=True)
class Words:
    """An argument list taken apart."""

    before: tuple[str, ...]
    """What stands before the tool: environment, runners, interpreter."""
    tool: str
    """`pytest`, `ruff check`, `node --test`, ...: the name in the tool table, else the program's name."""
    args: tuple[str, ...]

    @property
    def argv(self) -> tuple[str, ...]:
        """The whole again."""
        return (*self.before, *self.args)


def words(argv: Sequence[str]) -> Words:
    """Take `argv` apart; `before` and `args` together are always the whole of it."""
    rest = list(argv)
    before: list[str] = []
    while rest:
        optional = before[-1:] == ["npx"] and rest[0].startswith("-")
        if optional or rest[0] in ("env", "npx", "bunx", "cross-env") or ASSIGNMENT.match(rest[0]):
            before.append(rest.pop(0))
        elif tuple(rest[:2]) in _RUNNERS:
            before += rest[:2]
            rest = rest[2:]
            while rest and rest[0].startswith("-"):
                taken = 2 if rest[0] in _RUNNER_VALUED else 1
                before += rest[:taken]
                rest = rest[taken:]
        else:
            break
    if not rest:
        return Words(tuple(before), "", ())
    return _named(before, rest)


def _named(before: list[str], rest: list[str]) -> Words:
    """The tool's name in the table, with its interpreter and subcommand before it."""
    name = PurePosixPath(rest[0]).name
    interpreted = 1 if _PYTHON.match(name) and len(rest) > 1 else 0
    if interpreted and len(rest) > 2 and rest[1] == "-m":
        before, name, rest = [*before, *rest[:3]], rest[2], rest[3:]
    elif PurePosixPath(rest[interpreted]).name == "manage.py" and len(rest) > interpreted + 1:
        taken = interpreted + 2
        return Words((*before, *rest[:taken]), f"django {rest[taken - 1]}", tuple(rest[taken:]))
    else:
        before, rest = [*before, rest[0]], rest[1:]
    name = _SAME.get(name, name)
    if name == "node" and "--test" in rest:
        name = "node --test"
    elif name == "yarn" and rest[:2] == ["npm", "audit"]:
        before, name, rest = [*before, *rest[:2]], "yarn npm audit", rest[2:]
    elif rest and rest[0] in _SUBCOMMANDS.get(name, ()):
        before, name, rest = [*before, rest[0]], f"{name} {rest[0]}", rest[1:]
    return Words(tuple(before), name, tuple(rest))
