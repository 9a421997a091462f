"""Dockerfiles as values: instructions with their lines, stages, and the variables that are known before a build."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

INSTRUCTIONS = frozenset(
    (
        *("ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER"),
        *("ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
    )
)
_NAME = re.compile(
    r"^(?:.*[./\-_])?(?:Dockerfile|Containerfile)(?:[.\-_][\w.\-]+)?$|\.(?:[Dd]ockerfile|containerfile)$"
)
_NO_BUILD = re.compile(r"\.(?:dockerignore|containerignore|md|txt|rst|py|js|ts|j2|tmpl|tpl|template|in|sh|ya?ml|json)$")
LONGEST = 4_000
"""Letters of a text whose variables are filled in."""
_VARIABLES = 200
_DIRECTIVE = re.compile(r"^#\s*(\w+)\s*=\s*(.+?)\s*$")
_HEREDOC = re.compile(r"<<(-?)([\"']?)([A-Za-z_]\w*)\2")
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?:(:?[-+?])([^}]*))?[^}]*\}|(\w+))")
_FLAG = re.compile(r"^--[a-z][\w\-]*(?:=\S*)?$")


@dataclass(frozen=True)
class Instruction:
    """One instruction."""

    word: str
    """In capitals."""
    rest: str
    """What stands behind it, lines joined, without its flags."""
    line: int
    flags: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    """Names of the here-documents it opens."""

    @cached_property
    def array(self) -> tuple[str, ...] | None:
        """The words of the JSON form; None for the other one."""
        try:
            told = json.loads(self.rest) if self.rest.startswith("[") else None
        except (ValueError, RecursionError):
            return None
        return tuple(told) if isinstance(told, list) and all(isinstance(word, str) for word in told) else None

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Its words, in either form, without quotes."""
        if self.array is not None:
            return self.array
        try:
            return tuple(shlex.split(self.rest))
        except ValueError:
            return tuple(self.rest.split())

    def flag(self, name: str) -> str:
        """The value of `--name=value`; empty when it is not there."""
        return next((flag.partition("=")[2] for flag in self.flags if flag.partition("=")[0] == f"--{name}"), "")


@dataclass(frozen=True)
class Stage:
    """One stage of a build."""

    image: str
    """The image or stage it begins from, variables filled in as far as they are known."""
    name: str
    line: int
    steps: tuple[Instruction, ...]


@dataclass(frozen=True)
class Dockerfile:
    """One file."""

    instructions: tuple[Instruction, ...]

    @cached_property
    def arguments(self) -> Mapping[str, str]:
        """Defaults of the arguments before the first stage."""
        found: dict[str, str] = {}
        for one in self.instructions:
            if one.word == "FROM":
                break
            if one.word == "ARG":
                found |= {name: filled(value, found) for name, value in pairs(one) if value}
        return found

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """In their order."""
        starts = [at for at, one in enumerate(self.instructions) if one.word == "FROM"]
        return tuple(
            self._stage(self.instructions[at], self.instructions[at + 1 : end])
            for at, end in zip(starts, [*starts[1:], len(self.instructions)], strict=False)
        )

    def _stage(self, start: Instruction, steps: tuple[Instruction, ...]) -> Stage:
        words = start.words
        named = len(words) >= 3 and words[1].upper() == "AS"
        return Stage(
            filled(words[0], self.arguments) if words else "", words[2].lower() if named else "", start.line, steps
        )


def is_dockerfile(path: str) -> bool:
    """Whether a file is one by its name: `Dockerfile`, `api.Dockerfile`, `Containerfile.dev`."""
    name = path.rpartition("/")[2]
    return bool(_NAME.search(name)) and not _NO_BUILD.search(name)


def read_dockerfile(text: str) -> Dockerfile:
    """The instructions of `text`; nothing of it is refused here."""
    return Dockerfile(tuple(_instructions(text)))


def _instructions(text: str) -> Iterator[Instruction]:
    lines = text.replace("\r\n", "\n").split("\n")
    escape, at = _escape(lines), 0
    while at < len(lines):
        first, parts = at, list[str]()
        if not lines[at].strip() or lines[at].lstrip().startswith("#"):
            at += 1
            continue
        goes_on = True
        while goes_on and at < len(lines):
            line, at = lines[at], at + 1
            if parts and (line.lstrip().startswith("#") or not line.strip()):
                continue
            kept = line.rstrip()
            goes_on = kept.endswith(escape)
            parts.append(kept[:-1] if goes_on else kept)
        whole = "".join(parts).strip()
        documents = _opened(whole)
        for dash, name in documents:
            at = _behind(lines, at, name, bool(dash))
        yield _instruction(whole, first + 1, tuple(name for _, name in documents))


def _escape(lines: list[str]) -> str:
    """The sign at the end of a line that goes on; a directive at the top may choose the backtick."""
    for line in lines:
        told = _DIRECTIVE.match(line.strip())
        if not told:
            break
        if told[1].lower() == "escape" and told[2] in ("\\", "`"):
            return told[2]
    return "\\"


def _opened(whole: str) -> list[tuple[str, str]]:
    word = whole.partition(" ")[0].upper()
    if word not in ("RUN", "COPY", "ADD"):
        return []
    return [(dash, name) for dash, _, name in _HEREDOC.findall(whole)]


def _behind(lines: list[str], at: int, name: str, dashed: bool) -> int:
    """The line after the document that began at `at`."""
    for number in range(at, len(lines)):
        if (lines[number].lstrip("\t") if dashed else lines[number]) == name:
            return number + 1
    return len(lines)


def _instruction(whole: str, line: int, documents: tuple[str, ...]) -> Instruction:
    word, _, rest = whole.replace("\t", " ").partition(" ")
    flags, rest = [], rest.strip()
    while rest.startswith("--") and word.upper() in ("FROM", "COPY", "ADD", "RUN", "HEALTHCHECK"):
        flag, _, behind = rest.partition(" ")
        if not _FLAG.match(flag):
            break
        flags.append(flag)
        rest = behind.strip()
    return Instruction(word.upper(), rest, line, tuple(flags), documents)


def pairs(one: Instruction) -> Iterator[tuple[str, str]]:
    """Names and values of an ENV or ARG."""
    words = one.words
    if one.word == "ENV" and words and "=" not in words[0]:
        yield words[0], " ".join(words[1:])
        return
    for word in words:
        name, _, value = word.partition("=")
        yield name, value


def filled(text: str, known: Mapping[str, str]) -> str:
    """`text` with the variables that are known; others stay as they are written, as all do where it would become longer
    than LONGEST: a few lines can name each other until they stand for more than any memory holds."""
    if text.count("$") > _VARIABLES:
        return text

    def value(found: re.Match[str]) -> str:
        name = found[1] or found[4]
        if name in known and (known[name] or found[2] != ":-"):
            return known[name]
        return found[3] if (found[2] or "").endswith("-") else found[0]

    told = _VARIABLE.sub(value, text)
    return told if len(told) <= LONGEST or len(told) <= len(text) else text


def unknown(text: str) -> bool:
    """Whether a variable is left in it."""
    return bool(_VARIABLE.search(text))
