"""File names as policy sees them: one canonical form, globs that match and intersect, and what kind of file a name is.

Permission is read narrowly (exact case, anchored at the root), protection widely (any case, look-alike letters).
"""

import re
import unicodedata
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import lru_cache

from ..errors import DeniedError
from .action import ActionKind
from .names import KINDS

NOTHING = "/"
"""A glob no canonical path matches: decided, and nothing is allowed (an empty tuple means not decided yet)."""

_INVISIBLE = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
_GIT_NAMES = re.compile(r"\.?git(~\d+)?[ .]*", re.IGNORECASE)
_WILD = re.compile(r"[*?\[]")
_MOST_GLOBS = 400
_MOST_SEGMENTS = 60


def canonical(path: str) -> str:
    """`path` relative to the root, normalised. Raises DeniedError for a name that could mean another file."""
    reason = _unsafe(path)
    if reason:
        raise DeniedError(
            f"the path {path[:200]!r} is not usable", why=reason, fix="use a plain path relative to the repository root"
        )
    parts = [part for part in unicodedata.normalize("NFC", path).split("/") if part not in ("", ".")]
    return "/".join(parts)


def _unsafe(path: str) -> str:
    if not path.strip("./"):
        return "it names no file"
    if path.startswith(("/", "~")) or re.match(r"^[A-Za-z]:", path):
        return "it is absolute"
    if "\\" in path or any(unicodedata.category(letter) in ("Cc", "Cs") for letter in path):
        return "it holds a backslash, a control character, or bytes that are no UTF-8"
    if _INVISIBLE.search(path):
        return "it holds invisible characters"
    parts = path.split("/")
    if ".." in parts:
        return "it climbs out with `..`"
    if any(_is_git_folder(part) for part in parts):
        return "it lies in a git folder"
    return ""


def _is_git_folder(part: str) -> bool:
    name = unicodedata.normalize("NFKC", part)
    return name.casefold() != "git" and _GIT_NAMES.fullmatch(name) is not None


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


@lru_cache(maxsize=4096)
def _segments(glob: str) -> tuple[str, ...]:
    """The glob's segments, none for one that matches nothing; `a/` and `a/**` are `a/**/*`: all below `a`, not `a`."""
    parts = [part for part in unicodedata.normalize("NFC", glob).split("/") if part not in ("", ".")]
    if glob.startswith("/") or ".." in parts or len(parts) > _MOST_SEGMENTS:
        return ()
    if glob.endswith("/"):
        parts.append("**")
    if parts[-1:] == ["**"]:
        parts.append("*")
    return tuple(part for at, part in enumerate(parts) if not (part == "**" and at and parts[at - 1] == "**"))


def canonical_glob(glob: str) -> str:
    """`glob` as every spelling of it is written; `NOTHING` for one that matches nothing."""
    return _written(_segments(glob.strip())) or NOTHING


def matches(glob: str, path: str) -> bool:
    """Whether `path` (canonical) matches `glob`: anchored, `*` within a folder, `**` across folders."""
    names = path.split("/")
    # Reachable positions, not recursion: `**` many times over must not take exponential time.
    reachable = {0} if (segments := _segments(glob)) else set()
    for segment in segments:
        if segment == "**":
            reachable = set(range(min(reachable, default=len(names)), len(names)))
        else:
            reachable = {at + 1 for at in reachable if at < len(names) and fnmatchcase(names[at], segment)}
    return len(names) in reachable


def touches(glob: str, path: str) -> bool:
    """As `matches`, read widely, for what is protected: a folder means all below it, case and look-alikes are one."""
    wide, name = _folded(glob), _folded(path)
    return matches(wide, name) or matches(wide.rstrip("/") + "/**", name)


def allowed(globs: Iterable[str], path: str) -> bool:
    """Whether one of `globs` allows `path` (canonical)."""
    return any(matches(glob, path) for glob in globs)


def usable(glob: str) -> bool:
    """Whether `glob` can match a file of the repository at all."""
    return bool(_segments(glob))


def with_folders(globs: Iterable[str]) -> tuple[str, ...]:
    """`globs`, each plain name (it may be a file or a folder) followed by the glob of all below it."""
    spread: dict[str, None] = {}
    for glob in globs:
        spread[glob] = None
        if not _WILD.search(glob) and not glob.endswith("/"):
            spread[f"{glob}/**"] = None
    return tuple(spread)


def intersect(left: Iterable[str], right: Iterable[str]) -> tuple[str, ...]:
    """Globs that match only what both sides match; `NOTHING` alone when there is none. May be narrower, never wider."""
    theirs = [(glob, _segments(glob)) for glob in right]
    found: dict[str, None] = {}
    for one in left:
        for other, segments in theirs:
            if one == other:
                found[one] = None
            else:
                found.update(dict.fromkeys(_written(met) for met in _meet(_segments(one), segments) if met))
    return tuple(found)[:_MOST_GLOBS] or (NOTHING,)


def _written(segments: tuple[str, ...]) -> str:
    return "/".join(segments[:-1] if segments[-2:] == ("**", "*") else segments)


@lru_cache(maxsize=4096)
def _meet(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Segment lists that match what both match; past the cap some are left out, which only narrows."""
    if not one and not other:
        return ((),)
    met: dict[tuple[str, ...], None] = {}
    if one and other and one[0] == other[0] == "**":
        for tail in _meet(one[1:], other) + _meet(one, other[1:]):
            met[tail if tail[:1] == ("**",) else ("**", *tail)] = None
    elif one and one[0] == "**":
        met = dict.fromkeys(_meet(one[1:], other) + _after(other, one))
    elif other and other[0] == "**":
        met = dict.fromkeys(_meet(one, other[1:]) + _after(one, other))
    elif one and other and (segment := _one_segment(one[0], other[0])):
        met = dict.fromkeys((segment, *tail) for tail in _meet(one[1:], other[1:]))
    return tuple(met)[:_MOST_GLOBS]


def _after(plain: tuple[str, ...], deep: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """What they meet in when `deep`'s leading `**` swallows the first segment of `plain`."""
    return tuple((plain[0], *tail) for tail in _meet(plain[1:], deep)) if plain else ()


def _one_segment(one: str, other: str) -> str:
    """A segment that matches only what both match; empty when none is known."""
    if one == other or other == "*":
        return one
    if one == "*":
        return other
    if not _WILD.search(one) and fnmatchcase(one, other):
        return one
    if not _WILD.search(other) and fnmatchcase(other, one):
        return other
    return _one_star(one, other)


def _one_star(one: str, other: str) -> str:
    """`test_*` and `*.py` meet in `test_*.py`: the longer beginning and the longer end, where they agree."""
    if len(_WILD.findall(one)) != 1 or len(_WILD.findall(other)) != 1 or "*" not in one or "*" not in other:
        return ""
    (first, last), (head, tail) = one.split("*"), other.split("*")
    begin, end = max(first, head, key=len), max(last, tail, key=len)
    if begin.startswith(first) and begin.startswith(head) and end.endswith(last) and end.endswith(tail):
        return f"{begin}*{end}"
    return ""


_HARMLESS = re.compile(r"\.env\.(example|sample|template|dist)$")


@lru_cache(maxsize=65_536)
def classify_path(path: str) -> ActionKind:
    """What changing the file means: the strictest kind its name fits, `edit` for ordinary files."""
    name = _folded(canonical(path))
    for kind, globs in KINDS:
        if kind is ActionKind.SECRET and _HARMLESS.search(name):
            continue
        if any(matches(glob, name) for glob in globs):
            return kind
    return ActionKind.EDIT
