"""Names that are nearly another package's: one slip of a finger, a look-alike letter, a borrowed scope or affix."""

import re
import unicodedata
from functools import cache
from importlib.resources import files
from itertools import pairwise

from .confusables import skeleton
from .package import Ecosystem

_SHORT = 4
"""Names this short are all neighbours of each other."""
_AFFIXES = re.compile(
    r"^(?:python|py|node|js|lib|the)[-_.]?(.{3,})$|^(.{3,}?)[-_.]?(?:python|py|js|node|lib|cli|official|dev|sdk|api)$"
)
_ROWS = ("1234567890-", "qwertyuiop", "asdfghjkl", "zxcvbnm")
_READ_ALIKE = (("rn", "m"), ("vv", "w"), ("cl", "d"), ("0", "o"), ("1", "l"), ("5", "s"), ("i", "l"))


@cache
def popular(ecosystem: Ecosystem) -> frozenset[str]:
    """The names that are worth imitating: the most downloaded of the registry, as shipped."""
    return frozenset(files(__package__).joinpath("names", f"{ecosystem}.txt").read_text("utf-8").split())


def resembles(name: str, ecosystem: Ecosystem) -> tuple[str, str]:
    """The popular name that `name` could be mistaken for, and how; empty when there is none, or it is popular
    itself."""
    known = popular(ecosystem)
    if name in known or not name:
        return "", ""
    plain = skeleton(unicodedata.normalize("NFKC", name)).lower()
    if plain != name and plain in known:
        return plain, "it is written with look-alike letters"
    for found, how in (_scoped(name, known), _apart(name, ecosystem), _read_alike(name, ecosystem)):
        if found:
            return found, how
    if len(name) > _SHORT:
        found = _neighbour(name, ecosystem)
        if found:
            return found, _slip(name, found)
    bare = _AFFIXES.match(name)
    core = (bare[1] or bare[2]) if bare else ""
    return (core, "it is that name with a word added") if core in known and len(core) > _SHORT else ("", "")


def _scoped(name: str, known: frozenset[str]) -> tuple[str, str]:
    if name.startswith("@"):
        scope, _, rest = name[1:].partition("/")
        scopes = {entry[1:].partition("/")[0] for entry in known if entry.startswith("@")}
        near = next((entry for entry in sorted(scopes) if scope not in scopes and within_one(scope, entry)), "")
        return (f"@{near}/{rest}", "its scope is nearly that one") if near and len(scope) > _SHORT else ("", "")
    twin = next((entry for entry in known if entry.startswith("@") and entry[1:].replace("/", "-") == name), "")
    return twin, "it is that scoped name without its scope" if twin else ""


@cache
def _joined(ecosystem: Ecosystem) -> dict[str, str]:
    return {re.sub(r"[-_.]", "", name): name for name in sorted(popular(ecosystem)) if len(name) > _SHORT}


def _apart(name: str, ecosystem: Ecosystem) -> tuple[str, str]:
    found = _joined(ecosystem).get(re.sub(r"[-_.]", "", name), "")
    return found, "only its dots and dashes differ" if found else ""


@cache
def _folded(ecosystem: Ecosystem) -> dict[str, str]:
    return {_fold(name): name for name in sorted(popular(ecosystem)) if len(name) > _SHORT}


def _fold(name: str) -> str:
    for written, meant in _READ_ALIKE:
        name = name.replace(written, meant)
    return name


def _read_alike(name: str, ecosystem: Ecosystem) -> tuple[str, str]:
    found = _folded(ecosystem).get(_fold(name), "")
    return found, "its letters read alike" if found else ""


@cache
def _deletions(ecosystem: Ecosystem) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for name in sorted(popular(ecosystem)):
        if len(name) > _SHORT:
            for form in _shortened(name):
                found.setdefault(form, []).append(name)
    return {form: tuple(names) for form, names in found.items()}


def _shortened(name: str) -> set[str]:
    return {name, *(name[:at] + name[at + 1 :] for at in range(len(name)))}


def _neighbour(name: str, ecosystem: Ecosystem) -> str:
    near = _deletions(ecosystem)
    candidates = {found for form in _shortened(name) for found in near.get(form, ())}
    return next((found for found in sorted(candidates) if within_one(name, found)), "")


def within_one(one: str, other: str) -> bool:
    """Whether the two differ by one letter added, left out, replaced, or by two neighbours swapped."""
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    start = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    if len(one) != len(other):
        longer, shorter = (one, other) if len(one) > len(other) else (other, one)
        return longer[start + 1 :] == shorter[start:]
    swapped = one[start : start + 2] == other[start : start + 2][::-1] and one[start + 2 :] == other[start + 2 :]
    return swapped or one[start + 1 :] == other[start + 1 :]


def _slip(name: str, found: str) -> str:
    differing = [(a, b) for a, b in zip(name, found, strict=False) if a != b]
    if len(name) == len(found) and len(differing) == 1 and frozenset(differing[0]) in _adjacent():
        return "one letter is its neighbour on the keyboard"
    return "one letter differs"


@cache
def _adjacent() -> frozenset[frozenset[str]]:
    return frozenset(frozenset(pair) for row in _ROWS for pair in pairwise(row))
