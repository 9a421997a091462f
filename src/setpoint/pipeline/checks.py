"""All checks of a change, each a line: those that look at files, then those that run commands."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from ..gates.api import check_interfaces
from ..gates.base_overlay import base_overlay, planted
from ..gates.change_proof import prove_change, still_reported
from ..gates.change_set import ChangeSet
from ..gates.conflicts import check_conflicts
from ..gates.containers import check_containers
from ..gates.coverage import check_coverage
from ..gates.deployment import check_deployment
from ..gates.fresh import fresh
from ..gates.frozen import frozen, is_test_file
from ..gates.grounds import Grounds
from ..gates.images import check_images
from ..gates.judge import together
from ..gates.migration_trial import try_migrations
from ..gates.migrations import check_migrations
from ..gates.mutation import mutants
from ..gates.objections import objections
from ..gates.packaging import check_packaging
from ..gates.performance import check_benchmarks, check_bundle, check_page
from ..gates.permissions import check_permissions
from ..gates.quarantine import check_quarantine, settle
from ..gates.reach import check_reach
from ..gates.redproof import green_proof
from ..gates.secrets import secrets
from ..gates.surroundings import check_surroundings
from ..gates.tamper.guard import tamper
from ..gates.tests_gate import tests_gate
from ..gates.tokens import check_tokens
from ..gates.trusted import run_wired
from ..gates.undeclared import check_imports
from ..gates.unicode import check_unicode
from ..gates.unmocked import check_unmocked
from ..gates.workflows import check_workflows
from ..model.evidence import GateKind
from ..model.gate import Gate
from ..model.judgement import Measured
from ..model.record import digest_of
from .bounds import as_opened, boundary, counted_as, frozen_interfaces, interfaces, packages
from .lab import Terms, Trial
from .tests_by_gate import beside, concerns, gate_of, gates_of_tests, with_tests_of

Check = Callable[[ChangeSet], Measured]
StaticCheck = Callable[[ChangeSet, Terms], Measured]
CommandCheck = Callable[[Trial], Awaitable[Sequence[Measured]]]


def alone(check: Check) -> StaticCheck:
    """A check that needs to know nothing but the change."""
    return lambda change, _terms: check(change)


# -- from the files alone ----------------------------------------------------------------------------------------------


def approved_tests(change: ChangeSet, terms: Terms) -> Measured:
    """The approved tests, byte for byte."""
    if not terms.approved:
        return counted_as("frozen-tests", [], change, GateKind.FROZEN, examined=0)
    result = frozen(terms.approved, change.read_head, tree=change.head)
    ruled = [objection.model_copy(update={"rule": "frozen/changed"}) for objection in objections(result)]
    return Measured(result=result, objections=tuple(ruled))


def tampered(change: ChangeSet, terms: Terms) -> Measured:
    """Whatever makes tests, gates or their configuration see less."""
    return as_opened(tamper(change, frozen=sorted(terms.approved), implementing=terms.implementing), change, terms)


def planted_tools(change: ChangeSet) -> Measured:
    """Files that take the place of a tool."""
    found = planted(change)
    return counted_as("planted-tools", found, change, GateKind.BOUNDARY, examined=len(change.deltas) if found else 0)


def integration(change: ChangeSet, terms: Terms) -> Measured:
    """Whether what the change reaches is tested together."""
    return check_reach(change if terms.whole else replace(change, deltas=()), terms.gates)


def containers(change: ChangeSet, terms: Terms) -> Measured:
    """Whether container files fit their tree; while tasks are left, what one copies may still come."""
    return check_containers(change if terms.whole else replace(change, head_files=frozenset()))


def deployment(change: ChangeSet, terms: Terms) -> Measured:
    """Whether the place it runs in gives what it needs; while tasks are left, that may still come."""
    return check_deployment(change if terms.whole else replace(change, deltas=(), head_files=frozenset()))


STATIC: Mapping[str, StaticCheck] = {
    "boundary": boundary,
    "frozen-tests": approved_tests,
    "tamper": tampered,
    "planted-tools": alone(planted_tools),
    "secrets": alone(secrets),
    "tokens": alone(check_tokens),
    "unicode": alone(check_unicode),
    "dependencies": packages,
    "api": interfaces,
    "frozen-interfaces": frozen_interfaces,
    "workflows": alone(check_workflows),
    "permissions": alone(check_permissions),
    "containers": containers,
    "deployment": deployment,
    "migrations": alone(check_migrations),
    "flaky": alone(check_quarantine),
    "integration": integration,
    "end-to-end": alone(check_unmocked),
}
"""Checks that read files and run nothing, in the order they are told."""


def base_settings(change: ChangeSet, terms: Terms) -> dict[str, bytes | None]:
    """The base's configuration of gates, to be laid over a change before they run; None takes a file away."""
    return base_overlay(change, frozen_tests=terms.implementing)


# -- with commands -----------------------------------------------------------------------------------------------------


async def gates(trial: Trial) -> Sequence[Measured]:
    """Every gate on the judged tree: tests with tripwires among them, of linters and the like only what is new. Other
    checks ask for it again: it is found out once a trial, whatever it said."""
    if not trial.told:
        trial.told.extend(await _gates(trial))
    return trial.told


async def _gates(trial: Trial) -> Sequence[Measured]:
    asked = trial.asked
    tests = {name: gate for name, gate in asked.items() if gate.kind.runs_tests}
    others = {name: gate for name, gate in asked.items() if name not in tests}
    wired = await together(_wired(trial, name, gate) for name, gate in tests.items())
    rest = await trial.lab.results(trial.judged, others, environment=trial.environment)
    plain = [fresh(trial.of_head(result), trial.base_results.get(result.gate), trial.change) for result in rest]
    told = {one.result.gate: one for one in (*wired, *plain)}
    return tuple(_ruled(told[name], trial) for name in asked)


async def _wired(trial: Trial, name: str, gate: Gate) -> Measured:
    change, lab = trial.change, trial.lab
    near = [delta.path for delta in change.deltas if not delta.deleted and is_test_file(delta.path)]
    trees = [change.base, change.head, trial.judged]
    key = digest_of({"wired": name, "gate": gate.digest(), "trees": trees, "in": trial.environment, "by": lab.code})

    async def run() -> Sequence[Measured]:
        one = await run_wired(
            name, gate, trial.plant_head, base=trial.plant_base, tree=change.head, environment=trial.environment,
            near=near, changed=change.paths, keep=lab.keep, reruns=0,
        )  # fmt: skip
        plainly = all(objection.rule == "gate/test" for objection in one.objections)
        return (await settle(_grounds(trial), gate, one.result) if plainly else one,)

    return (await lab.once(key, run))[0]


def _ruled(one: Measured, trial: Trial) -> Measured:
    if one.result.gate in trial.terms.optional:
        return Measured(result=one.result)
    rule = f"gate/{one.result.gate}"
    ruled = (o if o.rule else o.model_copy(update={"rule": rule}) for o in one.objections)
    return Measured(result=one.result, objections=tuple(ruled))


async def expected_tests(trial: Trial) -> Sequence[Measured]:
    """Every test that the base reported is reported still."""
    if not trial.terms.whole:
        return ()
    told = {one.result.gate: one.result for one in await gates(trial)}
    pairs = [(trial.base_results.get(name), told[name]) for name in gates_of_tests(trial)]
    found = [still_reported(base, head, trial.change) for base, head in pairs if base and base.tests and head.tests]
    return tuple(found[:1] if len(found) == 1 else found)


async def proved(trial: Trial) -> Sequence[Measured]:
    """New and rewritten tests on the base, and on the change. A session's tests were proved before its code came."""
    if trial.terms.implementing or not trial.terms.whole:
        return ()
    found = []
    for name, gate in gates_of_tests(trial).items():
        change = with_tests_of(trial, name)
        found.append(
            await prove_change(
                change, gate, trial.plant_base, trial.plant_head, environment=trial.environment, keep=trial.lab.keep
            )
        )
    return tuple(found)


async def covered(trial: Trial) -> Sequence[Measured]:
    """Changed lines that no test runs."""
    asked = trial.terms.settings
    if not trial.terms.whole or not asked.coverage or not trial.terms.gates:
        return ()
    if any(not one.result.green for one in await gates(trial) if one.result.gate in gates_of_tests(trial)):
        return ()  # what a failing test ran is not covered by it, and it has told already
    return (await check_coverage(_grounds(trial), share=asked.coverage, floor=asked.coverage_floor),)


def _grounds(trial: Trial) -> Grounds:
    return Grounds(trial.change, trial.lab.checkout, trial.terms.gates, trial.environment, trial.judged)


async def imported(trial: Trial) -> Sequence[Measured]:
    """Packages that the code needs and nothing declares."""
    return (await check_imports(_grounds(trial)),) if trial.terms.whole else ()


async def agreeing(trial: Trial) -> Sequence[Measured]:
    """Whether lock files are what their manifests ask for."""
    return (await check_conflicts(_grounds(trial)),) if trial.terms.whole else ()


async def packaged(trial: Trial) -> Sequence[Measured]:
    """What of the change is in the package that is published."""
    return await check_packaging(_grounds(trial)) if trial.terms.whole else ()


async def built_images(trial: Trial) -> Sequence[Measured]:
    """Container images that the change concerns."""
    most = trial.terms.settings.images if trial.terms.whole else 0
    return await check_images(_grounds(trial), trial.lab.images, most=most) if most else ()


async def migrated(trial: Trial) -> Sequence[Measured]:
    """Migrations, run on a scratch database."""
    return (await try_migrations(_grounds(trial)),) if trial.terms.whole else ()


async def answering(trial: Trial) -> Sequence[Measured]:
    """What configured commands tell of interfaces, on either side."""
    terms = trial.terms
    found = terms.whole and await check_interfaces(_grounds(trial), terms.settings.interfaces, declared=terms.declared)
    return (found,) if found else ()


async def waited_for(trial: Trial) -> Sequence[Measured]:
    """Benchmarks, bundles and pages, on both sides in turn and never beside each other."""
    asked, grounds = trial.terms.settings, _grounds(trial)
    if not trial.terms.whole:
        return ()
    found = []
    if asked.slower_percent:
        found.append(await check_benchmarks(grounds, share=asked.slower_percent / 100))
    if asked.bundle_kb:
        found.append(await check_bundle(grounds, limit=int(asked.bundle_kb * 1024)))
    return (*found, await check_page(grounds, asked.page, limit=asked.page_ms))


async def noticed(trial: Trial) -> Sequence[Measured]:
    """Whether tests mind faults in the changed lines."""
    asked = trial.terms.settings
    if not trial.terms.whole or not asked.mutants:
        return ()
    green = frozenset(one.result.gate for one in await gates(trial) if one.result.green)
    found = []
    for name, gate in gates_of_tests(trial).items():
        more = beside(trial, name, green)
        if name not in green or more is None:
            continue  # red tests have told already; others are asked after those of units
        change = with_tests_of(trial, name)
        change = replace(change, deltas=[d for d in change.deltas if concerns(gate, d.path)])
        claims = [claim for claim in trial.terms.claims if gate_of(trial, claim.id.partition("::")[0]) == name]
        found.append(
            await mutants(
                change, gate, trial.plant_head, claims=claims, more=more, environment=trial.environment,
                seconds=asked.mutant_seconds, most=asked.mutants,
            )
        )  # fmt: skip
    return tuple(found)


async def elsewhere(trial: Trial) -> Sequence[Measured]:
    """The tests of the change where machines are unlike this one."""
    if not trial.terms.whole or not trial.terms.settings.surroundings:
        return ()
    green = frozenset(one.result.gate for one in await gates(trial) if one.result.green)
    files: dict[str, list[str]] = {}
    for path in sorted(
        {delta.path for delta in trial.change.deltas if not delta.deleted} | trial.terms.approved.keys()
    ):
        if is_test_file(path) and (name := gate_of(trial, path)) in green:
            files.setdefault(name, []).append(path)
    asked = gates_of_tests(trial)
    return [await check_surroundings(_grounds(trial), name, asked[name], mine) for name, mine in files.items()]


async def green_proved(trial: Trial) -> Sequence[Measured]:
    """The approved tests on the whole change, each by its name."""
    terms = trial.terms
    if not terms.whole or not terms.claims:
        return ()
    _, gate = tests_gate(terms.gates)
    files = sorted(terms.approved)
    async with trial.lab.checkout(trial.judged, None) as room:
        proof = await green_proof(
            terms.claims, files, gate, room,
            tree=trial.change.head, environment=trial.environment, changed=trial.change.paths, keep=trial.lab.keep,
        )  # fmt: skip
    return (Measured(result=proof.result, objections=proof.objections),)


COMMANDS: Mapping[str, CommandCheck] = {
    "gates": gates,
    "expected-tests": expected_tests,
    "proof": proved,
    "green-proof": green_proved,
    "coverage": covered,
    "surroundings": elsewhere,
    "environment": imported,
    "conflicts": agreeing,
    "packaging": packaged,
    "images": built_images,
    "migration-trial": migrated,
    "interfaces": answering,
    "performance": waited_for,
    "mutants": noticed,
}
"""Checks that run commands, in the order they are told."""
