"""What a change breaks of an OpenAPI description: for those who call, and for those who read the answer."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_NAMED = re.compile(r"(?:^|/)[\w.\-]*(?:openapi|swagger)[\w.\-]*\.(?:json|ya?ml)$", re.IGNORECASE)
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
DEPTH = 12
"""How deep schemas are compared; they may contain themselves."""
MOST = 200


class UnreadableApiError(ValueError):
    """The text is no OpenAPI description."""


@dataclass(frozen=True)
class ApiBreak:
    """One thing that callers relied on and that is no longer so."""

    rule: str
    what: str
    at: str
    """Where in the description."""


def is_description(path: str) -> bool:
    """Whether the file is an OpenAPI description by its name."""
    return bool(_NAMED.search(path))


def read_description(text: str) -> Mapping[str, Any]:
    """The description. Raises UnreadableApiError."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        from .bounded_yaml import read_yaml

        try:
            told = read_yaml(text)
        except ValueError as error:
            raise UnreadableApiError(str(error)[:300]) from error
    if not isinstance(told, dict) or not ("paths" in told or "openapi" in told or "swagger" in told):
        raise UnreadableApiError("it holds no paths")
    return told


def api_breaks(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[ApiBreak]:
    """What breaks between two descriptions."""
    found: list[ApiBreak] = []
    for entry in _Compare(before, after).paths():
        found.append(entry)
        if len(found) >= MOST:
            break
    return found


@dataclass(frozen=True)
class _Compare:
    before: Mapping[str, Any]
    after: Mapping[str, Any]

    def paths(self) -> Iterator[ApiBreak]:
        old, new = _dict(self.before.get("paths")), _dict(self.after.get("paths"))
        same = {_shape(path): path for path in new}
        for path, item in old.items():
            twin = same.get(_shape(path))
            if twin is None:
                yield ApiBreak("path-removed", f"the path {path} is gone", path)
                continue
            for method in _METHODS:
                one, other = _dict(item).get(method), _dict(new[twin]).get(method)
                if one is not None and other is None:
                    yield ApiBreak("method-removed", f"{method.upper()} {path} is gone", path)
                elif one is not None:
                    yield from self.operation(f"{method.upper()} {path}", one, other, _dict(item), _dict(new[twin]))

    def operation(self, at: str, one: Any, other: Any, item: Any, new_item: Any) -> Iterator[ApiBreak]:
        yield from self.parameters(at, _both(item, one, self.before), _both(new_item, other, self.after))
        yield from self.body(at, self.old(_dict(one).get("requestBody")), self.new(_dict(other).get("requestBody")))
        answers, new_answers = _dict(_dict(one).get("responses")), _dict(_dict(other).get("responses"))
        for code, answer in answers.items():
            if code not in new_answers and str(code).startswith("2") and "default" not in new_answers:
                yield ApiBreak("response-removed", f"{at} no longer answers {code}", at)
            elif code in new_answers:
                told = self.contents(self.old(answer), self.new(new_answers[code]))
                for kind, schema, new_schema in told:
                    if new_schema is None:
                        yield ApiBreak("response-removed", f"{at} no longer answers {code} as {kind}", at)
                    else:
                        yield from self.answered(f"{at} {code}", schema, new_schema, DEPTH)

    def parameters(
        self, at: str, old: Mapping[tuple[str, str], Any], new: Mapping[tuple[str, str], Any]
    ) -> Iterator[ApiBreak]:
        for key, told in new.items():
            earlier = old.get(key)
            if told.get("required") and not (earlier and earlier.get("required")):
                yield ApiBreak("required-added", f"{at} requires the parameter {key[1]}", at)
            elif earlier:
                one, other = self.old(earlier.get("schema", earlier)), self.new(told.get("schema", told))
                yield from self.asked(f"{at} {key[1]}", one, other, DEPTH)
        for key in old.keys() - new.keys():
            yield ApiBreak("parameter-removed", f"{at} no longer takes the parameter {key[1]}", at)

    def body(self, at: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[ApiBreak]:
        if new.get("required") and not old.get("required"):
            yield ApiBreak("required-added", f"{at} requires a body", at)
        for kind, schema, new_schema in self.contents(old, new):
            if new_schema is None:
                yield ApiBreak("body-removed", f"{at} no longer takes {kind}", at)
            else:
                yield from self.asked(f"{at} body", schema, new_schema, DEPTH)

    def contents(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
        """The schemas of both sides by media type; those of version 2 have one without."""
        if "schema" in old:
            yield "a body", self.old(old["schema"]), self.new(new["schema"]) if "schema" in new else None
        for kind, told in _dict(old.get("content")).items():
            other = _dict(new.get("content")).get(kind)
            yield kind, self.old(_dict(told).get("schema")), self.new(_dict(other).get("schema")) if other else None

    def asked(self, at: str, one: Mapping[str, Any], other: Mapping[str, Any], depth: int) -> Iterator[ApiBreak]:
        """What callers send: nothing more may be demanded, nothing less be taken."""
        if depth <= 0:
            return
        yield from _types(at, one, other)
        fresh = set(map(str, _list(other.get("required")))) - set(map(str, _list(one.get("required"))))
        for name in sorted(fresh):
            yield ApiBreak("required-added", f"{at} requires the field {name}", at)
        lost = _values(one) - _values(other) if _values(other) else set()
        for value in sorted(lost):
            yield ApiBreak("value-removed", f"{at} no longer takes the value {value}", at)
        for name, inner, new_inner in self.inner(one, other):
            if new_inner is None:
                if other.get("additionalProperties") is False:
                    yield ApiBreak("field-removed", f"{at} no longer takes the field {name}", at)
            else:
                yield from self.asked(f"{at}.{name}", inner, new_inner, depth - 1)

    def answered(self, at: str, one: Mapping[str, Any], other: Mapping[str, Any], depth: int) -> Iterator[ApiBreak]:
        """What readers get: nothing may be missing, nothing be of another kind."""
        if depth <= 0:
            return
        yield from _types(at, one, other)
        lost = set(map(str, _list(one.get("required")))) - set(map(str, _list(other.get("required"))))
        for name, inner, new_inner in self.inner(one, other):
            if new_inner is None:
                yield ApiBreak("field-removed", f"{at} no longer has the field {name}", at)
            elif name in lost:
                yield ApiBreak("field-optional", f"{at} may leave out the field {name}", at)
            else:
                yield from self.answered(f"{at}.{name}", inner, new_inner, depth - 1)

    def inner(self, one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
        fields, new_fields = self.fields(one, old=True), self.fields(other, old=False)
        for name, told in fields.items():
            yield str(name), self.old(told), self.new(new_fields[name]) if name in new_fields else None
        if "items" in one and "items" in other:
            yield "items", self.old(one["items"]), self.new(other["items"])

    def fields(self, schema: Mapping[str, Any], *, old: bool) -> Mapping[str, Any]:
        found = dict(_dict(schema.get("properties")))
        for part in _list(schema.get("allOf")):
            found |= _dict((self.old(part) if old else self.new(part)).get("properties"))
        return found

    def old(self, told: Any) -> Mapping[str, Any]:
        return _resolved(told, self.before)

    def new(self, told: Any) -> Mapping[str, Any]:
        return _resolved(told, self.after)


def _types(at: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[ApiBreak]:
    old, new = _type(one), _type(other)
    if old and new and not old & new and not (old == {"integer"} and new == {"number"}):
        was, now = "/".join(sorted(old)), "/".join(sorted(new))
        yield ApiBreak("type-changed", f"{at} is {now}, no longer {was}", at)


def _type(schema: Mapping[str, Any]) -> set[str]:
    told = schema.get("type")
    found = {str(entry) for entry in told} if isinstance(told, list) else {str(told)} if told else set()
    for part in (*_list(schema.get("anyOf")), *_list(schema.get("oneOf"))):
        found |= _type(_dict(part))
    return found - {"null"} or found


def _values(schema: Mapping[str, Any]) -> set[str]:
    return {str(value) for value in _list(schema.get("enum"))}


def _both(item: Any, operation: Any, whole: Mapping[str, Any]) -> dict[tuple[str, str], Mapping[str, Any]]:
    told = [
        _resolved(entry, whole)
        for entry in (*_list(item.get("parameters")), *_list(_dict(operation).get("parameters")))
    ]
    return {(str(entry.get("in")), str(entry.get("name"))): entry for entry in told if entry.get("in") != "body"}


def _resolved(told: Any, whole: Mapping[str, Any]) -> Mapping[str, Any]:
    """`told`, a reference within the description followed."""
    for _ in range(DEPTH):
        reference = _dict(told).get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return _dict(told)
        told = whole
        for part in reference[2:].split("/"):
            told = _dict(told).get(part.replace("~1", "/").replace("~0", "~"))
    return {}


def _shape(path: str) -> str:
    """The path without the names of its parameters, which callers do not see."""
    return re.sub(r"\{[^}]*\}", "{}", str(path)).rstrip("/")


def _dict(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
