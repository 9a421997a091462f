"""What a person signed for opens nothing else, and nothing for longer than it stands."""

from hypothesis import given
from hypothesis import strategies as st

from setpoint.model.boundary import Boundaries
from setpoint.model.change import Entry
from setpoint.pipeline.by_hand import GONE, beyond_sessions, contents, lifted
from setpoint.policy.action import Action, ActionKind
from setpoint.policy.decide import Allow, Policy, decide
from setpoint.policy.rules import Rules

PATHS = (
    "shop/price.py",
    ".github/workflows/ci.yml",
    "docs/a.md",
    ".setpoint/policy.toml",
    "never.py",
    "pyproject.toml",
)
OIDS = st.sampled_from(["", "a" * 40, "b" * 40])
TREES = st.dictionaries(st.sampled_from(PATHS), OIDS.filter(bool))
POLICY = Policy(boundaries=Boundaries(paths=("shop/**", ".github/**")), rules=Rules(never=("edit:never.py",)))


def edited(policy: Policy, path: str) -> bool:
    return isinstance(decide(policy, Action(kind=ActionKind.EDIT, subject=path)), Allow)


@given(st.dictionaries(st.sampled_from(PATHS), OIDS), TREES)
def test_only_what_stands_as_it_was_signed_is_open(signed: dict[str, str], tree: dict[str, str]) -> None:
    entries = {path: Entry("100644", name) for path, name in tree.items()}
    policy = lifted(POLICY, signed, entries)
    for path in PATHS:
        if edited(policy, path) and not edited(POLICY, path):
            assert signed[path] == tree.get(path, GONE)
        closed = path in (".setpoint/policy.toml", "never.py")
        if path in signed and signed[path] == tree.get(path, GONE) and not closed:
            assert edited(policy, path)
        if closed:
            assert not edited(policy, path)


def test_what_needs_a_signature_is_what_no_session_may_write() -> None:
    assert beyond_sessions(POLICY, PATHS) == PATHS[1:]
    assert contents({"a": Entry("100644", "x")}, ("a", "b")) == {"a": "x", "b": GONE}
