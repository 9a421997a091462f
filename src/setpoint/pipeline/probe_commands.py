"""A reviewer's probe as a shell command: whether it was run, and whether it asks anything of the change."""

import re
from collections.abc import Collection

LONG = 24
"""Letters from which a part of a command that was run is not met by chance."""
_SAYING = re.compile(r"(?:echo|printf)\b|:(?:\s|$)")
_LOOKING = re.compile(
    r"(?:cat|ls|head|tail|less|more|pwd|echo|printf|true|false|wc|tree|nl|stat|file|cut|sort|uniq|tr|tee|rg|cd|pushd|popd"
    r"|exit|sleep|set|export|sed -n|git (?:diff|log|show|status|blame|grep)|find(?!.*-exec)|grep(?!.* -\w*q)|:)"
    r"(?:\s.*)?",
    re.DOTALL,
)
_RUNNERS = re.compile(r"(?:(?:\w+=\S*|time|env|exec|(?:uv|poetry|pdm|hatch|pipenv) run|npx|timeout \S+|!) )+")
_SUITE = re.compile(
    r"(?:(?:python3?(?: -\w)* -m )?(?:pytest|unittest(?: discover)?)|(?:npm|yarn|pnpm) (?:run )?test"
    r"|make (?:test|check)|tox|nox|vitest(?: run)?|jest|cargo test|go test)"
    r"(?: -[-\w]+(?:=\S*)?| no:\S+| \./\.\.\.| [\w/][\w\-/]*)*"
)
_COMPILING = re.compile(r"python3? -m (?:compileall|py_compile)\b.*", re.DOTALL)
_INLINE = re.compile(r"(?:python3?(?: -\w)* -c|(?:node|ruby|perl)(?: -\w)* -e) (.*)", re.DOTALL)
_LOADS = re.compile(r"import|open|exec|eval|require|load|process|fetch|system|spawn|\bread|sys\b")
_REDIRECTION = re.compile(r"\s*(?:\d?>&\d|&?\d?>{1,2}\s*[^\s;|&]+)")


def same_words(text: str) -> str:
    """A command as commands are compared."""
    return " ".join(text.casefold().split())


def pieces(command: str) -> list[str]:
    """The commands that `command` is put together from, in order; what stands in quotes stays whole."""
    found, quote, at = [""], "", 0
    while at < len(command):
        letter = command[at]
        if letter == "\\" and quote != "'" and at + 1 < len(command):
            # The end of a line that goes on is a space.
            found[-1] += " " if command[at + 1] == "\n" else command[at : at + 2]
            at += 2
            continue
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"`":
            quote = letter
        elif letter == "#" and (not found[-1] or found[-1][-1].isspace()):
            end = command.find("\n", at)
            at = len(command) if end < 0 else end
            continue
        elif letter in ";|\n" or (letter == "&" and not found[-1].endswith(">") and command[at + 1 : at + 2] != ">"):
            found.append("")
            at += 1
            continue
        found[-1] += letter
        at += 1
    return [piece.strip() for piece in found if piece.strip()]


def was_run(asked: str, command: str) -> bool:
    """Whether `asked` is the command that was run, or one of those it was put together from; naming it in a comment or
    in what is printed is not running it."""
    wanted, whole = same_words(asked), same_words(command)
    parts = pieces(command)
    if wanted == whole or wanted in map(same_words, parts):
        return True
    if not _SAYING.match(wanted):
        whole = same_words("\n".join(part for part in parts if not _says(part)))
        # What joined the parts is gone there.
        wanted = same_words("\n".join(pieces(asked)))
    return len(wanted) >= LONG and wanted in whole


def _says(piece: str) -> bool:
    return bool(_SAYING.match(piece)) and not _runs_within(piece)


def _runs_within(piece: str) -> bool:
    return "$(" in piece or "`" in piece


def asks_nothing(command: str, suite: Collection[str]) -> bool:
    """Whether a command reads, prints or runs the suite again, whose commands are `suite`, and does nothing beside."""
    if "<<" in command:
        return False  # a program of its own
    return same_words(command) in suite or all(_idle(piece, suite) for piece in pieces(command))


def _idle(piece: str, suite: Collection[str]) -> bool:
    if _runs_within(piece):
        return False
    plain = same_words(_REDIRECTION.sub("", piece.strip("(){} ")))
    plain = _RUNNERS.sub("", plain + " ", count=1).strip() if _RUNNERS.match(plain + " ") else plain
    if not plain or plain in suite or any(known.fullmatch(plain) for known in (_LOOKING, _SUITE, _COMPILING)):
        return True
    inline = _INLINE.fullmatch(plain)
    return bool(inline and not _LOADS.search(inline[1]))
