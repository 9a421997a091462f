"""What is wrong with one Dockerfile beside the tree it builds from."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..model.objection import Deviation, Objection, Severity
from .build_context import Context
from .container_start import REMOTE, Start, starts
from .dockerfile import INSTRUCTIONS, Dockerfile, Instruction, Stage, filled, pairs, unknown
from .measured import minded

SECRET_NAME = re.compile(
    r"(?:^|_)(?:PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY|SECRET_?KEY|CREDENTIALS)$",
    re.IGNORECASE,
)
_OFFICIAL = "scratch"


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong, told without line numbers, so that it is the same on either side of a change."""

    rule: str
    what: str
    line: int | None = None
    cause: str = ""
    severity: Severity = Severity.HIGH


def as_objection(check: str, path: str, fault: Fault, deviation: Deviation) -> Objection:
    """The fault as the objection of a check."""
    return minded(
        f"{check}/{fault.rule}",
        fault.what,
        path,
        line_=fault.line,
        cause=fault.cause,
        deviation=deviation,
        severity=fault.severity,
    )


LONGEST = 1_000
"""Instructions of a Dockerfile that is looked at."""


def faults(file: Dockerfile, contexts: Sequence[Context]) -> Iterator[Fault]:
    """All that is wrong with `file`, which is built from one of `contexts`."""
    if len(file.instructions) > LONGEST:
        cause = "so much is not read; what it does can stand in scripts"
        yield Fault(
            "too-long", f"the Dockerfile has more than {LONGEST} instructions", file.instructions[LONGEST].line, cause
        )
        return
    yield from _unknown(file)
    stages = file.stages
    for at, stage in enumerate(stages):
        known = {**file.arguments}
        for one in stage.steps:
            if one.word in ("ENV", "ARG"):
                yield from _secret(one, known)
            if one.word in ("COPY", "ADD"):
                yield from _copied(one, stages[:at], contexts, known)
        yield from _unpinned(stage, stages[:at])
    for start in starts(file, contexts):
        if start.ours and not start.there and not start.made:
            yield missing_start(start)


def _unknown(file: Dockerfile) -> Iterator[Fault]:
    before = [one for one in file.instructions if one.word != "ARG"][:1]
    if before and before[0].word in INSTRUCTIONS - {"FROM"}:
        yield Fault("no-base", "the Dockerfile does not begin with FROM", before[0].line, "no engine will build it")
    if not file.instructions:
        yield Fault("no-base", "the Dockerfile holds no instruction", 1, "no engine will build it")
    for one in file.instructions:
        if one.word not in INSTRUCTIONS:
            yield Fault("unknown-instruction", f"`{one.word}` is no instruction", one.line, "no engine will build it")


def _secret(one: Instruction, known: dict[str, str]) -> Iterator[Fault]:
    for name, value in pairs(one):
        secret = SECRET_NAME.search(name)
        if secret and value and not value.startswith("$"):
            what = f"{one.word} {name} writes a secret into the image"
            cause = "whoever has the image reads it; give it when the container starts, or `RUN --mount=type=secret`"
            yield Fault("secret", what, one.line, cause)
        elif secret and one.word == "ENV" and value.startswith("$"):
            what = f"ENV {name} keeps a build argument in the image"
            cause = "whoever has the image reads it; give it when the container starts, or `RUN --mount=type=secret`"
            yield Fault("secret", what, one.line, cause, Severity.MEDIUM)
        if value:
            known[name] = filled(value, known)


def missing_start(start: Start) -> Fault:
    """The container would start what is not in it."""
    cause = "nothing that is copied into the image brings it"
    return Fault("missing-start", f"{start.word} starts `{start.name}`, which is not in the image", start.line, cause)


# -- images ------------------------------------------------------------------------------------------------------------


def image_parts(image: str) -> tuple[str, str, str]:
    """Name, tag and digest of an image as it is written."""
    name, _, digest = image.partition("@")
    head, _, last = name.rpartition("/")
    last, _, tag = last.partition(":")
    return (f"{head}/{last}" if head else last), tag, digest


def loose(image: str) -> bool:
    """Whether another image may stand behind the same words tomorrow: no tag, or `latest`."""
    _, tag, digest = image_parts(image)
    return not digest and tag in ("", "latest")


def _unpinned(stage: Stage, earlier: Sequence[Stage]) -> Iterator[Fault]:
    image = stage.image
    named = image.lower() in {one.name for one in earlier if one.name}
    if image and image != _OFFICIAL and not named and not unknown(image) and loose(image):
        what = f"base image `{image}` has no tag" if ":" not in image else f"base image `{image}` is whatever is latest"
        cause = "tomorrow's build is another one: name a version, better a digest"
        yield Fault("unpinned", what, stage.line, cause, Severity.MEDIUM)


# -- what is copied ----------------------------------------------------------------------------------------------------


def _copied(
    one: Instruction, earlier: Sequence[Stage], contexts: Sequence[Context], known: dict[str, str]
) -> Iterator[Fault]:
    origin = one.flag("from")
    if origin:
        yield from _from_stage(one, filled(origin, known), earlier)
        return
    sources = [filled(word, known) for word in one.words[:-1]]
    for source in sources:
        if unknown(source) or source.startswith("<<") or REMOTE.search(source):
            continue
        if any(context.matches(source) for context in contexts):
            continue
        hidden = next((c for c in contexts if c.matches(source, seen=False)), None)
        where = " or ".join("the repository" if c.folder == "." else f"{c.folder}/" for c in contexts)
        if hidden:
            cause = "the build does not see it: take it out of the ignore file, or out of the instruction"
            yield Fault(
                "ignored-source", f"{one.word} of `{source}`, which the ignore file leaves out", one.line, cause
            )
        else:
            cause = f"there is no such file below {where}; the build ends here"
            yield Fault("missing-source", f"{one.word} of `{source}`, which is not in the tree", one.line, cause)


def _from_stage(one: Instruction, origin: str, earlier: Sequence[Stage]) -> Iterator[Fault]:
    if unknown(origin):
        return
    names = {stage.name for stage in earlier if stage.name}
    if origin.isdigit():
        if int(origin) >= len(earlier):
            cause = f"{len(earlier)} stages stand before it, counted from 0"
            yield Fault("unknown-stage", f"COPY --from={origin}, and there is no such stage", one.line, cause)
    elif origin.lower() not in names and not re.search(r"[:/@]", origin):
        cause = f"stages before it: {', '.join(sorted(names)) or 'none with a name'}; of an image name the version"
        yield Fault("unknown-stage", f"COPY --from={origin}, and no stage before it is called so", one.line, cause)
