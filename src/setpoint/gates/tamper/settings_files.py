"""Configuration files of any format as one flat list of settings."""

import configparser
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from ..bounded_yaml import read_yaml
from .naming import SCRIPTS
from .script_tree import arguments, below, chain, line_of, parsed, raw, string, written

if TYPE_CHECKING:
    from tree_sitter import Node


class Setting(NamedTuple):
    """One value; of a list each element is one."""

    key: str
    """`tool.coverage.report.fail_under`, lower case; elements of a list end in `[]`."""
    value: str
    line: int


def settings(path: str, text: str) -> list[Setting] | None:
    """All settings of a file; None for a file that is no configuration or cannot be read."""
    if not text:
        return []
    name, suffix = PurePosixPath(path).name, PurePosixPath(path).suffix.lower()
    try:
        if suffix == ".toml":
            flat = list(_flat("", tomllib.loads(text)))
        elif suffix in (".json", ".jsonc", ".json5") or name in (".eslintrc", ".babelrc", ".nycrc", ".prettierrc"):
            flat = list(_flat("", _lenient_json(text)))
        elif suffix in (".yml", ".yaml"):
            flat = list(_flat("", read_yaml(text)))
        elif suffix in (".ini", ".cfg") or name in (".flake8", ".coveragerc", ".pylintrc", ".bandit"):
            flat = list(_ini(text))
        elif suffix in SCRIPTS:
            return list(_script(path, text))
        else:
            return None
    except (ValueError, configparser.Error, RecursionError):
        return None
    lines = text.splitlines()
    return [Setting(key, value, _line(lines, key, value)) for key, value in flat]


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            # YAML 1.1 reads the key `on` as true.
            name = "on" if key is True else str(key)
            yield from _flat(f"{prefix}.{name}" if prefix else name, inner)
    elif isinstance(value, list):
        if not value:
            yield f"{prefix}[]", ""
        for inner in value:
            yield from _flat(f"{prefix}[]", inner)
    else:
        yield prefix, _word(value)


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)


def _lenient_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        plain = re.sub(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', lambda found: found[1] or "", text, flags=re.DOTALL)
        return json.loads(re.sub(r",(\s*[}\]])", r"\1", plain))


def _ini(text: str) -> Iterator[tuple[str, str]]:
    parser = configparser.ConfigParser(interpolation=None, strict=False, allow_no_value=True)
    parser.read_string(text)
    for section in parser.sections():
        for key, value in parser.items(section):
            if value is None:
                yield f"{section}.{key}", ""
            elif "\n" in value or "," in value:
                parts = re.split(r"[\n,]+", value)
                yield from ((f"{section}.{key}[]", part.strip()) for part in parts if part.strip())
            else:
                yield f"{section}.{key}", value.strip()


def _script(path: str, text: str) -> Iterator[Setting]:
    """Object literals of a configuration written in JavaScript."""
    root = parsed(text, PurePosixPath(path).suffix.lower())
    for pair in below(root, "pair"):
        value = pair.child_by_field_name("value")
        if value is None or value.type in ("object",):
            continue
        names = []
        at: Node | None = pair
        while at is not None:
            if at.type == "pair":
                names.append(raw(at.child_by_field_name("key")).strip("'\"`"))
            at = at.parent
        key = ".".join(reversed(names))
        if value.type == "array":
            for part in value.named_children:
                if part.type not in ("comment", "object"):
                    yield Setting(f"{key}[]", string(part) or written(part), line_of(part))
        else:
            yield Setting(key, string(value) or written(value), line_of(pair))
    for call in below(root, "call_expression"):
        steps = chain(call)
        if steps[-1:] in (["retryTimes"], ["setTimeout"]) and steps[0] in ("jest", "vi", "mocha", "this"):
            yield Setting(".".join(steps), ", ".join(written(part) for part in arguments(call)), line_of(call))


def _line(lines: list[str], key: str, value: str) -> int:
    """The line a setting most likely stands on."""
    name = key.removesuffix("[]").rpartition(".")[2]
    best = 0
    for number, line in enumerate(lines, 1):
        score = (2 if name and name in line else 0) + (1 if value and value in line else 0)
        if score == 3:
            return number
        if score and not best:
            best = number
    return best or 1
