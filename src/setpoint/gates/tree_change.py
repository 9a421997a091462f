"""The change between two trees of the repository."""

from collections.abc import Callable, Mapping

from ..model.change import ChangedEntry, Entry
from ..ports import Trees
from .change_set import ChangeSet, Delta, Read, renamed


async def change_between(trees: Trees, base: str, head: str) -> ChangeSet:
    """What changed from tree `base` to tree `head`: the changed files read at once, others when they are asked for."""
    changed = await trees.changed(base, head)
    named = [entry.name for change in changed for entry in (change.before, change.after) if entry]
    contents = await trees.blobs(named)
    before, after = await trees.entries(base), await trees.entries(head)
    return ChangeSet(
        renamed([_delta(change, contents) for change in changed]),
        frozenset(before),
        frozenset(after),
        read_base=_reader(trees.blob, before, contents),
        read_head=_reader(trees.blob, after, contents),
        base=base,
        head=head,
    )


def _delta(change: ChangedEntry, contents: Mapping[str, bytes]) -> Delta:
    before, after = change.before, change.after
    return Delta(
        change.path,
        contents[before.name] if before else None,
        contents[after.name] if after else None,
        mode_before=before.mode if before else "100644",
        mode_after=after.mode if after else "100644",
    )


def _reader(blob: Callable[[str], bytes], entries: Mapping[str, Entry], contents: Mapping[str, bytes]) -> Read:
    known = dict(contents)

    def read(path: str) -> bytes | None:
        entry = entries.get(path)
        if entry is None:
            return None
        if entry.name not in known:
            known[entry.name] = blob(entry.name)
        return known[entry.name]

    return read
