"""The repository on half a page: folders, files with their sizes, and what the files to be touched define.

Within a number of tokens, whatever the size of the repository, and the same bytes for the same files.
"""

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from ..errors import DeniedError
from ..model.numbers import counted
from ..policy.paths import matches
from .rule_choice import tokens
from .symbols import symbols

MOST_NEAR = 30
"""Files whose names are looked up."""
SHARE_OF_NAMES = 0.6
"""Of the map, for what the files to be touched define."""
MOST_MISSES = 40
"""Folders that may not fit before no more are tried."""
MOST_IN_FOLDER = 60
"""Files of one folder that are named."""

Read = Callable[[str], bytes]
Size = Callable[[str], int]


@dataclass
class _Folder:
    path: str
    files: list[str] = field(default_factory=list)
    folders: dict[str, "_Folder"] = field(default_factory=dict)
    count: int = 0

    def below(self) -> "Iterable[_Folder]":
        return (self.folders[name] for name in sorted(self.folders))


def repository_map(files: Sequence[str], touched: Sequence[str], read: Read, size: Size, cap: int) -> str:
    """The map of `files` in at most `cap` tokens, nearest to `touched` (paths or globs) first."""
    near = [path for path in sorted(files) if any(path == one or matches(one, path) for one in touched)]
    left = int(cap * SHARE_OF_NAMES)
    named: list[str] = []
    for path in near[:MOST_NEAR]:
        line = _defines(path, read)
        if line and tokens(line) <= left:
            named.append(line)
            left -= tokens(line) + 1
    spent = sum(tokens(line) + 1 for line in named)
    listed = _listing(_tree(files), near, size, cap - spent - 20)
    heads = ("What the files to be touched define:", *named, "", "All files, by folder:") if named else ()
    return "\n".join(_within([*heads, *listed], cap))


def _within(lines: Sequence[str], cap: int) -> list[str]:
    """As many of `lines` as fit; a repository with a thousand folders at its root has more than that."""
    left = cap - 10
    kept: list[str] = []
    for line in lines:
        left -= tokens(line) + 1
        if left < 0:
            return [*kept, f"(and {counted(len(lines) - len(kept), 'lines')} more: use search)"]
        kept.append(line)
    return kept


def _defines(path: str, read: Read) -> str:
    try:
        found = symbols(path, read(path))
    except (OSError, DeniedError):
        return ""
    return f"{shown(path)}: {found}" if found else ""


def shown(path: str) -> str:
    """A path in one line, whatever its letters."""
    return path if path.isprintable() else ascii(path)


def _tree(files: Iterable[str]) -> _Folder:
    root = _Folder("")
    for path in sorted(files):
        here = root
        here.count += 1
        *parents, name = path.split("/")
        for parent in parents:
            inside = f"{here.path}/{parent}" if here.path else parent
            here = here.folders.setdefault(parent, _Folder(inside))
            here.count += 1
        here.files.append(name)
    return root


def _listing(root: _Folder, near: Sequence[str], size: Size, cap: int) -> list[str]:
    """A line a folder, opened from the top down and towards `near`, as long as it fits."""
    wanted = {"/".join(path.split("/")[:depth]) for path in near for depth in range(1, path.count("/") + 1)}
    opened: dict[str, list[str]] = {}
    waiting, left, misses = [(False, 0, "", root)], cap, 0
    while waiting and misses < MOST_MISSES:
        folder = heapq.heappop(waiting)[-1]
        lines = [_line(folder, size), *(_closed(each) for each in folder.below())]
        spent = sum(tokens(line) + 1 for line in lines)
        if spent > left and folder.path:
            misses += 1
            continue
        left -= spent
        opened[folder.path] = lines
        for each in folder.below():
            heapq.heappush(waiting, (each.path not in wanted, each.path.count("/"), each.path, each))
    shut = [line for lines in opened.values() for line in lines[1:] if line.split(" (")[0].rstrip("/") not in opened]
    found = [lines[0] for _, lines in sorted(opened.items())] + sorted(shut)
    return [line for line in found if line]


def _line(folder: _Folder, size: Size) -> str:
    if not folder.files:
        return ""
    told = [f"{shown(name)} {_sized(folder, name, size)}" for name in folder.files[:MOST_IN_FOLDER]]
    more = [f"and {len(folder.files) - MOST_IN_FOLDER} more"] if len(folder.files) > MOST_IN_FOLDER else []
    return f"{shown(folder.path) or '.'}/: {', '.join([*told, *more])}"


def _sized(folder: _Folder, name: str, size: Size) -> str:
    found = size(f"{folder.path}/{name}" if folder.path else name)
    return f"{found}" if found < 1_000 else f"{round(found / 1_000)}k"


def _closed(folder: _Folder) -> str:
    return f"{shown(folder.path)}/ ({counted(folder.count, 'files')})"
