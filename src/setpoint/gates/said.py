"""Command lines that a repository's own files speak of: what its people run before they call a change good."""

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..model.gate import SetAside
from .tools import TOOLS
from .words import Words, words

_OPERATORS = re.compile(r"[;|&<>`$()]")
_PATTERNS = re.compile(r"[{}*?]")
_TAKE_PATTERNS = frozenset(("eslint", "prettier", "mocha", "ava", "node --test", "vitest", "jest", "biome"))
_WRITES = frozenset(("--fix", "--write", "-w", "--in-place", "-i"))
_CHECKS = {
    "ruff format": ("--check", "--diff"),
    "black": ("--check", "--diff"),
    "isort": ("--check", "--check-only", "-c", "--diff"),
    "prettier": ("--check", "-c", "--list-different", "-l"),
    "django makemigrations": ("--check",),
    "tsc": ("--noEmit",),
}
"""Formatters and the like check only when they are told to."""
_WRAPPERS = frozenset(("time", "sudo", "exec", "command", "uvx", "xvfb-run", "c8", "nyc", "dotenv", "winpty"))
_MANAGERS = frozenset(("npm", "pnpm", "yarn", "bun"))


@dataclass(frozen=True)
class Said:
    """One command of the repository."""

    place: str
    """`file:line`."""
    told: Words
    where: str = "."
    """Folder it runs in, relative to the project."""
    named: str = ""
    """The target, environment or script it stands in, where it has a name."""

    @property
    def plain(self) -> bool:
        """Whether it can be run without a shell, and looks instead of changing."""
        text = " ".join(self.told.argv)
        shell = _OPERATORS.search(text) or (self.told.tool not in _TAKE_PATTERNS and _PATTERNS.search(text))
        checks = _CHECKS.get(self.told.tool)
        names = {part.partition("=")[0] for part in self.told.args}
        # A mere `-w` or `-i` is another thing to other tools.
        writes = names & _WRITES if self.told.tool in ("eslint", "prettier", "biome", "isort") else names & {"--fix"}
        writes |= names & {"fix", "--fix"} if self.told.tool.endswith("audit") else set()
        return self.told.tool in TOOLS and not shell and not writes and (checks is None or bool(names & {*checks}))

    @property
    def argv(self) -> tuple[str, ...]:
        """The tool and its arguments, runners left out: they would bring an environment up to date first, and gates
        have no network."""
        told = self.told
        inner = tuple(told.tool.split())
        if told.tool.startswith("django "):
            inner = told.before[-2:]
        elif told.tool == "node --test":
            inner = ("node",)
        elif "basedpyright" in told.before:
            inner = ("basedpyright",)
        module = ("python", "-m") if told.tool == "unittest" else ("python",) if told.tool.startswith("django") else ()
        args = tuple(part for part in told.args if part not in ("--install-types", "--non-interactive"))
        return (*(part for part in told.before if "=" in part), *module, *inner, *args)


@dataclass(frozen=True)
class Heard:
    """What a file speaks of."""

    said: tuple[Said, ...] = ()
    aside: tuple[SetAside, ...] = ()


def joined(heard: Sequence[Heard]) -> Heard:
    """All of them as one, in order."""
    return Heard(tuple(x for h in heard for x in h.said), tuple(x for h in heard for x in h.aside))


def commands_in(text: str, place: str, where: str = ".", *, named: str = "") -> Iterator[Said]:
    """The commands of one shell line, which stands in what is `named` so; `cd` moves those after it."""
    for piece in re.split(r"\s*(?:&&|;)\s*", text.strip()):
        try:
            parts = shlex.split(piece.lstrip("@-+ "), comments=True)
        except ValueError:
            continue
        if len(parts) == 2 and parts[0] == "cd":
            below = parts[1].strip("/").removeprefix("./")
            where = below if where == "." else f"{where}/{below}"
        elif parts:
            yield Said(place, words(unwrapped(parts)), where, named)


def unwrapped(parts: Sequence[str]) -> tuple[str, ...]:
    """The command without what only measures or finds it: `coverage run -m pytest`, `c8 mocha`, `yarn eslint`."""
    rest = list(parts)
    for _ in range(8):
        told = words(rest)
        if told.tool in ("coverage", "slipcover") and "-m" in told.args:
            rest = ["python", *told.args[told.args.index("-m") :]]
        elif told.tool in _WRAPPERS and told.args:
            after = list(told.args)
            while after and after[0].startswith("-"):
                after.pop(0)
            rest = after
        elif told.tool in _MANAGERS and len(told.args) > 0 and _tool_after(told.args):
            rest = list(told.args[_tool_after(told.args) - 1 :])
        else:
            break
    return tuple(rest)


def _tool_after(args: Sequence[str]) -> int:
    """Position, from 1, of a known tool behind a package manager's own words; 0 when there is none."""
    at = 1 if args[0] in ("run", "exec", "dlx") and len(args) > 1 else 0
    known = words(args[at:]).tool in TOOLS
    return at + 1 if known else 0


def line_of(text: str, words_: str) -> int:
    """Number of the first line that holds the words; 0 when none does."""
    return next((number for number, row in enumerate(text.split("\n"), start=1) if words_ and words_ in row), 0)
