"""The first file system of a virtual machine: a shell, the kernel's modules, the command. Built here, of this machine's
own files."""

import gzip
import lzma
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_WANTED = ("virtio_pci", "virtio_console", "9pnet_virtio", "9p")
"""What the guest needs to speak with the machine around it, and to see its folders."""
_TRAILER = "TRAILER!!!"


@dataclass(frozen=True)
class Entry:
    """One name in an archive."""

    mode: int
    content: bytes = b""


def folder() -> Entry:
    """An empty folder."""
    return Entry(0o040755)


def script(text: str) -> Entry:
    """A program in a shell's words."""
    return Entry(0o100755, text.encode("utf-8", "surrogateescape"))


def program(content: bytes) -> Entry:
    """A program that was compiled."""
    return Entry(0o100755, content)


def data(content: bytes) -> Entry:
    """A file that everybody may read."""
    return Entry(0o100644, content)


def link(to: str) -> Entry:
    """A symbolic link."""
    return Entry(0o120777, to.encode("utf-8", "surrogateescape"))


def archive(entries: Mapping[str, Entry]) -> bytes:
    """A cpio archive as kernels read it. Folders above an entry are made; several archives may follow one another."""
    whole = dict(entries)
    for name in entries:
        for above in Path(name).parents:
            if str(above) != ".":
                whole.setdefault(str(above), folder())
    told = [_record(number, name, whole[name]) for number, name in enumerate(sorted(whole), start=1)]
    return b"".join([*told, _record(0, _TRAILER, Entry(0))])


def _record(number: int, name: str, entry: Entry) -> bytes:
    path = name.encode("utf-8", "surrogateescape") + b"\0"
    fields = (number, entry.mode, 0, 0, 1, 0, len(entry.content), 0, 0, 0, 0, len(path), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields)
    return _padded(head + path) + _padded(entry.content)


def _padded(content: bytes) -> bytes:
    return content + b"\0" * (-len(content) % 4)


class NoModuleError(Exception):
    """A kernel cannot do what a guest needs."""


def modules(place: Path) -> Sequence[tuple[str, bytes]]:
    """The modules a guest needs, in the order they are loaded, from a folder of `/lib/modules`. Raises NoModuleError,
    OSError."""
    depends = dict(line.split(":", 1) for line in (place / "modules.dep").read_text().splitlines() if ":" in line)
    by_name = {_plain(path): path for path in depends}
    built_in = {_plain(path) for path in (place / "modules.builtin").read_text().split()}
    order: list[str] = []
    for name in _WANTED:
        if name in built_in:
            continue
        if name not in by_name:
            raise NoModuleError(f"the kernel of {place.name} has no {name}")
        path = by_name[name]
        order += [one for one in (*reversed(depends[path].split()), path) if one not in order]
    return [(f"{_plain(path)}.ko", _unpacked(place / path)) for path in order]


def _plain(path: str) -> str:
    return path.rpartition("/")[2].partition(".ko")[0].replace("-", "_")


def _unpacked(place: Path) -> bytes:
    content = place.read_bytes()
    if place.suffix == ".xz":
        return lzma.decompress(content)
    if place.suffix == ".gz":
        return gzip.decompress(content)
    if place.suffix != ".ko":
        raise NoModuleError(f"{place.name} is packed in a way that is not read here ({place.suffix})")
    return content
