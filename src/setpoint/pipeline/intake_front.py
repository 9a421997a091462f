"""A ticket's front matter: YAML between two `---` lines. Closed: an unknown key is an error that names the nearest."""

import difflib
import re
from typing import Any

from pydantic import ValidationError

from ..errors import TicketError
from ..model.boundary import Boundaries
from ..model.settings import PHASES
from ..model.ticket import Criterion, Kind, SourceTag

KEYS = (
    *("id", "kind", "title", "labels", "must_stay", "building", "users", "can_break", "criteria", "parent", "needs"),
    *("boundaries", "phases_by_person"),
)

_FIX = "mend the front matter, or leave it out: every key is optional"
_FENCE = re.compile(r"\A---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_ID = re.compile(r"^(?:FR|NFR|SC)-\d{3}$")


def split_front(text: str) -> tuple[str, str]:
    """The YAML in front of `text`, and the rest. A `---` line that is never closed is a rule, not front matter."""
    match = _FENCE.match(text)
    return (match.group(1), text[match.end() :]) if match else ("", text)


def read_front(front: str) -> dict[str, Any]:
    """The front matter as plain values. Raises TicketError that names the line."""
    if not front.strip():
        return {}
    import yaml

    try:
        # BaseLoader makes strings only: no dates, no octal ids, nothing constructed.
        node = yaml.compose(front, Loader=yaml.BaseLoader)
        values = yaml.load(front, Loader=yaml.BaseLoader)  # noqa: S506 - BaseLoader constructs only strings, lists, maps
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 2 if error.problem_mark else 1
        raise TicketError(f"ticket, line {line}: the front matter is not YAML: {error.problem}", fix=_FIX) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise TicketError("the ticket's front matter is not YAML that can be read", fix=_FIX) from error
    if values is None or values == "":
        return {}
    if not isinstance(values, dict) or not isinstance(node, yaml.MappingNode):
        raise TicketError("ticket, line 2: the front matter is not a list of `key: value`", fix=_FIX)
    _check_keys([(str(key.value), key.start_mark.line + 2) for key, _ in node.value])
    return {key: value for key, value in values.items() if value not in ("", None)}


def _check_keys(keys: list[tuple[str, int]]) -> None:
    seen: set[str] = set()
    for key, line in keys:
        if key in seen:
            raise TicketError(f"ticket, line {line}: `{key}` stands twice in the front matter", fix=_FIX)
        seen.add(key)
        if key not in KEYS:
            raise TicketError(f"ticket, line {line}: unknown key `{key[:60]}`{_nearest(key, KEYS)}", fix=_FIX)


def _nearest(word: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(word[:60], known, n=1, cutoff=0.5)
    return f"; did you mean `{near[0]}`?" if near else f"; known: {', '.join(known)}"


def text_of(front: dict[str, Any], key: str) -> str:
    """A value that is prose; a list is joined."""
    value = front.get(key, "")
    return "; ".join(lines_of(front, key)) if isinstance(value, list) else _scalar(key, value)


def lines_of(front: dict[str, Any], key: str) -> tuple[str, ...]:
    """A value that is a list; a single text counts as one entry."""
    value = front.get(key, [])
    entries = value if isinstance(value, list) else [value]
    return tuple(text for text in (_scalar(key, entry) for entry in entries) if text)


def labels_of(front: dict[str, Any]) -> tuple[str, ...]:
    """Labels as a list, or in one line with commas."""
    return tuple(part for line in lines_of(front, "labels") for part in re.split(r"\s*,\s*", line) if part)


def _scalar(key: str, value: object) -> str:
    if not isinstance(value, str):
        raise TicketError(f"ticket: `{key}` in the front matter must be text or a list of texts", fix=_FIX)
    return " ".join(value.split())


def kind_of(front: dict[str, Any]) -> Kind | None:
    """The kind asked for. Raises TicketError for an unknown one."""
    value = text_of(front, "kind").casefold()
    if not value:
        return None
    kinds = tuple(kind.value for kind in Kind)
    if value not in kinds:
        raise TicketError(f"ticket: unknown kind `{value[:60]}`{_nearest(value, kinds)}", fix=_FIX)
    return Kind(value)


def phases_of(front: dict[str, Any]) -> tuple[str, ...]:
    """The phases a person does. Raises TicketError for an unknown one."""
    found = tuple(re.sub(r"[\s-]+", "_", phase.casefold()) for phase in lines_of(front, "phases_by_person"))
    for phase in found:
        if phase not in PHASES:
            raise TicketError(f"ticket: unknown phase `{phase[:60]}`{_nearest(phase, PHASES)}", fix=_FIX)
    return found


def boundaries_of(front: dict[str, Any]) -> dict[str, Any]:
    """The boundaries written in the front matter. Raises TicketError for what does not fit."""
    value = front.get("boundaries", {})
    if not isinstance(value, dict):
        raise TicketError("ticket: `boundaries` must be a list of `key: value`", fix=_FIX)
    lists = {"paths", "protected", "commands", "network", "frozen", "needs_person"}
    given = {key: [one] if key in lists and isinstance(one, str) else one for key, one in value.items()}
    for key in given:
        if key not in Boundaries.model_fields:
            near = _nearest(str(key), tuple(Boundaries.model_fields))
            raise TicketError(f"ticket: unknown boundary `{str(key)[:60]}`{near}", fix=_FIX)
    try:
        read = Boundaries.model_validate(given)
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise TicketError(f"ticket: boundaries.{place}: {error.errors()[0]['msg']}", fix=_FIX) from error
    return {name: getattr(read, name) for name in given}


def criteria_of(front: dict[str, Any]) -> list[tuple[str, str]]:
    """Id (or empty) and sentence of each criterion: `- FR-001: ...`, `- {id: FR-001, text: ...}` or plain text."""
    entries = front.get("criteria", [])
    found: list[tuple[str, str]] = []
    for entry in entries if isinstance(entries, list) else [entries]:
        if isinstance(entry, dict):
            found += _mapped(entry)
        else:
            found.append(("", _scalar("criteria", entry)))
    return [(name, text) for name, text in found if text]


def _mapped(entry: dict[Any, Any]) -> list[tuple[str, str]]:
    if set(entry) <= {"id", "text"}:
        name = _scalar("criteria", entry.get("id", ""))
        return [(_known_id(name) if name else "", _scalar("criteria", entry.get("text", "")))]
    if len(entry) == 1:
        ((name, text),) = entry.items()
        if isinstance(name, str) and _ID.match(name):
            return [(name, _scalar("criteria", text))]
        return [("", f"{_scalar('criteria', name)}: {_scalar('criteria', text)}")]
    raise TicketError("ticket: a criterion has an `id` and a `text`, nothing else", fix=_FIX)


def _known_id(name: str) -> str:
    if not _ID.match(name):
        raise TicketError(f"ticket: `{name[:60]}` is no criterion id", fix="write FR-001, NFR-001 or SC-001")
    return name


def numbered(criteria: list[tuple[str, str, SourceTag, str]]) -> tuple[Criterion, ...]:
    """Criteria (id or empty, sentence, source, quote) with the missing ids filled in. TicketError on a repeat."""
    taken = [name for name, *_ in criteria if name]
    twice = {name for name in taken if taken.count(name) > 1}
    if twice:
        raise TicketError(
            f"ticket: {', '.join(sorted(twice))} stands twice among the criteria", fix="give each its own id"
        )
    free = (name for name in (f"FR-{number:03}" for number in range(1, 1000)) if name not in taken)
    return tuple(
        Criterion(id=name or next(free), text=text, source=source, quote=quote)
        for name, text, source, quote in criteria
    )
