"""Interfaces that others build on: a Python package's names, an OpenAPI description, a command's options.

What breaks needs a criterion that says so, or a person's waiver.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from ..model.evidence import GateKind
from ..model.gate import Gate
from ..model.judgement import Measured
from ..model.numbers import counted
from ..model.objection import Deviation, Objection, Severity
from ..model.settings import Interfaces
from .change_set import ChangeSet
from .grounds import Grounds, could_not_tell, nothing, run_as, verdict
from .measured import built_in, minded
from .openapi import ApiBreak, UnreadableApiError, api_breaks, is_description, read_description
from .python_api import Break, breaks, distributed, packages

NAME = "api"
_HARD = frozenset(("removed", "signature", "kind"))
_WORDS = {
    "removed": "is gone",
    "signature": "is called otherwise",
    "kind": "is another kind of thing",
    "default": "has another default",
    "type": "has another type",
    "value": "has another value",
    "base": "lost a base class",
    "changed": "was changed",
}


def check_api(change: ChangeSet, *, declared: Sequence[str] = ()) -> Measured:
    """An objection for each break of a Python package that others install and of each OpenAPI description in the
    repository. `declared` are the criteria's texts: a break that one of them names is noted and does not block."""
    found: list[Objection] = []
    examined = 0
    for folder, name in packages(change):
        examined += 1
        installed = distributed(change, folder)
        found += [_of_python(entry, installed, declared) for entry in breaks(change, folder, name)]
    for delta in change.deltas:
        if is_description(delta.path_before) and not delta.added:
            examined += 1
            text = delta.text_after if not delta.deleted else "paths: {}"
            found += _of_description(delta.path, delta.text_before, text, declared)
    return built_in(NAME, found, examined=examined, unit="interfaces", tree=change.head)


def _of_python(entry: Break, installed: str, declared: Sequence[str]) -> Objection:
    asked = _declared(entry.name, declared)
    severity = Severity.LOW
    if entry.kind in _HARD and installed and not asked:
        severity = Severity.HIGH
    why = (
        "a criterion asks for it"
        if asked
        else f"{installed} makes others install it"
        if installed
        else "nobody installs it"
    )
    return minded(
        f"{NAME}/{entry.kind}",
        f"{entry.name} {_WORDS.get(entry.kind, 'was changed')}",
        entry.path,
        line_=entry.line,
        cause=f"{why}; keep the old form beside the new one, or name the break in a criterion",
        evidence=f"before: {entry.before}; after: {entry.after}" if entry.before or entry.after else "",
        deviation=Deviation.ARCHITECTURE,
        severity=severity,
    )


def _declared(name: str, declared: Sequence[str]) -> bool:
    """Whether a criterion names the object: its own name, or the dotted one."""
    bare = name.partition("(")[0]
    own = bare.rpartition(".")[2]
    shapes = re.compile(rf"(?<![\w.]){re.escape(bare)}(?!\w)|(?<!\w){re.escape(own)}(?!\w)")
    return any(shapes.search(text) for text in declared)


# -- descriptions ----------------------------------------------------------------------------------------------------


def _of_description(path: str, before: str, after: str, declared: Sequence[str]) -> Iterator[Objection]:
    try:
        old = read_description(before)
    except UnreadableApiError:
        return
    try:
        new = read_description(after)
    except UnreadableApiError as error:
        yield minded(
            f"{NAME}/unreadable",
            "the description of the interface cannot be read",
            path,
            evidence=str(error),
            deviation=Deviation.ARCHITECTURE,
        )
        return
    for entry in api_breaks(old, new):
        yield _of_call(entry, path, declared)


def _of_call(entry: ApiBreak, path: str, declared: Sequence[str]) -> Objection:
    place = entry.at.split(" ")[1] if " " in entry.at else entry.at
    asked = any(place in text for text in declared)
    return minded(
        f"{NAME}/{entry.rule}",
        entry.what,
        path,
        cause="callers of today would fail; serve both forms for a while, or name the break in a criterion",
        evidence=entry.at,
        deviation=Deviation.ARCHITECTURE,
        severity=Severity.LOW if asked else Severity.HIGH,
    )


# -- what commands tell ----------------------------------------------------------------------------------------------


async def check_interfaces(grounds: Grounds, told: Interfaces, *, declared: Sequence[str] = ()) -> Measured:
    """What the configured commands tell on the base and on the head, compared."""
    commands = {**told.schemas, **told.helps}
    if not commands:
        return nothing("interfaces", grounds=grounds, unit="interfaces")
    before, after = await _asked(grounds, grounds.change.base, commands), await _asked(grounds, grounds.head, commands)
    found: list[Objection] = []
    for name, argv in commands.items():
        if isinstance(before[name], str) and after[name] is None:
            why = f"`{' '.join(argv)}` fails on the change"
            found.append(minded(f"{NAME}/command-fails", why, "", deviation=Deviation.ARCHITECTURE))
        old, new = before[name], after[name]
        if old is None:
            return could_not_tell(
                "interfaces", f"`{' '.join(argv)}` fails on the base", grounds=grounds, unit="interfaces",
                fix="mend the command in the configuration", argv=argv,
            )  # fmt: skip
        if new is not None:
            reading = _of_description if name in told.schemas else _of_help
            found += reading(name, old, new, declared)
    reason = f"{counted(len(commands), 'interfaces')} compared"
    return verdict("interfaces", found, grounds=grounds, examined=len(commands), unit="interfaces", reason=reason)


async def _asked(grounds: Grounds, revision: str, commands: Mapping[str, tuple[str, ...]]) -> dict[str, str | None]:
    told: dict[str, str | None] = {}
    async with grounds.checkout(revision, None) as room:
        for name, argv in commands.items():
            gate = Gate(kind=GateKind.OTHER, run=argv, timeout=120)
            said = await run_as(gate, room, argv, env={"COLUMNS": "200", "TERM": "dumb"})
            told[name] = said.done.stdout if said.done.exit_code == 0 else None
    return told


_OPTION = re.compile(r"(?<![\w\-])--?[A-Za-z][\w\-]*")
_VERB = re.compile(r"^[│|\s]{2,8}([a-z][\w\-]{1,30})(?:\s{2,}\S|\s*[│|]?$)", re.MULTILINE)


def _of_help(name: str, before: str, after: str, declared: Sequence[str]) -> Iterator[Objection]:
    for kind, shape in (("option", _OPTION), ("command", _VERB)):
        for lost in sorted(set(shape.findall(before)) - set(shape.findall(after))):
            asked = any(lost in text for text in declared)
            yield minded(
                f"{NAME}/{kind}-removed",
                f"the {kind} {lost} of {name} is gone",
                "",
                cause="scripts of today would fail; keep it for a while, or name the break in a criterion",
                deviation=Deviation.ARCHITECTURE,
                severity=Severity.LOW if asked else Severity.HIGH,
            )
