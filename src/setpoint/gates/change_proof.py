"""The proof of a whole change: its new and rewritten tests on the base, on the change, and with the source taken back;
and every test that the base had is still reported."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

from ..model.evidence import GateKind, GateResult, Outcome
from ..model.gate import Gate
from ..model.judgement import Measured
from ..model.numbers import counted
from ..model.objection import Objection, Severity, Source
from .change_set import ChangeSet
from .frozen import is_test_file, is_test_path
from .measured import built_in, minded
from .reading import capped, line
from .redproof import Named, RedProof, green_proof, red_proof
from .run import Keep, sha256
from .tamper.changed_tests import rows_hidden
from .trusted import Plant
from .written_tests import changed_tests, deleted_tests, tests_in

PROOF = "proof"
_NAMES = (
    re.compile(r"No module named '([\w.]+)'"),
    re.compile(r"cannot import name '(\w+)'"),
    re.compile(r"has no attribute '(\w+)'"),
    re.compile(r"name '(\w+)' is not defined"),
    re.compile(r"Cannot find (?:module|package) '([^']+)'"),
    re.compile(r"does not provide an export named '(\w+)'"),
    re.compile(r"Failed to (?:resolve import|load url) \"?([^\s\"]+)"),
)
_IMPORTED = re.compile(r"""^\s*(?:import|const|let)\s+([\w\s{},*]+?)\s*(?:from|=\s*require\()""", re.MULTILINE)
_NOTED = frozenset(("proof/passes-on-base", "proof/skipped"))
"""What nobody promised: said, but no reason against a change by anybody."""


async def prove_change(
    change: ChangeSet,
    gate: Gate,
    base: Plant,
    head: Plant,
    *,
    claims: Sequence[Named] = (),
    environment: str,
    keep: Keep = sha256,
) -> Measured:
    """Red on the base, green on the change (twice), red again with the source taken back, which is the base with these
    tests. `claims` are tests that somebody promised; without any, the new and rewritten tests of the change are
    proved: one of them that passes on the base is noted, since it may be there to hold what was."""
    tests: Sequence[Named] = claims or changed_tests(change)
    if not tests:
        return built_in(PROOF, (), examined=0, unit="tests", tree=change.head, kind=GateKind.RED_PROOF)
    files = [delta.path for delta in change.deltas if is_test_file(delta.path) and not delta.deleted]
    tree = f"{change.base or 'base'}+tests"
    async with base(tests_overlay(change)) as room:
        red = await red_proof(tests, files, gate, room, tree=tree, environment=environment, keep=keep)
    async with head({}) as room:
        green = await green_proof(
            tests, files, gate, room,
            tree=change.head or "head", environment=environment, changed=change.paths, keep=keep,
        )  # fmt: skip
    found = [*red.objections, *green.objections]
    if not claims:
        found = [told for objection in found if (told := _of_nobody(objection, change))]
    return _told(change, tests, red, green, _once(found))


def tests_overlay(change: ChangeSet) -> dict[str, bytes | None]:
    """The tests of a change with all that belongs to them, to be laid over its base."""
    laid: dict[str, bytes | None] = {}
    for delta in change.deltas:
        if delta.was and is_test_path(delta.was):
            laid[delta.was] = None
        if is_test_path(delta.path):
            laid[delta.path] = delta.after
    return laid


def _of_nobody(objection: Objection, change: ChangeSet) -> Objection | None:
    """What an objection weighs where nobody claimed that the test proves something."""
    if objection.rule in _NOTED:
        return objection.model_copy(update={"severity": Severity.LOW})
    told = f"{objection.cause}\n{objection.evidence}"
    if objection.rule == "proof/wrong-reason":
        missing = [name for pattern in _NAMES for name in pattern.findall(told)]
        if objection.place and "could not be collected" in objection.cause:  # node does not report why
            missing += _IMPORTED.findall((change.read_head(objection.place.path) or b"").decode("utf-8", "replace"))
            missing = [word for text in missing for word in re.split(r"[\s{},]+", text) if word]
        if any(_brings(change, name) for name in missing):
            return None  # its file needs what this change brings: that is missing behaviour
        return objection.model_copy(update={"severity": Severity.MEDIUM})
    if objection.rule == "proof/refused" and any(_brings(change, name) for p in _NAMES for name in p.findall(told)):
        return None
    return objection


def _brings(change: ChangeSet, name: str) -> bool:
    """Whether the change brings a name or a module that its base had not."""
    last = re.split(r"[./\\]", name.removesuffix(".js").removesuffix(".ts"))[-1]
    for delta in change.deltas:
        if is_test_path(delta.path) or delta.deleted:
            continue
        pure = PurePosixPath(delta.path)
        if delta.before is None and last in (pure.stem.partition(".")[0], *pure.parts[:-1]):
            return True
        word = re.compile(rf"(?<!\w){re.escape(last)}(?!\w)")
        if last and word.search(delta.text_after) and not word.search(delta.text_before):
            return True
    return False


def _once(found: Sequence[Objection]) -> tuple[Objection, ...]:
    """Without repeats: a test that is not there is told once."""
    return tuple({(objection.rule, objection.what): objection for objection in found}.values())


def _told(
    change: ChangeSet, tests: Sequence[Named], red: RedProof, green: RedProof, found: tuple[Objection, ...]
) -> Measured:
    blocking = [objection for objection in found if objection.blocks]
    refused = blocking and all(objection.rule in ("proof/refused", "proof/tripwire") for objection in blocking)
    noted = f"; {len(found) - len(blocking)} noted" if len(found) > len(blocking) else ""
    reason = (
        f"{counted(len(tests), 'new or changed tests')}: {red.result.reason}; {green.result.reason}; the base with "
        f"these tests is the change with its source taken back{noted}"
    )
    evidence = green.result.evidence.model_copy(update={"tree": change.head or "head", "examined": len(tests)})
    result = green.result.model_copy(
        update={
            "gate": PROOF,
            "kind": GateKind.RED_PROOF,
            "outcome": Outcome.REFUSED if refused else Outcome.FAILED if blocking else Outcome.PASSED,
            "reason": line(reason),
            "evidence": evidence,
            "tests": (),
            "tail": capped(f"{red.result.tail}\n{green.result.tail}") if blocking else "",
        }
    )
    return Measured(result=result, objections=found)


# -- the tests that were there -----------------------------------------------------------------------------------------


def still_reported(base: GateResult, head: GateResult, change: ChangeSet) -> Measured:
    """Every test that the base reported is reported on the change, unless its diff deletes it; and none that passed is
    skipped now in a file that the change does not touch."""
    gone = deleted_tests(change)
    names = {_last(name) for name in gone}
    moved = {delta.was: delta.path for delta in change.deltas if delta.was}
    there = {_plain(test.id): test.outcome for test in head.tests}
    found = []
    before = {_plain(test.id): test.outcome for test in base.tests if "::" in test.id}
    for name, outcome in sorted(before.items()):
        path, _, rest = name.partition("::")
        now = f"{moved.get(path, path)}::{rest}"
        if now not in there and name not in gone and _last(name) not in names:
            found.append(_missing(name, change))
        elif outcome == "passed" and there.get(now) == "skipped" and change.find(path) is None:
            found.append(_skipped(name))
    found += _fewer_cases(base, head, change)
    return built_in("expected-tests", found, examined=len(before), unit="tests", tree=change.head, kind=GateKind.TESTS)


def _fewer_cases(base: GateResult, head: GateResult, change: ChangeSet) -> list[Objection]:
    """An objection for each test whose rows could be read before, are worked out now, and are fewer when it runs."""
    were, are = (Counter(_plain(test.id) for test in one.tests if test.outcome == "passed") for one in (base, head))
    found = []
    for was, now in rows_hidden(change):
        if were[was] > are[now]:
            found.append(
                minded(
                    "proof/fewer-cases",
                    f"{now} passed {were[was]} times on the base and {are[now]} times on the change",
                    now.partition("::")[0],
                    cause="the rows it is tried with are worked out now, and some are no longer tried; write them out",
                    source=Source.RED_PROOF,
                )
            )
    return found


def _missing(name: str, change: ChangeSet) -> Objection:
    path = name.partition("::")[0]
    text = (change.read_base(path) or b"").decode("utf-8", "replace")
    written = path == "test" or name.partition("::")[2] in tests_in(path, text)
    return minded(
        "proof/missing-test",
        f"{name} was reported on the base and is not reported on the change, which does not delete it",
        path if "." in path else "",
        cause="something keeps it from being collected or reported",
        source=Source.RED_PROOF,
        severity=Severity.HIGH if written else Severity.LOW,
    )


def _skipped(name: str) -> Objection:
    return minded(
        "proof/now-skipped",
        f"{name} passed on the base and is skipped on the change, which does not touch its file",
        name.partition("::")[0],
        cause="code under test decides that it is skipped",
        source=Source.RED_PROOF,
    )


def _plain(test_id: str) -> str:
    return test_id.partition("[")[0] if test_id.partition("::")[0].endswith(".py") else test_id


def _last(name: str) -> str:
    return re.split(r"::| > ", name)[-1]
