"""Lists that a person keeps in the trusted base as TOML: nothing but `[[name]]` entries of one form."""

import tomllib
from typing import TypeVar

from pydantic import ValidationError

from ..errors import ConfigError
from ..model.record import Record

MOST = 500
"""Most entries of a list."""

Entry = TypeVar("Entry", bound=Record)


def read_entries(text: str, name: str, entry: type[Entry], *, where: str, form: str) -> tuple[Entry, ...]:
    """The `[[name]]` entries of `text`, which is the file `where`. Raises ConfigError that names what is wrong with
    which, and that each has `form`."""
    mend = f"each [[{name}]] has {form}"
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where}: not TOML: {error}", fix=f"mend {where} at the place named") from error
    listed = raw.get(name, [])
    if set(raw) - {name} or not isinstance(listed, list) or len(listed) > MOST:
        raise ConfigError(f"{where} holds [[{name}]] entries, at most {MOST}, and nothing else", fix=mend)
    return tuple(_entry(one, entry, f"{where}: {name} {number}", mend) for number, one in enumerate(listed, start=1))


def _entry(one: object, entry: type[Entry], place: str, mend: str) -> Entry:
    try:
        return entry.model_validate(one)
    except ValidationError as error:
        said = "; ".join(f"{'.'.join(map(str, part['loc']))}: {part['msg']}" for part in error.errors())
        raise ConfigError(f"{place}: {said}", fix=mend) from error
