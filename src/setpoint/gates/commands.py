"""Argument lists of gates: what tool one runs, with reports asked for, narrowed to some tests, wrapped for the room."""

import shlex
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from itertools import takewhile

from ..model.gate import Gate
from .words import ASSIGNMENT, Words
from .words import words as words

REPORT = "{report}"
REPORT_FILE = "report"
"""Name of the report file below the reports folder."""
Asked = tuple[tuple[str, ...], str]
_VALUED = frozenset(
    (
        *("-c", "-k", "-m", "-n", "-o", "-p", "-r", "-s", "-t", "-g", "-W", "--rootdir", "--confcutdir", "--ignore"),
        *("--deselect", "--cov", "--maxfail", "--tb", "--config", "--project", "--root", "--dir", "--testNamePattern"),
        *("--import", "--require", "--grep", "--reporter", "--reporter-option", "--config-file", "--test-name-pattern"),
    )
)
"""Options whose value is the next word."""


def reporting(argv: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """`argv` with a report asked for where the tool has one, and how that report is read."""
    argv = _with_env(argv)
    told = words(argv)
    if any(REPORT in part for part in argv):
        return tuple(argv), "exit"
    ask = _ASK.get(told.tool)
    return ask(told) if ask else (tuple(argv), "exit")


def _pytest(told: Words) -> Asked:
    # The module form puts the worktree itself first on the path; xunit1 carries each test's file.
    asked = (f"--junit-xml={REPORT}", "-o", "junit_family=xunit1", "-p", "no:cacheprovider", "--rootdir=.")
    return (*_env_of(told), "python", "-m", "pytest", *asked, *told.args), "junit"


def _unittest(told: Words) -> Asked:
    if "-v" in told.args:
        return told.argv, "exit"
    return (*told.before, *told.args[:1], "-v", *told.args[1:]) if told.args else (
        *told.before,
        "discover",
        "-v",
    ), "exit"


def _django_test(told: Words) -> Asked:
    return (*told.before, "-v", "2", *_without(told.args, "-v", "--verbosity")), "exit"


def _ruff(told: Words) -> Asked:
    if "--fix" in told.args:
        return told.argv, "exit"
    kept = _without(told.args, "--output-format", "--output-file")
    return (*told.before, "--output-format=sarif", f"--output-file={REPORT}", *kept), "sarif"


def _mypy(told: Words) -> Asked:
    asked = ("--no-pretty", "--no-color-output", "--error-summary")
    return (*_env_of(told), "python", "-m", "mypy", *asked, *told.args), "exit"


def _pyright(told: Words) -> Asked:
    return (*told.before, "--outputjson", *_without(told.args, "--outputjson", flags=True)), "exit"


def _ty(told: Words) -> Asked:
    # Its count of files is in its verbose words only.
    return (*told.before, "-v", "--output-format=gitlab", *_without(told.args, "--output-format")), "exit"


def _flake8(told: Words) -> Asked:
    # The benchmark tells how many files were read; without it flake8 tells findings only.
    if any(part.startswith("--format") for part in told.args):
        told = replace(told, args=_without(told.args, "--format"))
    return (*told.before, "--benchmark", *_without(told.args, "--benchmark", flags=True)), "exit"


def _bandit(told: Words) -> Asked:
    kept = _without(_without(told.args, "-f", "--format", "-o", "--output"), "-q", "--quiet", flags=True)
    return (*told.before, "-q", "-f", "json", "-o", REPORT, *kept), "json"


def _node_test(told: Words) -> Asked:
    at = told.args.index("--test") + 1
    asked = ("--test-reporter=junit", f"--test-reporter-destination={REPORT}")
    return (*told.before, *told.args[:at], *asked, *told.args[at:]), "junit"


def _vitest(told: Words) -> Asked:
    kept = tuple(part for part in told.args if part not in ("run", "watch", "--watch", "dev"))
    return (*told.before, "run", "--reporter=default", "--reporter=junit", f"--outputFile={REPORT}", *kept), "junit"


def _jest(told: Words) -> Asked:
    kept = tuple(part for part in told.args if not part.startswith("--watch"))
    return (*told.before, "--ci", "--json", f"--outputFile={REPORT}", *kept), "json"


def _mocha(told: Words) -> Asked:
    return (*told.before, "--reporter", "xunit", "--reporter-option", f"output={REPORT}", *told.args), "junit"


def _ava(told: Words) -> Asked:
    kept = tuple(part for part in told.args if part not in ("-t", "--tap", "-w", "--watch", "-v", "--verbose"))
    return (*told.before, "--tap", *kept), "exit"


def _eslint(told: Words) -> Asked:
    kept = _without(told.args, "-f", "--format", "-o", "--output-file")
    return (*told.before, "--format", "json", "--output-file", REPORT, *kept), "json"


def _prettier(told: Words) -> Asked:
    # Which files it looked at is in its debug words only.
    if not {"--check", "-c", "--list-different", "-l"} & set(told.args):
        return told.argv, "exit"
    kept = tuple(part for part in told.args if part not in ("-l", "--list-different", "-c", "--check"))
    return (*told.before, "--check", "--log-level=debug", *_without(kept, "--log-level", "--loglevel")), "exit"


def _biome(told: Words) -> Asked:
    if not told.args or told.args[0] not in ("check", "ci", "lint", "format") or "--write" in told.args:
        return told.argv, "exit"
    kept = _without(told.args[1:], "--reporter", "--max-diagnostics")
    return (*told.before, told.args[0], "--reporter=json", "--max-diagnostics=none", *kept), "exit"


def _tsc(told: Words) -> Asked:
    if "--noEmit" not in told.args:
        return told.argv, "exit"
    return (*told.before, "--pretty", "false", "--listFiles", *_without(told.args, "--pretty")), "exit"


def _npm_audit(told: Words) -> Asked:
    kept = _without(_without(told.args, "--audit-level"), "--json", flags=True)
    return (*told.before, "--json", "--audit-level=high", *kept), "exit"


def _yarn_audit(told: Words) -> Asked:
    kept = _without(_without(told.args, "--severity"), "--json", flags=True)
    return (*told.before, "--json", "--severity=high", *kept), "exit"


def _json_audit(told: Words) -> Asked:
    kept = _without(told.args, "-f", "--format")
    inner = tuple(takewhile(lambda part: part in ("scan", "source"), kept))
    return (*told.before, *inner, "--format=json", *kept[len(inner) :]), "exit"


def _uv_audit(told: Words) -> Asked:
    return (*told.before, "--output-format=json", *_without(told.args, "--output-format")), "exit"


_ASK: dict[str, Callable[[Words], Asked]] = {
    **{"pytest": _pytest, "unittest": _unittest, "django test": _django_test, "ruff check": _ruff, "mypy": _mypy},
    **{"pyright": _pyright, "ty check": _ty, "flake8": _flake8, "bandit": _bandit, "node --test": _node_test},
    **{"vitest": _vitest, "jest": _jest, "mocha": _mocha, "ava": _ava, "eslint": _eslint, "prettier": _prettier},
    **{"biome": _biome, "tsc": _tsc, "npm audit": _npm_audit, "pnpm audit": _npm_audit, "yarn npm audit": _yarn_audit},
    **{"pip-audit": _json_audit, "osv-scanner": _json_audit, "uv audit": _uv_audit},
}


def _without(args: Sequence[str], *options: str, flags: bool = False) -> tuple[str, ...]:
    """`args` without these options and, unless they are flags, their values."""
    kept: list[str] = []
    value_of = ""
    for part in args:
        if value_of and not part.startswith("-"):
            value_of = ""
            continue
        value_of = ""
        if part in options:
            value_of = "" if flags else part
        elif part.partition("=")[0] not in options or "=" not in part:
            kept.append(part)
    return tuple(kept)


def _with_env(argv: Sequence[str]) -> tuple[str, ...]:
    """`NAME=value tool` and `cross-env NAME=value tool` as `env NAME=value tool`."""
    if argv and argv[0] == "cross-env":
        return ("env", *argv[1:])
    return ("env", *argv) if argv and ASSIGNMENT.match(argv[0]) else tuple(argv)


def _env_of(told: Words) -> tuple[str, ...]:
    return tuple(takewhile(lambda part: part == "env" or bool(ASSIGNMENT.match(part)), told.before))


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


_OURS = (
    *("--junit-xml", "--test-reporter", "--output-format=sarif", "--output-format=gitlab", "--benchmark", "--tap"),
    *(
        "--outputjson",
        "--log-level=debug",
        "--format=json",
        "--audit-level=high",
        "--severity=high",
        "--reporter=json",
        "--max-diagnostics=none",
        "--listFiles",
        "--json",
    ),
)
_OURS_OF = {
    **{"npm audit": ("--json", "--audit-level=high"), "pnpm audit": ("--json", "--audit-level=high")},
    **{"yarn npm audit": ("--json", "--severity=high"), "pip-audit": ("--format=json",)},
    **{"osv-scanner": ("--format=json",), "uv audit": ("--output-format=json",)},
    "pytest": ("-o", "junit_family=xunit1", "-p", "no:cacheprovider", "--rootdir=."),
    "ty check": ("-v",),
    "bandit": ("-q", "-f", "json", "-o"),
    "eslint": ("--format", "json", "--output-file"),
    "mocha": ("--reporter", "xunit", "--reporter-option"),
    "mypy": ("--no-pretty", "--no-color-output", "--error-summary"),
    "ruff check": ("--output-file",),
    "tsc": ("--pretty", "false"),
}
"""What is asked of tools for the sake of their report alone."""


def shown(argv: Sequence[str]) -> str:
    """The command for people, to be typed again: without the report."""
    told = words(argv)
    ours = list(_OURS_OF.get(told.tool, ()))
    kept = []
    for part in told.args:
        if part in ours:
            ours.remove(part)
        elif REPORT not in part and not part.startswith(_OURS):
            kept.append(part)
    return shlex.join((*(part for part in told.before if REPORT not in part and not part.startswith(_OURS)), *kept))


def only(gate: Gate, targets: Sequence[str], files: Collection[str]) -> Gate | None:
    """`gate` for some test files or, for pytest, node ids; None when its tool cannot be narrowed so."""
    told = words(gate.run)
    if told.tool == "pytest":
        rooted = () if any(part.startswith("--rootdir") for part in told.args) else ("--rootdir=.",)
        args = (*_options(told.args, gate.where, files), *rooted, *targets)
    elif told.tool in ("node --test", "vitest", "jest", "mocha", "ava"):
        args = (*_options(told.args, gate.where, files), *targets)
    elif told.tool == "unittest":
        args = ("-v", *targets)
    elif told.tool == "django test":
        args = (*told.args, *targets)
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


def named_targets(gate: Gate) -> tuple[str, ...]:
    """The files and folders that a test command names, as it names them, without a test's own name; none: it takes what
    it finds."""
    told = words(gate.run)
    if told.tool == "unittest" and "discover" in told.args:
        start = next(
            (told.args[at + 1] for at, part in enumerate(told.args[:-1]) if part in ("-s", "--start-directory")), "."
        )
        return (start.removeprefix("./").rstrip("/") or ".",)
    found = []
    for at, part in enumerate(told.args):
        valued = at > 0 and (told.args[at - 1] in _VALUED or (told.tool, told.args[at - 1]) == ("django test", "-v"))
        if not part.startswith("-") and not valued and REPORT not in part and part not in ("run", "discover"):
            name = part.partition("::")[0].removeprefix("./").rstrip("/")
            dotted = told.tool in ("unittest", "django test") and "/" not in name
            found.append(name.replace(".", "/") if dotted else name)
    return tuple(name or "." for name in found)
