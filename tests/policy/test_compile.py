"""Boundaries only ever narrow, and a run that may touch nothing does not start."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setpoint.errors import DeniedError
from setpoint.model.boundary import Boundaries
from setpoint.model.policy import Layer, PolicyFile
from setpoint.policy.action import ActionKind
from setpoint.policy.compile import CEILING, beyond, compile_boundaries, limits_of, narrow, refused
from setpoint.policy.paths import allowed
from setpoint.policy.rules import effective, opened

NAMES = st.lists(st.sampled_from(["a", "b", "c", "*"]), max_size=3).map(tuple)
BOUNDARIES = st.builds(
    Boundaries,
    paths=st.lists(st.sampled_from(["src/**", "**/*.py", "src/a.py", "docs/*", "**"]), max_size=3).map(tuple),
    protected=NAMES,
    commands=NAMES,
    network=NAMES,
    dependencies=st.booleans(),
    migrations=st.booleans(),
    frozen=NAMES,
    needs_person=NAMES,
    max_files=st.integers(0, 50),
    max_lines=st.integers(0, 50),
)
PATHS = st.sampled_from(["src/a.py", "src/b/c.py", "docs/x", "x.py", "README.md"])


@given(one=BOUNDARIES, other=BOUNDARIES, path=PATHS)
def test_narrowing_never_widens(one: Boundaries, other: Boundaries, path: str) -> None:
    both = narrow(one, other)
    for part in (one, other):
        if part.paths and allowed(both.paths, path):
            assert allowed(part.paths, path)
        assert set(both.protected) >= set(part.protected)
        assert set(both.frozen) >= set(part.frozen)
        assert set(both.needs_person) >= set(part.needs_person)
        assert "*" in part.commands or set(both.commands) <= set(part.commands)
        assert "*" in part.network or set(both.network) <= set(part.network)
        assert both.dependencies <= part.dependencies
        assert both.migrations <= part.migrations
        assert both.max_files <= part.max_files
        assert both.max_lines <= part.max_lines


@given(one=BOUNDARIES, other=BOUNDARIES, third=BOUNDARIES, path=PATHS)
def test_paths_that_do_not_meet_stay_closed_whatever_comes_after(
    one: Boundaries, other: Boundaries, third: Boundaries, path: str
) -> None:
    if one.paths and other.paths and allowed(narrow(narrow(one, other), third).paths, path):
        assert allowed(one.paths, path)
        assert allowed(other.paths, path)


def test_what_says_nothing_narrows_nothing() -> None:
    said = Boundaries(paths=("src/**",), network=("a:1",), dependencies=True, max_files=3)
    assert narrow(CEILING, said) == said


def test_boundaries_come_from_policy_plan_and_ticket() -> None:
    compiled = compile_boundaries(
        Boundaries(paths=("src/**", "tests/**"), protected=("src/core/**",), max_files=10),
        Boundaries(paths=("src/app", "tests/test_app.py", "docs/x.md")),
        Boundaries(frozen=("POST /signup",), max_lines=200),
    )
    assert compiled.paths == ("src/app", "src/app/**", "tests/test_app.py", "tests/test_app.py/**")
    assert compiled.protected == ("src/core/**",)
    assert compiled.frozen == ("POST /signup",)
    assert (compiled.max_files, compiled.max_lines) == (10, 200)
    assert (compiled.network, compiled.dependencies) == ((), False)


@pytest.mark.parametrize(
    ("policy", "planned", "why"),
    [
        (Boundaries(), Boundaries(), "names any"),
        (Boundaries(paths=("src/**",)), Boundaries(paths=("docs/**",)), "leaves no file"),
        (Boundaries(), Boundaries(paths=("/etc/**", "../x")), "leaves no file"),
    ],
)
def test_a_run_without_boundaries_does_not_start(policy: Boundaries, planned: Boundaries, why: str) -> None:
    with pytest.raises(DeniedError, match=why):
        compile_boundaries(policy, planned, Boundaries())


USUAL = effective(())
"""What holds where nobody has written a policy."""


def test_what_the_plan_wants_beyond_policy_is_asked_and_a_yes_opens_just_that() -> None:
    planned = Boundaries(paths=("src/a.py",), dependencies=True, migrations=True, network=("packages.example:443",))
    asked = beyond(USUAL, planned, Boundaries())
    assert [action.kind for action in asked] == [ActionKind.DEPENDENCY, ActionKind.MIGRATION, ActionKind.NETWORK]
    compiled = compile_boundaries(USUAL.boundaries(), planned, limits_of(Boundaries()))
    assert (compiled.dependencies, compiled.migrations, compiled.network) == (False, False, ())
    one = compile_boundaries(opened(USUAL, asked[:1]).boundaries(), planned, limits_of(Boundaries()))
    assert (one.dependencies, one.migrations, one.network) == (True, False, ())
    all_ = compile_boundaries(opened(USUAL, asked).boundaries(), planned, limits_of(Boundaries()))
    assert (all_.dependencies, all_.migrations, all_.network) == (True, True, ("packages.example:443",))


def test_a_yes_opens_nothing_that_the_plan_does_not_want() -> None:
    wishes = beyond(USUAL, Boundaries(paths=("src/**",), dependencies=True, migrations=True), Boundaries())
    planned = Boundaries(paths=("src/**",))
    compiled = compile_boundaries(opened(USUAL, wishes).boundaries(), planned, limits_of(Boundaries()))
    assert (compiled.dependencies, compiled.migrations, compiled.network) == (False, False, ())


def test_what_policy_says_never_is_not_asked_and_stays_closed_whoever_says_yes() -> None:
    said = PolicyFile.model_validate({
        "dependencies": {"changes": "never"}, "network": {"ask": ["*.example:443"]}, "migrations": {"changes": "never"},
    })  # fmt: skip
    rules = effective([Layer(whose="base: .setpoint/policy.toml", said=said)])
    planned = Boundaries(paths=("src/**",), dependencies=True, migrations=True, network=("a.example:443", "b.evil:443"))
    assert [action.subject for action in beyond(rules, planned, Boundaries())] == ["a.example:443"]
    assert [action.subject for action, _ in refused(rules, planned)] == ["dependencies", "migrations", "b.evil:443"]
    yes = beyond(USUAL, planned, Boundaries())
    compiled = compile_boundaries(opened(rules, yes).boundaries(), planned, limits_of(Boundaries()))
    assert not compiled.dependencies
    assert not compiled.migrations


def test_what_the_ticket_forbids_is_not_asked() -> None:
    planned = Boundaries(paths=("src/**",), dependencies=True, migrations=True)
    ticket = Boundaries(frozen=("dependencies", "database schema"))
    assert beyond(USUAL, planned, ticket) == ()


def test_policy_that_allows_spares_the_question_and_gives_its_size() -> None:
    said = {"dependencies": {"changes": "allowed"}, "network": {"allowed": ["a.example:443"]}, "size": {"files": 90}}
    rules = effective([Layer(whose="base: .setpoint/policy.toml", said=PolicyFile.model_validate(said))])
    planned = Boundaries(paths=("src/**",), dependencies=True, network=("a.example:443",), max_files=80)
    assert beyond(rules, planned, Boundaries()) == ()
    compiled = compile_boundaries(rules.boundaries(), planned, limits_of(Boundaries()))
    assert (compiled.dependencies, compiled.network, compiled.max_files) == (True, ("a.example:443",), 80)
