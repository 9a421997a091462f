"""Policies laid over each other only narrow, in whatever order; what no rule allows is not allowed."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setpoint.config import own_policy, parse_policy
from setpoint.errors import ConfigError
from setpoint.model.boundary import Boundaries
from setpoint.model.policy import Layer, PolicyFile
from setpoint.policy.action import Action, ActionKind
from setpoint.policy.decide import Allow, Ask, Deny, Policy, decide, ruled
from setpoint.policy.digest import policy_digest
from setpoint.policy.rules import Rules, effective, from_settings, lay, opened

GLOBS = ["src/**", "**/*.py", "src/a.py", "docs", "**", "tests/", "*", "migrations/**"]
HOSTS = ["a.example:443", "b.example:443", "A.example:443"]
STANCE = st.sampled_from([None, "allowed", "ask", "never"])
LEVEL = st.sampled_from([None, "ask", "auto", "auto-after-3-clean", "auto-after-20-clean"])
PATTERNS = st.lists(
    st.sampled_from(["edit:src/**", "ci", "network:*.example:443", "shell:make", "dependency", "migration", "edit"]),
    max_size=2,
)


def some(values: list[str]) -> st.SearchStrategy[list[str] | None]:
    """A list, or nothing said."""
    return st.none() | st.lists(st.sampled_from(values), max_size=3)


FILES = st.fixed_dictionaries({
    "paths": st.fixed_dictionaries({"allowed": some(GLOBS), "protected": st.lists(st.sampled_from(GLOBS), max_size=2)}),
    "commands": st.fixed_dictionaries({"allowed": some(["*", "make", "pytest"])}),
    "network": st.fixed_dictionaries({"allowed": some(HOSTS), "ask": some(["*", "*.example:443", "c.*:1"])}),
    "dependencies": st.fixed_dictionaries({"changes": STANCE, "packages": some(["*", "http*", "Left_Pad"])}),
    "migrations": st.fixed_dictionaries({"changes": STANCE}),
    "people": st.fixed_dictionaries({"needed": PATTERNS, "never": PATTERNS}),
    "size": st.fixed_dictionaries({"files": st.none() | st.integers(0, 60)}),
    "risk": st.dictionaries(st.sampled_from(["shell", "edit", "read"]), st.sampled_from(["ask", "person", "never"])),
    "trust": st.fixed_dictionaries({"plan": LEVEL, "merge": LEVEL}),
}).map(PolicyFile.model_validate)  # fmt: skip
LAYERS = st.builds(Layer, whose=st.sampled_from(["base: a", "base: b", "user", "here: setpoint.toml"]), said=FILES)
YES = st.lists(
    st.sampled_from(["dependency:httpx", "dependency:dependencies", "network:b.example:443", "migration:x"]), max_size=2
).map(lambda asked: [Action(kind=ActionKind(one.partition(":")[0]), subject=one.partition(":")[2]) for one in asked])
RULES = st.builds(lambda said, yes: opened(Rules.of(said, base=True), yes), FILES, YES)
SUBJECTS = {
    ActionKind.EDIT: [
        "src/a.py",
        "docs/x.md",
        "tests/t.py",
        "migrations/1.py",
        "pyproject.toml",
        ".env",
        "../x",
        "ci.sh",
    ],
    ActionKind.READ: ["src/a.py", ".env", "src/../../x"],
    ActionKind.NETWORK: ["a.example:443", "b.example:443", "c.evil:1"],
    ActionKind.SHELL: ["make", "pytest", "bash"],
    ActionKind.DEPENDENCY: ["dependencies", "httpx", "left-pad"],
}
ACTIONS = st.sampled_from(list(ActionKind)).flatmap(
    lambda kind: st.builds(Action, kind=st.just(kind), subject=st.sampled_from(SUBJECTS.get(kind, ["production", "x"])))
)
BOUNDARIES = st.builds(
    Boundaries,
    paths=st.lists(st.sampled_from(["src/**", "**", "docs/*"]), max_size=2).map(tuple),
    protected=st.lists(st.sampled_from(["src/a.py", "docs/**"]), max_size=1).map(tuple),
    commands=st.sampled_from([("*",), (), ("make",)]),
    network=st.sampled_from([(), ("a.example:443",)]),
    dependencies=st.booleans(),
    migrations=st.booleans(),
)
FREE = {"allow": 2, "ask": 1, "deny": 0}


@given(one=RULES, further=RULES, action=ACTIONS, boundaries=BOUNDARIES, yes=st.booleans())
def test_a_further_policy_never_allows_more(
    one: Rules, further: Rules, action: Action, boundaries: Boundaries, yes: bool
) -> None:
    granted = (action,) if yes else ()
    before = decide(Policy(boundaries=boundaries, rules=one, granted=granted), action)
    after = decide(Policy(boundaries=boundaries, rules=lay(one, further), granted=granted), action)
    assert FREE[after.verdict] <= FREE[before.verdict]


@given(action=ACTIONS, boundaries=BOUNDARIES, rules=RULES)
def test_nothing_is_allowed_that_boundaries_and_rules_do_not_both_allow(
    action: Action, boundaries: Boundaries, rules: Rules
) -> None:
    if isinstance(decide(Policy(boundaries=boundaries, rules=rules), action), Allow):
        assert isinstance(decide(Policy(boundaries=boundaries), action), Allow)
        assert isinstance(ruled(rules, action), Allow)


@given(action=ACTIONS, other=ACTIONS, boundaries=BOUNDARIES, rules=RULES)
def test_a_yes_lifts_a_question_about_exactly_this_and_never_a_no(
    action: Action, other: Action, boundaries: Boundaries, rules: Rules
) -> None:
    asked = decide(Policy(boundaries=boundaries, rules=rules), action)
    own = decide(Policy(boundaries=boundaries, rules=rules, granted=(action,)), action)
    assert own.verdict == ("allow" if isinstance(asked, Ask) else asked.verdict)
    if other != action:
        assert decide(Policy(boundaries=boundaries, rules=rules, granted=(other,)), action).verdict == asked.verdict


@given(layers=st.lists(LAYERS, max_size=4), twice=st.booleans(), action=ACTIONS, data=st.data())
def test_the_order_of_policies_is_of_no_account(
    layers: list[Layer], twice: bool, action: Action, data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(layers + (layers[:1] if twice else [])))
    one, other = effective(layers), effective(shuffled)
    assert one == other
    assert policy_digest(one) == policy_digest(other)
    assert ruled(one, action).verdict == ruled(other, action).verdict


@given(base=st.lists(FILES, max_size=2), user=FILES, action=ACTIONS, boundaries=BOUNDARIES)
def test_a_persons_own_policy_never_opens_what_the_base_leaves_closed(
    base: list[PolicyFile], user: PolicyFile, action: Action, boundaries: Boundaries
) -> None:
    trusted = [Layer(whose=f"base: {at}", said=said) for at, said in enumerate(base)]
    before = decide(Policy(boundaries=boundaries, rules=effective(trusted)), action)
    both = effective([*trusted, Layer(whose="user", said=user)])
    assert FREE[decide(Policy(boundaries=boundaries, rules=both), action).verdict] <= FREE[before.verdict]


@given(one=RULES, other=RULES, action=ACTIONS)
def test_one_digest_means_one_verdict(one: Rules, other: Rules, action: Action) -> None:
    if policy_digest(one) == policy_digest(other):
        assert ruled(one, action).verdict == ruled(other, action).verdict
    else:
        assert one != other


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"paths": {"allowed": ["src/", "docs/*"]}}, {"paths": {"allowed": ["docs/*", "./src/**", "src//**"]}}),
        ({"paths": {"allowed": ["**", "src/**"]}}, {}),
        ({"network": {"allowed": ["A.example:443"]}}, {"network": {"allowed": ["a.example:443"]}}),
        ({"dependencies": {"packages": ["Left_Pad"]}}, {"dependencies": {"packages": ["left-pad"]}}),
        ({"interfaces": {"frozen": ["POST  /signup"]}}, {"interfaces": {"frozen": ["POST /signup", "POST /signup"]}}),
        ({"people": {"never": ["edit:src/"]}}, {"people": {"never": ["edit:./src/**"]}}),
        ({"size": {"files": 40}}, {}),
    ],
)
def test_spelling_and_repetition_move_no_digest(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert policy_digest(written(one)) == policy_digest(written(other))


@pytest.mark.parametrize(
    ("said", "action"),
    [
        ({"paths": {"allowed": ["docs/**"]}}, "edit:src/a.py"),
        ({"paths": {"protected": ["src/"]}}, "edit:src/a.py"),
        ({"commands": {"allowed": ["make"]}}, "shell:bash"),
        ({"network": {"ask": []}}, "network:a.example:443"),
        ({"network": {"allowed": ["a.example:443"]}}, "network:a.example:443"),
        ({"dependencies": {"changes": "never"}}, "dependency:httpx"),
        ({"dependencies": {"packages": ["flask"]}}, "dependency:httpx"),
        ({"migrations": {"changes": "allowed"}}, "migration:users"),
        ({"people": {"needed": ["edit:src/**"]}}, "edit:src/a.py"),
        ({"people": {"never": ["ci"]}}, "edit:.github/workflows/x.yml"),
        ({"risk": {"shell": "person"}}, "shell:bash"),
        ({"risk": {"push": "never"}}, "push:setpoint/x"),
    ],
)
def test_whatever_changes_a_verdict_changes_the_digest(said: dict[str, Any], action: str) -> None:
    kind, _, subject = action.partition(":")
    asked = Action(kind=ActionKind(kind), subject=subject)
    usual, changed = written({}), written(said)
    assert ruled(usual, asked).verdict != ruled(changed, asked).verdict
    assert policy_digest(usual) != policy_digest(changed)


def written(said: dict[str, Any]) -> Rules:
    """The rules of a repository that says this."""
    return effective([Layer(whose="base: .setpoint/policy.toml", said=PolicyFile.model_validate(said))])


@settings(max_examples=40)
@given(boundaries=BOUNDARIES)
def test_settings_say_only_what_is_written_in_them(boundaries: Boundaries) -> None:
    told = boundaries.model_dump(exclude_unset=True)
    said = from_settings(Boundaries.model_validate({k: v for k, v in told.items() if k == "dependencies"}))
    assert said.migrations.changes is None
    assert said.network.allowed is None
    assert said.dependencies.changes == ("allowed" if boundaries.dependencies else "ask")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[path]\nallowed = []", "unknown key `path`; did you mean `paths`?"),
        ("[dependencies]\nchange = 'ask'", "did you mean `changes`?"),
        ("[dependencies]\nchanges = 'maybe'", "dependencies.changes"),
        ("[network]\nallowed = ['a.example']", "name:port"),
        ("[people]\nnever = ['edits:src']", "no kind of action; did you mean `edit`?"),
        ("[people]\nnever = ['test']", "tests and gates always run"),
        ("[paths]\nallowed = ['/etc/**']", "matches no file"),
        ("[risk]\nci = 'ask'", "laxer than `person`"),
        ("[risk]\ntest = 'never'", "tests and gates always run"),
        ("[trust]\nmerge = 'auto-after-0-clean'", "auto-after-N-clean"),
        ("[[trust.confidence]]\nby='ada'\nstep='push'\nbecause='x'", "neither `merge` nor"),
        ("paths = 3", "should be a table"),
        ("[paths", "not TOML"),
        (b"\xff\xfe", "UTF-8"),
    ],
)
def test_what_a_policy_cannot_mean_is_said_with_its_place(text: str | bytes, told: str) -> None:
    content = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(ConfigError) as raised:
        parse_policy(content, ".setpoint/policy.toml")
    assert told in str(raised.value)
    assert ".setpoint/policy.toml" in str(raised.value)
    assert raised.value.exit_code == 2


def test_an_irreversible_step_stays_with_a_person_until_one_answers_for_it_on_the_base() -> None:
    wish = {"trust": {"merge": "auto", "plan": "auto", "deploy": {"production": "auto", "staging": "auto"}}}
    assert dict(written(wish).trust) == {
        "merge": "ask", "plan": "auto", "deploy:production": "ask", "deploy:staging": "auto",
    }  # fmt: skip
    sure = [{"by": "ada", "step": "merge", "because": "twenty clean ones"}]
    assert dict(written({"trust": {**wish["trust"], "confidence": sure}}).trust)["merge"] == "auto"


def test_trust_laid_over_trust_is_the_stricter() -> None:
    sure = {"confidence": [{"by": "ada", "step": "merge", "because": "x"}]}
    base = Layer(whose="base: p", said=PolicyFile.model_validate({"trust": {"merge": "auto-after-3-clean", **sure}}))
    for mine, left in (("auto", "auto-after-3-clean"), ("auto-after-9-clean", "auto-after-9-clean"), ("ask", "ask")):
        user = Layer(whose="user", said=PolicyFile.model_validate({"trust": {"merge": mine}}))
        assert dict(effective([base, user]).trust)["merge"] == left


def test_a_persons_own_file_is_read_from_their_configuration_folder(tmp_path: Any) -> None:
    assert own_policy({"XDG_CONFIG_HOME": str(tmp_path)}) is None
    (tmp_path / "setpoint").mkdir()
    (tmp_path / "setpoint" / "policy.toml").write_text("[network]\nask = []\n")
    found = own_policy({"XDG_CONFIG_HOME": str(tmp_path), "HOME": "/nowhere"})
    assert found is not None
    assert (found.whose, found.said.network.ask) == ("user", ())
    (tmp_path / "setpoint" / "policy.toml").write_text(
        "[[trust.confidence]]\nby='me'\nstep='merge'\nbecause='I say so'\n"
    )
    with pytest.raises(ConfigError, match="base branch alone"):
        own_policy({"XDG_CONFIG_HOME": str(tmp_path)})


def test_a_denied_host_is_denied_with_its_reason() -> None:
    rules = written({"network": {"ask": ["*.example:443"]}})
    said = ruled(rules, Action(kind=ActionKind.NETWORK, subject="c.evil:1"))
    assert isinstance(said, Deny)
    assert "c.evil:1" in said.reason
