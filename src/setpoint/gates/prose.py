"""Changes that no command could judge: words for people, at the places where such words stand."""

from pathlib import PurePosixPath

from .change_set import ChangeSet, Delta
from .protected import protected_changes

_WORDS = frozenset({".md", ".markdown", ".rst", ".adoc"})
_PLACES = frozenset({"doc", "docs", "documentation"})
_NAMES = frozenset({"LICENSE", "LICENCE", "COPYING", "AUTHORS", "CONTRIBUTORS", "CHANGELOG", "NOTICE", "README"})


def prose_alone(change: ChangeSet) -> bool:
    """Whether only documents changed: at the top or below a folder of documents, none of them an instruction for
    tools or agents. Elsewhere a document may be what the code reads."""
    return all(_is_prose(delta) for delta in change.deltas) and not protected_changes(change.paths)


def _is_prose(delta: Delta) -> bool:
    return all(_is_document(path) for path in (delta.path, delta.was) if path)


def _is_document(path: str) -> bool:
    place = PurePosixPath(path)
    if len(place.parts) > 1 and place.parts[0].casefold() not in _PLACES:
        return False
    return place.suffix.casefold() in _WORDS or place.name in _NAMES
