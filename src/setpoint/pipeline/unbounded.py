"""The boundary's word on a change that no ticket bounds: what a person may do, a person decides, by name."""

from collections.abc import Iterator, Sequence

from ..gates.change_set import ChangeSet
from ..model.objection import Objection, Severity

_OWN = frozenset(("setpoint.toml", ".setpoint/.gitignore"))
"""What `setpoint init` writes."""


def by_anybody(found: Sequence[Objection], change: ChangeSet) -> Iterator[Objection]:
    """`found` with rules `person/…` in place of what only a run may never do."""
    for objection in found:
        path = objection.place.path if objection.place else ""
        kind = objection.rule.partition("/")[2]
        delta = change.find(path)
        if kind == "control-plane":
            adopted = path in _OWN and delta is not None and delta.arrived
            yield objection.model_copy(
                update={
                    "rule": "person/control-plane",
                    "what": f"{path} is new: it judges from the next change on"
                    if adopted
                    else f"{path} decides how changes are judged, or what is part of them",
                    "cause": "this change is judged by its base's; see that it says what should judge",
                    "severity": Severity.LOW if adopted else Severity.HIGH,
                }
            )
        elif kind == "submodule":
            yield objection.model_copy(
                update={
                    "rule": "person/submodule",
                    "what": "a submodule or nested repository was added or moved: what it holds is not judged",
                    "cause": "a person looks at what it brings, and accepts it by name",
                }
            )
        elif kind == "name":
            yield objection.model_copy(
                update={"rule": "person/name", "severity": Severity.HIGH if _arrived(path, change) else Severity.LOW}
            )
        else:
            yield objection


def _arrived(shown: str, change: ChangeSet) -> bool:
    """Whether a file of an unusable name, as it is shown, was not there before."""
    named = (delta for delta in change.deltas if shown in (delta.path, _shown(delta.path)))
    return any(delta.arrived for delta in named)


def _shown(path: str) -> str:
    told = path.encode("utf-8", "backslashreplace").decode()
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in told)
