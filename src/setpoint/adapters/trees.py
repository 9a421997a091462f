"""Trees of the user's repository, read from git's objects alone."""

import asyncio
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from ..errors import RefusedError, RepositoryError, UsageError
from ..model.change import ChangedEntry, Entry, Origin
from .git import Git, user_git, write_object

BLOB_BYTES = 16 * 1024 * 1024
"""A larger content is not looked at: it stands for itself by its name."""
ALL_BYTES = 512 * 1024 * 1024
"""Most bytes read for one change."""
_HEAD = re.compile(rb"([0-9a-f]+) (\w+)(?: (\d+))?")


class GitTrees:
    """Keeps `ports.Trees` over one repository."""

    def __init__(self, repository: Path) -> None:
        self._repository = repository

    @cached_property
    def _git(self) -> Git:
        return user_git(self._repository)

    async def tree(self, revision: str) -> str:
        """The tree of a commit. Raises RepositoryError when there is none."""
        found = await self._git.resolve(revision, "tree")
        if found is None:
            raise RepositoryError(f"there is no commit {revision!r} here", fix="git log --all --oneline")
        return found

    async def changed(self, base: str, head: str) -> Sequence[ChangedEntry]:
        """What differs between two commits or trees, sorted by path, renames taken apart."""
        out = await self._git.run("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", base, head)
        words = out.split(b"\0")
        found = [_entry(told, path) for told, path in zip(words[::2], words[1::2], strict=False) if path]
        return sorted(found, key=lambda entry: entry.path)

    async def entries(self, tree: str) -> Mapping[str, Entry]:
        """All files of a commit or tree by path."""
        out = await self._git.run("ls-tree", "-r", "-z", "--full-tree", tree)
        found = {}
        for line in out.split(b"\0"):
            told, _, path = line.partition(b"\t")
            if path:
                mode, _, name = told.decode().split(" ")
                found[os.fsdecode(path)] = Entry(mode=mode, name=name)
        return found

    async def blobs(self, names: Sequence[str]) -> Mapping[str, bytes]:
        """Contents by object name, in one go. Raises RefusedError when they are too much together."""
        return await asyncio.to_thread(self._blobs, tuple(dict.fromkeys(names)))

    def blob(self, name: str) -> bytes:
        """One content, waiting for it."""
        return self._blobs((name,))[name]

    def _blobs(self, names: Sequence[str]) -> dict[str, bytes]:
        if not names:
            return {}
        sizes = self._sizes(names)
        readable = [name for name in names if 0 <= sizes.get(name, -1) <= BLOB_BYTES]
        if sum(sizes[name] for name in readable) > ALL_BYTES:
            raise RefusedError(
                "the change is too large to be read",
                why=f"its files hold more than {ALL_BYTES // 1024 // 1024} MB",
                fix="split it, or leave generated files out of the repository",
            )
        found = {name: b"\0object " + name.encode() for name in names}
        if readable:
            out = self._git.call("cat-file", "--batch", stdin=_lines(readable))
            found |= dict(_contents(out))
        return found

    def _sizes(self, names: Sequence[str]) -> dict[str, int]:
        """Size of each blob; what is no blob here (a submodule's commit) has none."""
        out = self._git.call("cat-file", "--batch-check", stdin=_lines(names))
        told = (_HEAD.fullmatch(line) for line in out.splitlines())
        return {head[1].decode(): int(head[3]) for head in told if head and head[2] == b"blob" and head[3]}

    async def origin(self, revision: str, path: str, line: int) -> Origin:
        """The commit that wrote a line of a file at `revision`. Raises UsageError when there is no such line."""
        try:
            out = await self._git.run(
                "blame", "--porcelain", "--no-textconv", "-L", f"{line},{line}", revision, "--", path
            )
        except RefusedError as error:
            raise UsageError(f"there is no line {line} in {path} at {revision[:12]}", why=error.why) from error
        told = out.decode("utf-8", "replace").split("\n")
        named = dict(row.partition(" ")[::2] for row in told[1:] if not row.startswith("\t"))
        text = next((row[1:] for row in told if row.startswith("\t")), "")
        commit = told[0].partition(" ")[0]
        message = await self._git.run("show", "-s", "--format=%B", commit)
        said = message.decode("utf-8", "replace").strip()
        return Origin(commit, named.get("author", ""), said, named.get("filename", path), text)

    async def laid(self, tree: str, overlay: Mapping[str, bytes | None]) -> str:
        """The tree that `tree` becomes with `overlay` over it; its objects are written."""
        return await asyncio.to_thread(self._laid, tree, overlay)

    def _laid(self, tree: str, overlay: Mapping[str, bytes | None]) -> str:
        git = self._git
        gone = b"0" * (64 if git.sha256 else 40)
        lines = []
        for path, content in sorted(overlay.items()):
            name = os.fsencode(path)
            if content is None:
                lines.append(b"0 " + gone + b"\t" + name + b"\0")
            else:
                sha = write_object(git.objects, "blob", content, sha256=git.sha256)
                lines.append(b"100644 " + sha.encode() + b"\t" + name + b"\0")
        with tempfile.TemporaryDirectory(prefix="setpoint-index-") as folder:
            index = Path(folder) / "index"
            git.call("read-tree", tree, index=index)
            git.call("update-index", "--replace", "-z", "--index-info", stdin=b"".join(lines), index=index)
            return git.call("write-tree", index=index).decode().strip()


def _entry(told: bytes, path: bytes) -> ChangedEntry:
    old_mode, new_mode, old, new, _ = told.decode().removeprefix(":").split(" ")
    return ChangedEntry(
        path=os.fsdecode(path),
        before=Entry(mode=old_mode, name=old) if old_mode.strip("0") else None,
        after=Entry(mode=new_mode, name=new) if new_mode.strip("0") else None,
    )


def _lines(names: Sequence[str]) -> bytes:
    return "".join(f"{name}\n" for name in names).encode()


def _contents(out: bytes) -> Iterator[tuple[str, bytes]]:
    at = 0
    while at < len(out):
        end = out.index(b"\n", at)
        head = _HEAD.fullmatch(out[at:end])
        size = int(head[3]) if head and head[3] else 0
        if head and head[3]:
            yield head[1].decode(), out[end + 1 : end + 1 + size]
        at = end + 1 + (size + 1 if head and head[3] else 0)
