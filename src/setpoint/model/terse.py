"""A record's schema as a session's submit tool carries it: the same shape in as few tokens as can be.

`setpoint schema` prints the whole one. This one goes with every request of a session, so nothing is said twice in it:
not what the session's instructions say, and not that an empty default is empty. It takes all that the record takes;
what more it would take, the record refuses when it is handed in.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from .record import Record

_DEFINED = "#/$defs/"
_SAME = 4
"""From so many required fields of one shape on, the shape is said once for all of them."""


@cache
def terse_schema(record: type[Record]) -> dict[str, Any]:
    """The schema of `record` for a tool."""
    whole = record.model_json_schema()
    definitions = {name: _told(body) for name, body in whole.pop("$defs", {}).items()}
    said = _said_elsewhere(record, {})
    for name, body in definitions.items():
        _hush(body, said.get(name, frozenset()))
    root = _told(whole)
    _hush(root, said.get(record.__name__, frozenset()))
    counts: dict[str, int] = {}
    for part in (root, *definitions.values()):
        _count(_folded(part), counts)
    once = {name: body for name, body in definitions.items() if counts.get(name) == 1}
    made = _lean(_inlined(_folded(root), once))
    kept = {name: _lean(_inlined(_folded(body), once)) for name, body in definitions.items() if counts.get(name, 0) > 1}
    return {"$defs": kept, **made} if kept else made


def _told(body: Mapping[str, Any]) -> dict[str, Any]:
    """A record's schema without the record's own docstring: the tool and the field that holds it say what it is."""
    return {key: value for key, value in body.items() if key != "description"}


def _said_elsewhere(record: type[Record], found: dict[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """By record: its fields that the instructions explain, in `record` and in all that it holds."""
    if record.__name__ in found:
        return found
    found[record.__name__] = record.explained
    for field in record.model_fields.values():
        for inner in _records_in(field.annotation):
            _said_elsewhere(inner, found)
    return found


def _records_in(annotation: Any) -> list[type[Record]]:
    if isinstance(annotation, type) and issubclass(annotation, Record):
        return [annotation]
    return [record for inner in getattr(annotation, "__args__", ()) for record in _records_in(inner)]


def _hush(body: dict[str, Any], names: frozenset[str]) -> None:
    properties = body.get("properties", {})
    for name in names & set(properties):
        properties[name] = {key: value for key, value in properties[name].items() if key != "description"}


def _folded(schema: Any) -> Any:
    """Required fields of one shape that nothing is said of, as that shape for whatever `required` names besides."""
    if isinstance(schema, list):
        return [_folded(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: _folded(value) for key, value in schema.items()}
    properties, required = schema.get("properties"), schema.get("required", ())
    if not isinstance(properties, dict):
        return schema
    if required == list(properties):  # then the names say it all
        properties = {name: _told(shape) if _alike(properties) else shape for name, shape in properties.items()}
    shapes = [shape for name, shape in properties.items() if name in required and "description" not in shape]
    most = max(shapes, key=shapes.count, default=None)
    if most is None or shapes.count(most) < _SAME or most.get("type") == "string":
        return schema
    left = {name: shape for name, shape in properties.items() if name not in required or shape != most}
    kept = {key: value for key, value in schema.items() if key != "properties"}
    return {**({"properties": left} if left else {}), **kept, "additionalProperties": most}


def _alike(properties: Mapping[str, Any]) -> bool:
    first, *others = [_told(shape) for shape in properties.values()]
    return all(shape == first for shape in others)


def _count(schema: Any, counts: dict[str, int]) -> None:
    if isinstance(schema, list):
        for item in schema:
            _count(item, counts)
    elif isinstance(schema, dict):
        for key, value in schema.items():
            if key == "$ref":
                name = value.removeprefix(_DEFINED)
                counts[name] = counts.get(name, 0) + 1
            else:
                _count(value, counts)


def _inlined(schema: Any, once: Mapping[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_inlined(item, once) for item in schema]
    if not isinstance(schema, dict):
        return schema
    name = str(schema.get("$ref", "")).removeprefix(_DEFINED)
    if name in once:
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        return _inlined({**_folded(once[name]), **beside}, once)
    return {key: _inlined(value, once) for key, value in schema.items()}


def _lean(schema: Any, *, names: bool = False) -> Any:
    """Without closedness, empty defaults and line breaks in texts; `names`: the keys are a record's fields."""
    if isinstance(schema, list):
        return [_lean(item) for item in schema]
    if not isinstance(schema, dict):
        return " ".join(schema.split()) if isinstance(schema, str) else schema
    if names:
        return {key: _lean(value) for key, value in schema.items()}
    empty = {key for key, value in schema.items() if key == "default" and not value}
    empty |= {key for key, value in schema.items() if key == "additionalProperties" and value is False}
    return {key: _lean(value, names=key == "properties") for key, value in schema.items() if key not in empty}
