"""Work by hand: what a person typed, whose it is on record, and what counts of it where no session may write.

A person's edit of a file that sessions may not touch counts by their signature, and only while the file is byte for
byte as they left it: a session that changes it afterwards is judged as ever.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..model.approval import Answer
from ..model.change import Entry
from ..model.record import digest_of
from ..model.run import Position
from ..policy.action import Action, ActionKind
from ..policy.approvals import forgeries
from ..policy.decide import Allow, Policy, decide
from ..ports import Transaction
from .bench import Ground
from .counting import voices_of

HAND = "hand:"
"""What approvals of work by hand are about, before the beginning of its digest."""
GONE = ""
"""What stands for the content of a file that was deleted."""


# -- a phase that a person does ----------------------------------------------------------------------------------------


def place_of(position: Position) -> list[int | str]:
    """What stays the same from a person's hand-back to the attempt that judges it, whoever carries it."""
    return [position.cycle, position.stage, position.visit, position.task]


def handed_back(ground: Ground) -> bool:
    """Whether a person has handed the workspace back for just this attempt."""
    return _fresh(ground, ground.bench.store.recall(ground.run.id, "given"))


def paper_of(ground: Ground) -> Mapping[str, Any] | None:
    """The deliverable that a person handed in for just this attempt."""
    kept = ground.fact(f"paper:{ground.position.stage}")
    return kept["content"] if kept and _fresh(ground, kept) else None


def _fresh(ground: Ground, given: Mapping[str, Any] | None) -> bool:
    """Whether it was handed in here, after the workspace was the person's last."""
    taken = ground.bench.store.recall(ground.run.id, "taken") or {}
    here = given is not None and given.get("place") == place_of(ground.position)
    return here and given is not None and int(given["serial"]) > int(taken.get("serial", -1))


def theirs(ground: Ground) -> bool:
    """Whether what this attempt judges is a person's own, and so theirs to mend."""
    return ground.by_person or paper_of(ground) is not None


def taken_again(ground: Ground) -> Callable[[Transaction], None]:
    """The person goes on where they are."""
    before = ground.bench.store.recall(ground.run.id, "taken") or {"at": ground.run.base}
    return _taken(ground, str(before["at"]))


def taken_now(ground: Ground, autosave: str) -> Callable[[Transaction], None]:
    """The phase is the person's from here on."""
    return _taken(ground, autosave)


def _taken(ground: Ground, at: str) -> Callable[[Transaction], None]:
    fact = {"by": ground.run.owner, "at": at, "deciding": False, "serial": ground.position.serial}
    return lambda tx: tx.remember(ground.run.id, "taken", fact)


# -- files that no session may write -----------------------------------------------------------------------------------


def beyond_sessions(policy: Policy, files: Sequence[str]) -> tuple[str, ...]:
    """Those of `files` that a session may not edit under `policy`."""
    edits = ((path, Action(kind=ActionKind.EDIT, subject=path)) for path in files)
    return tuple(path for path, edit in edits if not isinstance(decide(policy, edit), Allow))


def contents(entries: Mapping[str, Entry], files: Sequence[str]) -> dict[str, str]:
    """The object name of each of `files` in a tree."""
    return {path: entries[path].name if path in entries else GONE for path in files}


def hand_subject(ground: Ground, files: Mapping[str, str]) -> str:
    """Digest of what a person signs when they hand back files that no session may write."""
    return digest_of({"run": ground.run.id, "cycle": ground.position.cycle, "by hand": dict(sorted(files.items()))})


def by_hand(ground: Ground) -> dict[str, str]:
    """The files of this cycle that count by a person's signature, with their contents' names."""
    kept = ground.fact("hand")
    if kept is None:
        return {}
    given = ground.bench.store.approvals(ground.run.id, ground.position.cycle)
    signed = [a for a in given if a.about.startswith(HAND) and a.answer is Answer.GRANTED]
    counted = {a.subject for a in signed if not forgeries(a, voices_of(ground, ground.config, a.about))}
    found: dict[str, str] = {}
    for files in kept["given"]:
        found.update(files if hand_subject(ground, files) in counted else {})
    return found


def with_hand(ground: Ground, policy: Policy, entries: Mapping[str, Entry]) -> Policy:
    """`policy` as it judges a tree: what a person typed and signed is allowed while it is there as they left it."""
    return lifted(policy, by_hand(ground), entries)


def lifted(policy: Policy, signed: Mapping[str, str], entries: Mapping[str, Entry]) -> Policy:
    """`policy` with the `signed` files open whose content in a tree is the one that was signed. It lifts the plan's
    paths and what needs a person; what the rules close to everybody stays closed."""
    untouched = [path for path, name in contents(entries, tuple(signed)).items() if name == signed[path]]
    plain = tuple(path for path in untouched if not set("*?[") & set(path))
    if not plain:
        return policy
    bounds = policy.boundaries
    edits = tuple(Action(kind=ActionKind.EDIT, subject=path) for path in plain)
    wider = bounds.model_copy(update={"paths": (*bounds.paths, *plain)})
    return policy.model_copy(update={"boundaries": wider, "granted": (*policy.granted, *edits)})


def kept_with(ground: Ground, files: Mapping[str, str]) -> Callable[[Transaction], None]:
    """Keep what was signed beside what was signed before."""
    before = (ground.fact("hand") or {"given": []})["given"]
    fact = {"given": [*before, dict(files)]}
    return lambda tx: tx.remember(ground.run.id, f"hand:{ground.position.cycle}", fact)
