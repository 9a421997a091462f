"""Container files of a change against its tree: what would not build or start, or is let out more than on the base."""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from ..model.evidence import GateKind
from ..model.judgement import Measured
from ..model.objection import Deviation, Objection
from . import compose
from .build_context import Context, context_of
from .change_set import ChangeSet, Read, as_text
from .compose import dockerfiles_of, is_compose, read_compose
from .container_faults import Fault, as_objection, faults, image_parts, missing_start
from .container_start import starts
from .dockerfile import Dockerfile, is_dockerfile, read_dockerfile
from .measured import built_in

NAME = "containers"
MOST = 60
"""Most container files of a tree that are read."""
_ROOT = frozenset(("root", "0", "0:0", "root:root", "root:0", "0:root"))


@dataclass(frozen=True)
class Side:
    """The container files of one tree."""

    files: frozenset[str]
    read: Read

    @cached_property
    def dockerfiles(self) -> dict[str, Dockerfile]:
        """By path."""
        named = {path for built in self._built.values() for path, _ in built if path in self.files}
        own = {path for path in self.files if is_dockerfile(path)}
        return {path: read_dockerfile(as_text(self.read(path))) for path in sorted(named | own)[:MOST]}

    @cached_property
    def composed(self) -> dict[str, str]:
        """Texts of compose files by path."""
        return {path: as_text(self.read(path)) for path in sorted(filter(is_compose, self.files))[:MOST]}

    @cached_property
    def _built(self) -> dict[str, list[tuple[str, str]]]:
        found = {}
        for path, text in self.composed.items():
            try:
                found[path] = list(dockerfiles_of(path, read_compose(text)))
            except ValueError:
                found[path] = []
        return found

    def contexts(self, path: str) -> list[Context]:
        """The folders a Dockerfile may be built from: those that compose files name, else the top and its own."""
        named = [context for built in self._built.values() for file, context in built if file == path]
        folders = named or [".", posixpath.dirname(path) or "."]
        return [context_of(folder, path, self.files, self.read) for folder in dict.fromkeys(folders)]

    def faults(self, path: str) -> list[Fault]:
        """What is wrong with one of its files."""
        if path in self.dockerfiles:
            return list(faults(self.dockerfiles[path], self.contexts(path)))
        text = self.composed.get(path)
        return [] if text is None else list(compose.faults(path, text, self.files, self.read))


def check_containers(change: ChangeSet) -> Measured:
    """An objection for each fault of a container file that the base does not have. Files that did not change are looked
    at too: what they copy or start may be gone."""
    before, after = Side(change.base_files, change.read_base), Side(change.head_files, change.read_head)
    was = {delta.path: delta.was for delta in change.deltas if delta.was}
    found = []
    for path in (*after.dockerfiles, *after.composed):
        known = {(fault.rule, fault.what) for fault in before.faults(was.get(path, path))}
        new = [fault for fault in after.faults(path) if (fault.rule, fault.what) not in known]
        old = before.dockerfiles.get(was.get(path, path))
        if path in after.dockerfiles:
            new += _weaker(after.dockerfiles[path], old)
            new += _lost(after, path, before, was.get(path, path))
        found += [_minded(path, fault) for fault in dict.fromkeys(new)]
    count = len(after.dockerfiles) + len(after.composed)
    return built_in(NAME, found, examined=count, unit="container files", tree=change.head, kind=GateKind.CONTAINER)


def _weaker(now: Dockerfile, old: Dockerfile | None) -> Iterator[Fault]:
    """What held on the base and holds no longer."""
    user, before = _last_user(now), _last_user(old) if old else ("", None)
    if user[0] in _ROOT and before[0] not in _ROOT:
        cause = "whoever breaks into the process is root in the container; name an ordinary user last"
        yield Fault("root", "the container runs as root", user[1], cause)
    elif old and before[0] and before[0] not in _ROOT and not user[0]:
        cause = f"it ran as {before[0]} before; without USER it is the base image's, mostly root"
        yield Fault("root", "the container no longer names the user it runs as", None, cause)
    fixed = {image_parts(stage.image)[0] for stage in (old.stages if old else ()) if "@" in stage.image}
    for stage in now.stages:
        name, _, digest = image_parts(stage.image)
        if name in fixed and not digest:
            cause = "a digest is one image for ever, a tag is whatever is pushed under it"
            yield Fault("unpinned", f"base image `{name}` was fixed by its digest and is no longer", stage.line, cause)


def _lost(after: Side, path: str, before: Side, old: str) -> list[Fault]:
    """What it started on the base and could no longer start, whatever steps lie between."""
    if old not in before.dockerfiles:
        return []
    there = {start.name for start in starts(before.dockerfiles[old], before.contexts(old)) if start.there}
    found = starts(after.dockerfiles[path], after.contexts(path))
    return [missing_start(start) for start in found if not start.there and start.name in there]


def _last_user(file: Dockerfile) -> tuple[str, int | None]:
    steps = file.stages[-1].steps if file.stages else ()
    return next(((one.rest.strip(), one.line) for one in reversed(steps) if one.word == "USER"), ("", None))


_BOUNDARY = frozenset(("privileged", "engine-socket", "host-folder", "capability", "host-namespace", "root", "secret"))


def _minded(path: str, fault: Fault) -> Objection:
    return as_objection(NAME, path, fault, Deviation.BOUNDARY if fault.rule in _BOUNDARY else Deviation.QUALITY)
