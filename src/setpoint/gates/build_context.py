"""What a container build sees of a tree: the files of its context less those that its ignore file leaves out."""

import fnmatch
import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from .change_set import Read, as_text

IGNORES = (".dockerignore", ".containerignore")
LINES = 500
"""Most lines of an ignore file that count."""


@dataclass(frozen=True)
class Context:
    """One folder of one tree, as a build of one Dockerfile sees it."""

    folder: str
    """`.` for the whole repository."""
    tree: frozenset[str]
    """All files of the tree."""
    ignored: tuple[tuple[bool, "Pattern"], ...] = ()
    """Rules in their order; True takes back what an earlier one left out."""

    @cached_property
    def files(self) -> frozenset[str]:
        """Files below the folder, by their path in it."""
        if self.folder == ".":
            return self.tree
        above = f"{self.folder}/"
        return frozenset(path.removeprefix(above) for path in self.tree if path.startswith(above))

    @cached_property
    def seen(self) -> frozenset[str]:
        """The files that are sent to the build."""
        return frozenset(path for path in self.files if not self._left_out(path))

    def _left_out(self, path: str) -> bool:
        out = False
        for back, rule in self.ignored:
            if out == back and rule.matches(path):
                out = not back
        return out

    def matches(self, source: str, *, seen: bool = True) -> frozenset[str]:
        """The files that `COPY source` would take: a file, a folder's files, or what a pattern names."""
        files = self.seen if seen else self.files
        name = posixpath.normpath(source.lstrip("/") or ".").removeprefix("../")
        if name == ".":
            return files
        if not re.search(r"[*?\[]", name):
            return frozenset(path for path in files if path == name or path.startswith(f"{name}/"))
        rule = Pattern.of(name)
        return frozenset(path for path in files if rule.matches(path))


def context_of(folder: str, dockerfile: str, tree: frozenset[str], read: Read) -> Context:
    """The context `folder` of a tree for `dockerfile`, whose own ignore file comes before the folder's."""
    below = "" if folder == "." else f"{folder}/"
    names = [f"{dockerfile}{name}" for name in IGNORES] + [f"{below}{name}" for name in IGNORES]
    found = next((name for name in names if name in tree), "")
    return Context(folder, tree, tuple(_rules(as_text(read(found)).splitlines()[:LINES])) if found else ())


def _rules(lines: Sequence[str]) -> Iterator[tuple[bool, "Pattern"]]:
    for line in lines:
        text = line.strip()
        name = posixpath.normpath(text.lstrip("!").strip().lstrip("/") or ".")
        if text and not text.startswith("#") and name != ".":
            yield text.startswith("!"), Pattern.of(name)


@dataclass(frozen=True)
class Pattern:
    """A pattern of an ignore file or of COPY, folder by folder; time grows with the path, whatever is written."""

    steps: tuple[re.Pattern[str] | None, ...]
    """None: any number of folders."""

    @classmethod
    def of(cls, text: str) -> "Pattern":
        """The pattern written in `text`."""
        steps: list[re.Pattern[str] | None] = []
        for part in text.split("/"):
            if part.startswith("**") and steps[-1:] != [None]:
                steps.append(None)
            if part.strip("*") or not part.startswith("**"):
                steps.append(_named(re.sub(r"\*+", "*", part)))
        return cls(tuple(steps))

    def matches(self, path: str) -> bool:
        """Whether it stands for `path`, or for a folder above it."""
        states = self._reached({0})
        for name in path.split("/"):
            after = {at for at in states if self.steps[at] is None}
            after |= {at + 1 for at in states if (step := self.steps[at]) is not None and step.match(name)}
            states = self._reached(after)
            last = len(self.steps) - 1
            if last + 1 in states or (self.steps[last] is None and last in after):
                return True
            if not states:
                return False
        return False

    def _reached(self, states: set[int]) -> set[int]:
        """With the steps that need no folder; all done is the number of steps."""
        found = set(states)
        for at in sorted(states):
            if at < len(self.steps) and self.steps[at] is None and at + 1 < len(self.steps):
                found.add(at + 1)
        return found if len(self.steps) in found else {at for at in found if at < len(self.steps)}


@lru_cache(maxsize=4096)
def _named(part: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(part.replace("[^", "[!")))
