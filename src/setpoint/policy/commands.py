"""What a command does, by its words. For the journal and for courtesy: the sandbox is the boundary, not this."""

import re
import shlex
from collections.abc import Sequence
from itertools import dropwhile
from pathlib import PurePosixPath

from .action import ActionKind

_SHELLS = {"sh", "bash", "dash", "zsh", "ksh", "fish"}
_WRAPPERS = {"env", "sudo", "doas", "nice", "nohup", "time", "timeout", "stdbuf", "exec", "command", "xargs", "setsid"}
_RUNNERS = {("uv", "run"), ("poetry", "run"), ("pdm", "run"), ("hatch", "run"), ("pipenv", "run"), ("npm", "exec")}
_OPERATORS = re.compile(r"^[;&|()<>]+$")

_WORDS: dict[ActionKind, str] = {
    ActionKind.READ: "cat head tail less more ls tree find grep rg ag wc stat file diff cmp pwd echo printf which type"
    " true false test [ sort uniq cut tr jq date cd basename dirname realpath",
    ActionKind.TEST: "pytest unittest tox nox coverage jest vitest mocha ava ruff flake8 black isort mypy pyright ty"
    " bandit eslint biome prettier tsc pre-commit",
    ActionKind.DEPENDENCY: "pip pip3 pipx conda mamba apt apt-get apk dnf yum brew gem composer",
    ActionKind.MIGRATION: "alembic flyway liquibase psql mysql sqlite3 prisma knex dropdb createdb",
    ActionKind.NETWORK: "curl wget nc ncat netcat ssh scp sftp rsync ftp telnet dig nslookup ping socat",
    ActionKind.INFRASTRUCTURE: "terraform tofu pulumi kubectl helm docker podman ansible ansible-playbook aws gcloud az"
    " systemctl",
    ActionKind.DEPLOY: "flyctl vercel netlify heroku twine",
    ActionKind.CONTROL_PLANE: "setpoint",
}
_NAMES = {name: kind for kind, words in _WORDS.items() for name in words.split()}
_VERBS: dict[str, dict[str, ActionKind]] = {
    "git": {
        **dict.fromkeys(("status", "log", "diff", "show", "blame", "grep", "ls-files", "rev-parse"), ActionKind.READ),
        **dict.fromkeys(("push", "fetch", "pull", "clone", "ls-remote"), ActionKind.NETWORK),
    },
    "npm": {"test": ActionKind.TEST, "publish": ActionKind.DEPLOY},
    "pnpm": {"test": ActionKind.TEST, "publish": ActionKind.DEPLOY},
    "yarn": {"test": ActionKind.TEST, "publish": ActionKind.DEPLOY},
    "uv": {"publish": ActionKind.DEPLOY},
    "poetry": {"publish": ActionKind.DEPLOY},
    "cargo": {"test": ActionKind.TEST, "publish": ActionKind.DEPLOY},
    "go": {"test": ActionKind.TEST, "vet": ActionKind.TEST},
    "make": {"test": ActionKind.TEST, "lint": ActionKind.TEST, "deploy": ActionKind.DEPLOY},
}
_INSTALLS = {"install", "i", "add", "ci", "remove", "uninstall", "update", "upgrade", "sync", "lock", "get", "download"}
_MANAGERS = {"npm", "pnpm", "yarn", "bun", "uv", "poetry", "pdm", "hatch", "pipenv", "cargo", "go", "bundle"}
_WITH_SCRIPT = 3
"""Words of `sh -c SCRIPT`."""
_BUILT_IN = {
    name
    for words in (
        "cd echo printf true false test [ [[ : set export unset read if then else elif fi for while until do done case",
        "esac in break continue return exit pwd umask wait trap local shift source . { } !",
    )
    for name in words.split()
}
"""What a shell does itself."""
_LEADING = frozenset(("if", "then", "elif", "else", "while", "until", "do", "!", "{"))
"""Words of a shell that a command may follow."""
_ORDER = tuple(ActionKind)
"""From harmless to grave: of several parts of a command line the gravest counts."""


def classify_command(argv: Sequence[str]) -> ActionKind:
    """The gravest thing the command's words speak of; `shell` when they say nothing known."""
    return _classified(list(argv), depth=4)


def programs(argv: Sequence[str]) -> tuple[str, ...]:
    """The programs that a command line names, first the one that is started; of a shell's script those of its parts.
    What a script works out only when it runs is not seen, and one that cannot be read is named `?`."""
    name = PurePosixPath(argv[0]).name if argv else ""
    script = next((argv[at + 1] for at in range(1, len(argv) - 1) if re.fullmatch(r"-[a-z]*c[a-z]*", argv[at])), None)
    if name not in _SHELLS or script is None:
        return (name,)
    parts = _parts(script)
    if parts is None:
        return ("?",)
    found = (_unwrapped([*dropwhile(_LEADING.__contains__, part)]) for part in parts)
    names = dict.fromkeys(PurePosixPath(words[0]).name for words in found if words)
    return tuple(name for name in names if name not in _BUILT_IN) or (name,)


def commands_in(script: str) -> tuple[str, ...]:
    """The commands that a shell's script names, each as its words: without what it is wrapped in (`env`, `timeout`, `uv
    run`, a shell), and from its program's own name on. None where it cannot be read."""
    found: list[str] = []
    for part in _parts(script) or ():
        words = _unwrapped([*dropwhile(_LEADING.__contains__, part)])
        name = PurePosixPath(words[0]).name if words else ""
        if name in _SHELLS and len(words) == _WITH_SCRIPT and re.fullmatch(r"-[a-z]*c", words[1]):
            found += commands_in(words[2])
        elif words:
            found.append(" ".join([name, *words[1:]]))
    return tuple(found)


def _classified(words: list[str], depth: int) -> ActionKind:
    words = _unwrapped(words)
    if not words:
        return ActionKind.SHELL
    name = PurePosixPath(words[0]).name
    if name in _SHELLS and depth:
        return _script(words, depth)
    if name == "eval" and depth:
        return _line(" ".join(words[1:]), depth)
    if re.fullmatch(r"python[\d.]*", name):
        return _classified(words[2:], depth - 1) if words[1:2] == ["-m"] and depth else _python(words)
    if name in ("npx", "bunx", "uvx") and depth:
        return max(ActionKind.SHELL, _classified(words[1:], depth - 1), key=_ORDER.index)
    return _verb(name, words[1:])


def _python(words: list[str]) -> ActionKind:
    script = next((word for word in words[1:] if not word.startswith("-")), "")
    if script.endswith("manage.py"):
        return ActionKind.MIGRATION if {"migrate", "makemigrations"} & set(words) else _manage(words)
    return ActionKind.SHELL


def _manage(words: list[str]) -> ActionKind:
    return ActionKind.TEST if "test" in words else ActionKind.SHELL


def _verb(name: str, rest: list[str]) -> ActionKind:
    verb = next((word for word in rest if not word.startswith("-")), "")
    if name in _MANAGERS and verb in _INSTALLS:
        return ActionKind.DEPENDENCY
    if verb in _VERBS.get(name, {}):
        return _VERBS[name][verb]
    return _NAMES.get(name, ActionKind.SHELL)


def _script(words: list[str], depth: int) -> ActionKind:
    for at, word in enumerate(words[1:], start=1):
        if re.fullmatch(r"-[a-z]*c[a-z]*", word) and at + 1 < len(words):
            return _line(words[at + 1], depth)
    return ActionKind.SHELL


def _line(text: str, depth: int) -> ActionKind:
    parts = _parts(text)
    if parts is None:
        return ActionKind.SHELL
    kinds = [_classified(part, depth - 1) for part in parts if part]
    return max(kinds, key=_ORDER.index, default=ActionKind.SHELL)


def _parts(text: str) -> list[list[str]] | None:
    """The words of each command in a shell's script; None where an open quotation lets nothing sure be said."""
    lexer = shlex.shlex(re.sub(r"\$\(|`", " ; ", text).replace("\n", " ; "), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    parts: list[list[str]] = [[]]
    try:
        for word in lexer:
            if _OPERATORS.match(word):
                parts.append([])
            else:
                parts[-1].append(word)
    except ValueError:
        return None
    return parts


def _unwrapped(words: list[str]) -> list[str]:
    while words:
        name = PurePosixPath(words[0]).name
        if re.fullmatch(r"[A-Za-z_]\w*=.*", words[0], re.DOTALL):
            words = words[1:]
        elif name in _WRAPPERS:
            words = words[1:]
            while words and (words[0].startswith("-") or re.fullmatch(r"\d+[smh]?", words[0])):
                words = words[1:]
        elif len(words) > 1 and (name, words[1]) in _RUNNERS:
            words = words[2:]
            while words and words[0].startswith("-"):
                words = words[1:]
        else:
            break
    return words
