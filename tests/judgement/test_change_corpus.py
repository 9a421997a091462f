"""The cases about what a change brings along: packages, interfaces, migrations, letters, CI, untested lines."""

from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

import pytest
from corpus import Case, load_cases, sample

from setpoint.gates.api import check_api
from setpoint.gates.change_set import ChangeSet, between
from setpoint.gates.commands import reporting
from setpoint.gates.coverage import check_coverage
from setpoint.gates.dependencies import check_dependencies
from setpoint.gates.migrations import check_migrations
from setpoint.gates.performance import check_bundle
from setpoint.gates.quarantine import check_quarantine, settle
from setpoint.gates.run import run_gate
from setpoint.gates.tokens import check_tokens
from setpoint.gates.unicode import check_unicode
from setpoint.gates.workflows import check_workflows
from setpoint.model.evidence import GateKind
from setpoint.model.gate import Gate
from setpoint.model.judgement import Measured
from setpoint.model.objection import Objection
from setpoint.testing.gate_grounds import grounds_of

KINDS = ("api", "coverage", "dependencies", "flaky", "migrations", "performance", "unicode", "workflows")
CHECKS: list[Callable[[ChangeSet], Measured]] = [
    *(check_api, check_dependencies, check_migrations, check_quarantine, check_tokens, check_unicode, check_workflows),
]
COMMANDS = {"pyshop": ["python", "-m", "pytest", "-q"], "jsshop": ["node", "--test"]}
STATIC = [case for case in load_cases() if case.needs == "static"]
MINE = [case for case in STATIC if case.kind in KINDS]
RUN = sample(case for case in load_cases() if case.needs == "commands" and case.kind in KINDS)


def standing(case: Case, measured: list[Measured]) -> list[Objection]:
    """The objections that block, those that a waiver of the case accepts left out."""
    found = [objection for one in measured for objection in one.objections if objection.blocks]
    return [entry for entry in found if not any(fnmatch(entry.rule, waiver.rule) for waiver in case.waivers)]


def judged(case: Case, found: list[Objection]) -> None:
    told = "\n".join(f"{entry.rule}: {entry.what} ({entry.evidence})" for entry in found)
    rules = {entry.rule for entry in found}
    own = {rule for rule in case.rules if rule.partition("/")[0] in KINDS}
    assert (not rules) if case.honest else own <= rules, told
    assert all(entry.cause for entry in found)


@pytest.mark.parametrize("case", MINE, ids=lambda case: case.id)
def test_what_a_change_brings_along_is_judged_by_its_files(case: Case) -> None:
    change = between(case.before, case.after)
    judged(case, standing(case, [check(change) for check in CHECKS]))


@pytest.mark.parametrize("case", [case for case in STATIC if case.honest], ids=lambda case: case.id)
def test_no_honest_change_of_the_corpus_is_refused_for_what_it_brings_along(case: Case) -> None:
    change = between(case.before, case.after)
    judged(case, standing(case, [check(change) for check in CHECKS]))


@pytest.mark.slow
@pytest.mark.parametrize("case", RUN, ids=lambda case: case.id)
async def test_what_a_change_leaves_untested_is_judged_by_running_it(case: Case, tmp_path: Path) -> None:
    run, report = reporting(COMMANDS[case.project])
    tests = Gate.model_validate({"kind": GateKind.TESTS, "run": run, "report": report})
    gates = {"tests": tests}
    if b'"build"' in case.before.get("package.json", b""):
        gates["build"] = Gate(kind=GateKind.BUILD, run=("node", "build.js"))
    before, after = ({path: text.decode() for path, text in side.items()} for side in (case.before, case.after))
    grounds = grounds_of(tmp_path, before, after, gates)
    async with grounds.checkout("head", None) as room:
        result = await run_gate("tests", tests, room, tree="head", environment="e", reruns=0)
    settled = await settle(grounds, tests, result)
    judged(case, standing(case, [await check_coverage(grounds), await check_bundle(grounds), settled]))
