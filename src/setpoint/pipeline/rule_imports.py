"""`@path` in a rule file: what else it brings in. Read from the trusted commit alone, and never from outside it."""

import posixpath
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

HOPS = 4
MOST_IMPORTS = 40
"""Files that all rule files together may bring in."""

_CODE = re.compile(r"^(```|~~~).*?^\1|`[^`\n]*`|<!--.*?(?:-->|\Z)", re.DOTALL | re.MULTILINE)
_IMPORT = re.compile(r"(?:(?<=\s)|^)@([^\s`]+)", re.MULTILINE)

Read = Callable[[str], bytes | None]
"""The content of a plain file of the commit; None when there is none by that name, links included."""


class Imported(NamedTuple):
    """A file that was brought in."""

    path: str
    text: str
    by: str


def imports(
    path: str, text: str, read: Read, seen: set[str], before: Sequence[Imported] = ()
) -> tuple[list[Imported], list[str]]:
    """What the file `path` brings in besides what others brought in `before`, each once, in the order it is named; and
    what was not followed, with the reason. `seen` holds the files that stand already, and grows."""
    found = list(before)
    notes: list[str] = []
    _follow(path, text, read, seen, HOPS, found, notes)
    return found[len(before) :], notes


def _follow(
    path: str, text: str, read: Read, seen: set[str], hops: int, found: list[Imported], notes: list[str]
) -> None:
    for word in named_in(text):
        target, wrong = _target(path, word)
        if wrong:
            notes.append(f"{path}: @{word} was not followed: {wrong}")
            continue
        if target in seen:
            continue
        content = read(target)
        if content is None:
            if "/" in word or word.endswith((".md", ".mdc", ".txt")):
                notes.append(f"{path}: @{word} was not followed: the commit has no such plain file")
            continue
        if not hops or len(found) >= MOST_IMPORTS or b"\0" in content:
            why = "it is no text" if b"\0" in content else f"more than {HOPS} hops or {MOST_IMPORTS} files"
            notes.append(f"{path}: @{word} was not followed: {why}")
            continue
        seen.add(target)
        brought = content.decode("utf-8", "replace")
        found.append(Imported(target, brought, path))
        _follow(target, brought, read, seen, hops - 1, found, notes)


def named_in(text: str) -> list[str]:
    """The paths that a text imports: `@path`, not in code and not in a comment."""
    plain = _CODE.sub(lambda code: "\n" * code.group().count("\n") + " ", text.replace("\r\n", "\n"))
    words = [found.group(1).rstrip(".,;:!?)]\"'*") for found in _IMPORT.finditer(plain)]
    return list(dict.fromkeys(word for word in words if word))


def without_imports(text: str) -> str:
    """`text` without lines that only import: what is left is the file's own word."""
    lines = [line for line in text.split("\n") if not re.fullmatch(r"\s*(?:[-*]\s+)?@[^\s`]+\s*", line)]
    return "\n".join(lines)


def _target(path: str, word: str) -> tuple[str, str]:
    """The file that `word` in `path` names, or why it may not be read."""
    if word.startswith(("/", "~")) or "\\" in word or ":" in word:
        return "", "it lies outside the repository"
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(path), word))
    if joined.startswith(("../", "~")) or joined == "..":
        return "", "it lies outside the repository"
    return joined, ""
