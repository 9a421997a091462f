"""Images that the change concerns, really built: from a clean checkout, without a network, from what is here.

A build that the base cannot do here either, or that needs what is not on this machine, is shown as skipped.
"""

import os
import posixpath
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from ..model.command import Completed
from ..model.evidence import GateKind
from ..model.judgement import Measured
from ..model.objection import Deviation
from .build_context import IGNORES
from .container_start import REMOTE
from .containers import Side
from .dockerfile import Dockerfile, Instruction, filled, unknown
from .grounds import NO_TOOL, Grounds, could_not_tell, nothing, verdict
from .measured import minded
from .reading import capped

NAME = "images"
UNIT = "images"
SECONDS = 900.0
"""A build's time."""
_NETWORK = re.compile(
    r"Temporary failure (?:in name resolution|resolving)|Could not resolve|Network is unreachable|bad address|ENOTFOUND"
    r"|EAI_AGAIN|no such host|NewConnectionError|dial tcp|fetch https?://\S+: |WARNING: opening from cache https?://",
)
_SYNTAX = re.compile(r"\A((?:#[^\n]*\n)*?)#\s*syntax\s*=[^\n]*", re.IGNORECASE)


class Images(Protocol):
    """Builds container images on this machine, from what is on it."""

    @property
    def name(self) -> str:
        """The engine that builds."""
        ...

    async def ready(self) -> str:
        """Why no image can be built here; empty when one can."""
        ...

    async def has(self, image: str) -> bool:
        """Whether `image` is on this machine; nothing is pulled."""
        ...

    async def build(self, context: Path, dockerfile: Path, *, seconds: float) -> Completed:
        """Build an image and throw it away: without a network, each step contained. A failed build is an answer. The
        content of `context` is not trusted."""
        ...


async def check_images(grounds: Grounds, engine: Images | None, *, most: int = 3) -> Sequence[Measured]:
    """One verdict for each image that the change concerns, of the first `most`."""
    change = grounds.change
    side = Side(change.head_files, change.read_head)
    concerned = list(_concerned(grounds, side))[:most]
    if not concerned:
        return (nothing(NAME, grounds=grounds, unit=UNIT, kind=GateKind.CONTAINER),)
    why = "no engine was handed over" if engine is None else await engine.ready()
    if engine is None or why:
        return (_skipped(NAME, f"no image was built: {why}", grounds),)
    names = [NAME if len(concerned) == 1 else f"{NAME}:{path}" for path in concerned]
    return [await _judged(*one, side, grounds, engine) for one in zip(names, concerned, strict=True)]


def _concerned(grounds: Grounds, side: Side) -> Iterator[str]:
    """Dockerfiles that changed, or that copy what changed."""
    change = grounds.change
    touched = set(change.paths)
    before = Side(change.base_files, change.read_base)
    for path, file in side.dockerfiles.items():
        contexts = [*side.contexts(path), *before.contexts(path)]
        hidden = {posixpath.normpath(posixpath.join(c.folder, name)) for c in contexts for name in IGNORES}
        if touched & {path, *(f"{path}{name}" for name in IGNORES), *hidden}:
            yield path
            continue
        sources = {word for one in _copies(file) if not one.flag("from") for word in one.words[:-1]}
        below = [(context, "" if context.folder == "." else f"{context.folder}/") for context in contexts]
        if any(above + name in touched for context, above in below for s in sources for name in context.matches(s)):
            yield path


def _copies(file: Dockerfile) -> list[Instruction]:
    return [one for one in file.instructions if one.word in ("COPY", "ADD")]


async def _judged(name: str, path: str, side: Side, grounds: Grounds, engine: Images) -> Measured:
    file, change, started = side.dockerfiles[path], grounds.change, time.monotonic()
    lacking = _out_of_reach(file) or await _missing(file, engine)
    if lacking:
        return _skipped(name, lacking, grounds)
    done = await _built(path, side, change.head, grounds, engine)
    spent = time.monotonic() - started
    if done is None:
        return _skipped(name, "its context or its file is behind a symbolic link", grounds)
    if done.exit_code == 0:
        reason = f"{path} builds with {engine.name}, without a network"
        return verdict(
            name, (), grounds=grounds, examined=1, unit=UNIT, reason=reason, seconds=spent, kind=GateKind.CONTAINER
        )
    last = _last(done.stdout)
    if _NETWORK.search(done.stdout):
        return _skipped(name, f"a step of {path} needs the network, which builds have not here: {last}", grounds)
    before = Side(change.base_files, change.read_base)
    old = next((delta.was for delta in change.deltas if delta.path == path and delta.was), path)
    if old in before.dockerfiles:
        earlier = await _built(old, before, change.base, grounds, engine)
        if earlier is None or earlier.exit_code:
            return _skipped(name, f"{path} cannot be built here on the base either: {last}", grounds)
    said = capped(done.stdout, 4000)
    cause = f"{engine.name} stopped: {last}" if not done.timed_out else f"it took longer than {SECONDS:.0f} s"
    found = minded(
        f"{NAME}/build-failed",
        f"the image of {path} cannot be built",
        path,
        cause=cause,
        evidence=said,
        deviation=Deviation.BEHAVIOUR,
    )
    reason = f"{path} cannot be built: {last}"
    return verdict(
        name, [found], grounds=grounds, examined=1, unit=UNIT, reason=reason, seconds=spent, kind=GateKind.CONTAINER
    )


async def _built(path: str, side: Side, tree: str, grounds: Grounds, engine: Images) -> Completed | None:
    """What the engine did with a clean checkout of `tree`; None where a link would lead it elsewhere."""
    folder = side.contexts(path)[0].folder
    async with grounds.checkout(tree, None) as room:
        with _laid_out(room.path, folder, path) as places:
            return await engine.build(*places, seconds=SECONDS) if places else None


@contextmanager
def _laid_out(room: Path, folder: str, path: str) -> Iterator[tuple[Path, Path] | None]:
    """The context in a room, and a copy of its Dockerfile without a `syntax` line, which would fetch another program to
    read it with; None when a link leads elsewhere."""
    top = Path(os.path.realpath(room))
    context, file = Path(os.path.normpath(top / folder)), Path(os.path.normpath(top / path))
    if any(os.path.realpath(place) != str(place) for place in (context, file)):
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="setpoint-image-") as aside:
        copy = Path(aside, "Dockerfile")
        copy.write_text(_SYNTAX.sub(r"\1#", file.read_text("utf-8", "replace")), "utf-8")
        for name in IGNORES:
            own = Path(f"{file}{name}")
            if own.is_file() and not own.is_symlink():
                Path(f"{copy}{name}").write_bytes(own.read_bytes())
        yield context, copy


def _out_of_reach(file: Dockerfile) -> str:
    """What would need the network, or more rights than a build is given."""
    for one in file.instructions:
        if one.word == "ADD" and any(REMOTE.search(word) for word in one.words[:-1]):
            return f"`ADD {one.words[0]}` needs the network, which builds have not here"
        if one.word == "RUN" and (one.flag("network") not in ("", "none") or one.flag("security")):
            return f"a step asks for more than a build is given here: RUN {' '.join(one.flags)}"
    return ""


async def _missing(file: Dockerfile, engine: Images) -> str:
    stages = {stage.name for stage in file.stages if stage.name}
    wanted = [stage.image for stage in file.stages]
    wanted += [filled(one.flag("from"), file.arguments) for one in _copies(file) if one.flag("from")]
    for image in dict.fromkeys(wanted):
        if image.lower() in stages or image == "scratch" or image.isdigit() or not image:
            continue
        if unknown(image):
            return f"the image `{image}` is not known before somebody says what it stands for"
        if image.startswith("-") or not await engine.has(image):
            return f"the image `{image}` is not on this machine, and nothing is pulled: `{engine.name} pull {image}`"
    return ""


def _last(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    told = next((line for line in reversed(lines) if re.search(r"(?i)\berror|failed|not found", line)), "")
    return (told or (lines[-1] if lines else "it said nothing"))[:300]


def _skipped(name: str, why: str, grounds: Grounds) -> Measured:
    fix = "start an engine (docker, podman, or buildah with runc or crun) that has the base images"
    return could_not_tell(
        name, why, grounds=grounds, unit=UNIT, fix=fix, kind=GateKind.CONTAINER, rule=f"{NAME}/{NO_TOOL}"
    )
