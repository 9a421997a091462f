"""YAML of somebody else's: what it says once its aliases are followed has a bound, and reading it fails in one way."""

from collections.abc import Iterator
from typing import Any

import yaml

TEXT = 8_000_000
"""Characters above which nothing is read."""
NODES = 400_000
"""Values of a document, each counted as often as an alias repeats it."""


class _Loader(yaml.SafeLoader):
    """Refuses a document before anything is made of it: ten short lines can stand for a billion values."""

    def construct_document(self, node: yaml.Node) -> Any:
        _size(node, {})
        return super().construct_document(node)


class _Lenient(_Loader):
    """Takes a value whose tag is not known for the plain value it is."""


def _plain(loader: _Lenient, _tag: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    return loader.construct_sequence(node, deep=True) if isinstance(node, yaml.SequenceNode) else node.value


_Lenient.add_multi_constructor("!", _plain)


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """Values below `node` and it itself. Raises ValueError above the bound, and for a value that holds itself."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    size = known.get(id(node))
    if size is None:
        known[id(node)] = NODES  # met again before it is known, it holds itself
        parts = node.value if isinstance(node, yaml.SequenceNode) else [one for pair in node.value for one in pair]
        size = 1 + sum(_size(part, known) for part in parts)
        known[id(node)] = size
    if size > NODES:
        raise ValueError(f"followed, its aliases stand for more than {NODES} values")
    return size


def read_yaml(text: str, *, any_tag: bool = False) -> Any:
    """The one document of `text`, None when it is empty; with `any_tag` unknown tags do not matter. Raises ValueError,
    and nothing else, for all that cannot be read."""
    try:
        loader = (_Lenient if any_tag else _Loader)(_short(text))
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except _TROUBLE as error:
        raise ValueError(str(error)[:300]) from error


def read_documents(text: str) -> Iterator[Any]:
    """The documents of `text` one by one. Raises as `read_yaml`."""
    try:
        yield from yaml.load_all(_short(text), _Loader)  # a safe loader
    except _TROUBLE as error:
        raise ValueError(str(error)[:300]) from error


# Beside its own errors PyYAML lets through what its constructors meet: `2020-99-99`, `!!timestamp x`, `!!float x`.
_TROUBLE = (yaml.YAMLError, RecursionError, ValueError, TypeError, AttributeError, LookupError)


def _short(text: str) -> str:
    if len(text) > TEXT:
        raise ValueError(f"it is longer than {TEXT} characters")
    return text
