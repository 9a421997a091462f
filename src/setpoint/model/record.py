"""What every record is: frozen, closed, and known by the digest of its canonical JSON."""

import ast
import hashlib
import inspect
import json
import textwrap
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, GetJsonSchemaHandler, StringConstraints
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema
from typing_extensions import TypeAliasType


class Record(BaseModel):
    """An immutable value with a closed set of fields; its field docstrings are the schema text an agent reads."""

    # Built when first used: a command that lists runs pays for no record of review or release.
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_timedelta="float", defer_build=True)

    explained: ClassVar[frozenset[str]] = frozenset()
    """Fields whose meaning the instructions of the session tell that hands this in; its tool does not say it again."""

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The JSON schema without what says nothing: made-up titles, and lengths that only guard the database. Each
        request of a session carries it."""
        lean: dict[str, Any] = _lean(super().model_json_schema(*args, **kwargs))
        return lean

    def digest(self) -> str:
        """SHA-256 of the canonical JSON form, in hex: the same content always has the same digest."""
        return digest_of(self.model_dump(mode="json"))

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """The schema with the field docstrings. They are read here, not when the class is made: reading source costs
        every start of the program a tenth of a second, and few starts print a schema."""
        made = handler(schema)
        properties = handler.resolve_ref_schema(made).get("properties", {})
        for record in reversed(cls.__mro__):
            for name, text in field_docstrings(record).items() if issubclass(record, Record) else ():
                if name in properties:
                    properties[name].setdefault("description", text)
        return made


@cache
def field_docstrings(record: type) -> dict[str, str]:
    """The strings below a record's own fields, by field."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(record)))
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    return {
        field.target.id: inspect.cleandoc(below.value.value)
        for field, below in pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    }


def _lean(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_lean(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    quiet = {key for key in ("title", "maxLength") if not isinstance(schema.get(key), dict)}
    quiet |= {"minLength"} if schema.get("minLength") == 1 else set()
    return {key: _lean(value) for key, value in schema.items() if key not in quiet}


def digest_of(value: Any) -> str:
    """SHA-256 of `value`'s canonical JSON (sorted keys, no spaces, UTF-8), in hex."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a time needs its zone")
    return value.astimezone(UTC)


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]
"""Non-empty prose."""

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
"""Non-empty prose of one line or a little more."""

Time = Annotated[datetime, AfterValidator(_aware)]
"""A moment, UTC."""

Nothing = Literal["none"]
"""Said in so many words: there is none. Absent is not an answer."""

Listing = TypeAliasType("Listing", tuple[Line, ...] | Nothing)
"""Entries, or in so many words that there are none."""
