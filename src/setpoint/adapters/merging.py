"""Merges in the object store alone: no working tree, no hook, no merge driver, nobody's attributes.

`git` must be a private one (`adapters/git.py`): its empty configuration knows no driver, and its `info/attributes`
outranks whatever `.gitattributes` says about merging.
"""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ..model.merge import Conflict, Merged
from .git import Git, write_object

_SIDES = {b"1": "before", b"2": "ours", b"3": "theirs"}
_PLAIN_FILE = b"100644"


async def merged(git: Git, ours: str, theirs: str) -> Merged:
    """What merging commit `theirs` into commit `ours` gives; the objects are written, nothing else."""
    out = await git.run("merge-tree", "--write-tree", "-z", "--no-messages", ours, theirs, accept=(0, 1))
    tree, *entries = out.split(b"\0")
    sides: dict[bytes, dict[str, str]] = {}
    for entry in entries:
        about, tab, path = entry.partition(b"\t")
        if tab:
            _mode, blob, stage = about.split(b" ")
            sides.setdefault(path, {})[_SIDES[stage]] = blob.decode()
    conflicts = (Conflict(path=_shown(path), **blobs) for path, blobs in sorted(sides.items()))
    return Merged(ours=ours, theirs=theirs, tree=tree.decode().strip(), conflicts=tuple(conflicts))


def _shown(path: bytes) -> str:
    return path.decode("utf-8", "replace").replace("\n", "\ufffd").replace("\r", "\ufffd")


async def contains(git: Git, commit: str, ancestor: str) -> bool:
    """Whether `ancestor` is `commit` or comes before it."""
    words = ("rev-list", "--max-count=1", "--end-of-options", ancestor, f"^{commit}", "--")
    return not (await git.run(*words)).strip()


async def laid_over(git: Git, tree: str, files: Mapping[str, bytes]) -> str:
    """The tree `tree` with `files` over it, byte for byte; a file that is there keeps its mode."""
    if not files:
        return tree
    with tempfile.TemporaryDirectory(prefix="setpoint-index-") as folder:
        index = Path(folder) / "index"
        await git.run("read-tree", tree, index=index)
        out = await git.run("ls-files", "-z", "--stage", index=index)
        modes = {name: about[:6] for about, _, name in (row.partition(b"\t") for row in out.split(b"\0")) if name}
        lines = []
        for path, content in sorted(files.items()):
            raw = os.fsencode(path)
            blob = write_object(git.objects, "blob", content, sha256=git.sha256)
            lines.append(modes.get(raw, _PLAIN_FILE) + b" " + blob.encode() + b"\t" + raw + b"\0")
        await git.run("update-index", "-z", "--index-info", stdin=b"".join(lines), index=index)
        return (await git.run("write-tree", index=index)).decode().strip()
