"""Argument lists of gates: what tool one runs, with reports asked for, narrowed to some tests, wrapped for the room."""

import re
import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import PurePosixPath

from ..model.gate import Gate

REPORT = "{report}"
REPORT_FILE = "report"
"""Name of the report file below the reports folder."""
_RUNNERS = {("uv", "run"), ("poetry", "run"), ("pdm", "run"), ("pipenv", "run"), ("npm", "exec"), ("pnpm", "exec")}
_ASSIGNMENT = re.compile(r"^[A-Za-z_]\w*=")
_PYTHON = re.compile(r"^python(\d+(\.\d+)?)?$")
_VALUED = frozenset(
    (
        *("-c", "-k", "-m", "-n", "-o", "-p", "-r", "-s", "-t", "-g", "-W", "--rootdir", "--confcutdir", "--ignore"),
        *("--deselect", "--cov", "--maxfail", "--tb", "--config", "--project", "--root", "--dir", "--testNamePattern"),
        *("--import", "--require", "--grep", "--reporter", "--reporter-option", "--config-file", "--test-name-pattern"),
    )
)
"""Options whose value is the next word."""


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
        if optional or rest[0] in ("env", "npx", "bunx", "cross-env") or _ASSIGNMENT.match(rest[0]):
            before.append(rest.pop(0))
        elif tuple(rest[:2]) in _RUNNERS:
            before += rest[:2]
            rest = rest[2:]
            while rest and rest[0].startswith("-"):
                before.append(rest.pop(0))
        else:
            break
    if not rest:
        return Words(tuple(before), "", ())
    name = PurePosixPath(rest[0]).name
    if _PYTHON.match(name) and len(rest) > 2 and rest[1] == "-m":
        before, name, rest = [*before, *rest[:3]], rest[2], rest[3:]
    else:
        before, rest = [*before, rest[0]], rest[1:]
    name = {"py.test": "pytest"}.get(name, name)
    if name == "node" and "--test" in rest:
        name = "node --test"
    elif name == "ruff" and rest and rest[0] in ("check", "format"):
        before, name, rest = [*before, rest[0]], f"ruff {rest[0]}", rest[1:]
    return Words(tuple(before), name, tuple(rest))


def reporting(argv: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """`argv` with a report asked for where the tool has one, and how that report is read."""
    argv = _with_env(argv)
    told = words(argv)
    args = told.args
    asked: tuple[str, ...]
    if any(REPORT in part for part in argv):
        return tuple(argv), "exit"
    if told.tool == "pytest":
        # The module form puts the worktree itself first on the path; xunit1 carries each test's file.
        asked = (f"--junit-xml={REPORT}", "-o", "junit_family=xunit1", "-p", "no:cacheprovider", "--rootdir=.")
        return (*_env_of(told), "python", "-m", "pytest", *asked, *args), "junit"
    if told.tool == "ruff check" and "--fix" not in args:
        kept = tuple(part for part in args if not part.startswith("--output-format"))
        return (*told.before, "--output-format=sarif", f"--output-file={REPORT}", *kept), "sarif"
    if told.tool == "mypy":
        return (
            *_env_of(told),
            "python",
            "-m",
            "mypy",
            "--no-pretty",
            "--no-color-output",
            "--error-summary",
            *args,
        ), "exit"
    if told.tool == "node --test":
        at = args.index("--test") + 1
        asked = ("--test-reporter=junit", f"--test-reporter-destination={REPORT}")
        return (*told.before, *args[:at], *asked, *args[at:]), "junit"
    if told.tool == "vitest":
        kept = tuple(part for part in args if part not in ("run", "watch", "--watch", "dev"))
        return (*told.before, "run", "--reporter=default", "--reporter=junit", f"--outputFile={REPORT}", *kept), "junit"
    if told.tool == "jest":
        kept = tuple(part for part in args if not part.startswith("--watch"))
        return (*told.before, "--ci", "--json", f"--outputFile={REPORT}", *kept), "json"
    if told.tool in ("mocha", "_mocha"):
        return (*told.before, "--reporter", "xunit", "--reporter-option", f"output={REPORT}", *args), "junit"
    if told.tool == "eslint":
        return (*told.before, "--format", "json", "--output-file", REPORT, *args), "json"
    if told.tool == "tsc" and "--noEmit" in args:
        return (*told.before, "--pretty", "false", "--listFiles", *args), "exit"
    if told.tool == "unittest" and "-v" not in args:
        return (*told.before, *args[:1], "-v", *args[1:]) if args else (*told.before, "discover", "-v"), "exit"
    return tuple(argv), "exit"


def _with_env(argv: Sequence[str]) -> tuple[str, ...]:
    """`NAME=value tool` and `cross-env NAME=value tool` as `env NAME=value tool`."""
    if argv and argv[0] == "cross-env":
        return ("env", *argv[1:])
    return ("env", *argv) if argv and _ASSIGNMENT.match(argv[0]) else tuple(argv)


def _env_of(told: Words) -> tuple[str, ...]:
    return tuple(takewhile(lambda part: part == "env" or bool(_ASSIGNMENT.match(part)), told.before))


def in_shell(gate: Gate) -> tuple[str, ...]:
    """The command as the room runs it: in its folder, the report's place filled in, a missing tool told by 127.

    The shell sees quoted words only; nothing of the gate is interpreted by it.
    """
    command = f"exec {' '.join(map(_in_place, gate.run))}"
    if gate.where != ".":
        folder = shlex.quote(gate.where)
        command = (
            f'cd -- {folder} || exit 125\nPATH="$PWD/.venv/bin:$PWD/node_modules/.bin:$PATH"; export PATH\n{command}'
        )
    return ("sh", "-c", command)


def in_script(argv: Sequence[str]) -> str:
    """`argv` as words of a shell script, each quoted, the report's place filled in."""
    return " ".join(map(_in_place, argv))


def _in_place(word: str) -> str:
    pieces = [shlex.quote(piece) if piece else "" for piece in word.split(REPORT)]
    return f'"$SETPOINT_REPORTS"/{REPORT_FILE}'.join(pieces) or "''"


def shown(argv: Sequence[str]) -> str:
    """The command for people, to be typed again: without the report."""
    kept = []
    for part in argv:
        if REPORT not in part and not part.startswith(("--test-reporter", "--output-format=sarif")):
            kept.append(part)
        elif kept and kept[-1] in ("--output-file", "--reporter-option"):
            kept.pop()
    return shlex.join(kept)


def only(gate: Gate, targets: Sequence[str], files: Collection[str]) -> Gate | None:
    """`gate` for some test files or, for pytest, node ids; None when its tool cannot be narrowed so."""
    told = words(gate.run)
    if told.tool == "pytest":
        rooted = () if any(part.startswith("--rootdir") for part in told.args) else ("--rootdir=.",)
        args = (*_options(told.args, gate.where, files), *rooted, *targets)
    elif told.tool in ("node --test", "vitest", "jest", "mocha"):
        args = (*_options(told.args, gate.where, files), *targets)
    elif told.tool == "unittest":
        args = ("-v", *targets)
    else:
        return None
    return gate.model_copy(update={"run": replace(told, args=args).argv})


def _options(args: Sequence[str], where: str, files: Collection[str]) -> tuple[str, ...]:
    """`args` without the files and folders they name."""
    below = "" if where == "." else where.rstrip("/") + "/"
    kept: list[str] = []
    for part in args:
        path = below + part.partition("::")[0].removeprefix("./").rstrip("/")
        valued = bool(kept) and kept[-1] in _VALUED
        named = path in files or any(known.startswith(path + "/") for known in files) or "*" in part
        if part.startswith("-") or valued or not (named or "::" in part or part == "."):
            kept.append(part)
    return tuple(kept)
