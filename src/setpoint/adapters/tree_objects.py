"""A git tree in memory: changed entries are put in, and only the tree objects above them are written."""

import os
from collections.abc import Sequence
from pathlib import Path

from .git import Git, write_object

FOLDER = "40000"
Change = tuple[bytes, str, str]
"""Path, mode and object name; an empty mode takes the path away."""
_Entries = dict[bytes, tuple[str, str]]
"""Mode and object name by name."""


class TreeObjects:
    """One tree's folders, loaded once; what is built on it leaves it as it is."""

    def __init__(self, git: Git, tree: str, most: int) -> None:
        """Raises nothing for a tree of more than `most` entries: `fits` says whether it was loaded."""
        self.tree = tree
        self._git = git
        self._folders: dict[bytes, _Entries] = {b"": {}}
        listed = git.call("ls-tree", "-r", "-t", "-z", "--full-tree", tree)
        self.fits = listed.count(b"\0") <= most
        for line in listed.split(b"\0") if self.fits else ():
            if line:
                about, path = line.split(b"\t", 1)
                mode, _, name = about.decode().split(" ")
                above, _, last = path.rpartition(b"/")
                self._folders.setdefault(above, {})[last] = (mode.lstrip("0"), name)

    def at(self, path: bytes) -> Change | None:
        """The file or link at `path`; None when the tree has none there."""
        above, _, last = path.rpartition(b"/")
        mode, name = self._folders.get(above, {}).get(last, (FOLDER, ""))
        return (path, mode, name) if mode != FOLDER else None

    def with_changes(self, changes: Sequence[Change]) -> str:
        """The hash of this tree with `changes` made one after the other; its objects are written."""
        touched: dict[bytes, _Entries] = {}

        def entries(folder: bytes) -> _Entries:
            if folder not in touched:
                touched[folder] = dict(self._folders.get(folder, {}))
                if folder:
                    entries(folder.rpartition(b"/")[0])
            return touched[folder]

        for path, mode, name in changes:
            above, _, last = path.rpartition(b"/")
            if mode:
                entries(above)[last] = (mode, name)
                if path in touched:  # it stands for a folder that is gone as a whole
                    for below in [folder for folder in touched if folder == path or folder.startswith(path + b"/")]:
                        del touched[below]
            else:
                entries(above).pop(last, None)
        return self._write(touched)

    def _write(self, touched: dict[bytes, _Entries]) -> str:
        for folder in sorted(touched, key=lambda path: -path.count(b"/") if path else 1):
            held = touched[folder]
            if not folder:
                break
            above, _, last = folder.rpartition(b"/")
            if held:
                touched[above][last] = (FOLDER, self._object(held))
            elif touched[above].get(last, (FOLDER,))[0] == FOLDER:
                touched[above].pop(last, None)  # git keeps no empty folder
        return self._object(touched.get(b"", self._folders[b""]))

    def _object(self, held: _Entries) -> str:
        # Git sorts a folder as if its name ended in a slash.
        ordered = sorted(held.items(), key=lambda item: item[0] + (b"/" if item[1][0] == FOLDER else b""))
        content = b"".join(
            mode.encode() + b" " + name + b"\0" + bytes.fromhex(object_) for name, (mode, object_) in ordered
        )
        return write_object(self._git.objects, "tree", content, sha256=self._git.sha256)


def write_ref(common: Path, ref: str, name: str) -> bool:
    """Point the loose `ref` to `name` as git would, without its start; False where only git can (another way of
    storing refs, or a lock on it)."""
    place = common / ref
    lock = place.with_name(f"{place.name}.lock")
    try:
        if (common / "reftable").is_dir():
            return False
        place.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    except OSError:
        return False
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{name}\n")
    lock.replace(place)
    return True
