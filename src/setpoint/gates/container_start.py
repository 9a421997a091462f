"""What a container starts, and whether the files that are copied into its image bring it."""

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .build_context import Context
from .dockerfile import Dockerfile, Instruction, unknown

REMOTE = re.compile(r"^(?:https?|ftp|git|ssh)://|^git@|\.git(?:#|$)")
"""Sources that are not in the tree."""
_MODULE = re.compile(r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*(?:\(\))?$")
_PYTHON = re.compile(r"^python[\d.]*$")
_INTERPRETERS = frozenset(("sh", "bash", "ash", "node", "ruby", "perl", "php", "bun", "deno"))
_SERVERS = frozenset(("uvicorn", "gunicorn", "hypercorn", "granian", "daphne", "waitress-serve"))


@dataclass(frozen=True)
class Start:
    """One file or module that CMD or ENTRYPOINT names."""

    word: str
    name: str
    line: int
    there: bool
    """A file that is copied is it."""
    ours: bool
    """What is copied should have brought it: a copied folder reaches over its place, or holds its package."""
    made: bool
    """A step of the build may make it."""


@dataclass(frozen=True)
class _Named:
    name: str
    files: tuple[str, ...]
    """Any of which it would be."""
    module: bool = False


def starts(file: Dockerfile, contexts: Sequence[Context]) -> list[Start]:
    """What the last stage starts."""
    places, made, folder, begin = list[tuple[str, str]](), False, "/", dict[str, Instruction]()
    for one in file.stages[-1].steps if file.stages else ():
        if one.word == "WORKDIR" and one.words:
            folder = posixpath.join(folder, one.words[0])
        elif one.word in ("COPY", "ADD") and len(one.words) >= 2:
            made = made or bool(one.flag("from")) or any(REMOTE.search(word) for word in one.words)
            places += [(source, posixpath.join(folder, one.words[-1])) for source in one.words[:-1]]
        elif one.word in ("RUN", "VOLUME"):
            made = True
        elif one.word in ("CMD", "ENTRYPOINT"):
            begin[one.word] = one
    wanted = [(one, named) for one in begin.values() for named in _named(one) if not unknown(folder + named.name)]
    if not wanted:
        return []
    inside = {place for source, target in places for context in contexts for place in _targets(source, target, context)}
    return [_start(one, named, folder, places, inside, made) for one, named in wanted]


def _start(
    one: Instruction, named: _Named, folder: str, places: Sequence[tuple[str, str]], inside: set[str], made: bool
) -> Start:
    here = posixpath.normpath(posixpath.join(folder, named.name))
    there = any(posixpath.normpath(posixpath.join(folder, file)) in inside for file in named.files)
    if named.module:
        top = posixpath.normpath(posixpath.join(folder, named.name.partition("/")[0]))
        ours = f"{top}.py" in inside or any(place.startswith(f"{top}/") for place in inside)
    else:
        roots = {posixpath.normpath(target).rstrip("/") for source, target in places if _many(source, target, inside)}
        ours = any(here.startswith(f"{root}/") for root in roots)
    return Start(one.word, named.name, one.line, there, ours, made)


def _many(source: str, target: str, inside: set[str]) -> bool:
    """Whether a folder was copied to `target`, not a single file."""
    below = posixpath.normpath(target).rstrip("/") + "/"
    return source in (".", "./") or sum(1 for place in inside if place.startswith(below)) > 1


def _named(one: Instruction) -> Iterator[_Named]:
    words = [word for word in one.words if word != "exec"]
    if not words:
        return
    program, rest = words[0], words[1:]
    name = program.rpartition("/")[2]
    if _PYTHON.match(name) and "-m" in rest[:2] and len(rest) > rest.index("-m") + 1:
        yield _module(rest[rest.index("-m") + 1])
    elif _PYTHON.match(name) or name in _INTERPRETERS:
        first = next((word for word in rest if not word.startswith("-")), "")
        if first and "-c" not in rest and "-e" not in rest and re.search(r"[./]", first):
            yield _Named(first, (first,))
    elif name in _SERVERS:
        yield from (_module(word.partition(":")[0]) for word in rest if _MODULE.match(word))
    elif program.startswith("./") or ("/" in program and re.search(r"\.\w{1,4}$", program)):
        yield _Named(program, (program,))


def _module(dotted: str) -> _Named:
    path = dotted.replace(".", "/")
    return _Named(path, (f"{path}.py", f"{path}/__init__.py", f"{path}/__main__.py"), module=True)


def _targets(source: str, target: str, context: Context) -> Iterator[str]:
    """Where the files that `source` stands for lie in the image."""
    name = posixpath.normpath(source.lstrip("/") or ".")
    for path in context.matches(source):
        plain = path == name
        below = posixpath.basename(path) if plain or "*" in name else posixpath.relpath(path, name)
        yield posixpath.normpath(posixpath.join(target, below))
        if plain:
            yield posixpath.normpath(target)
