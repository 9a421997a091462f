"""An approval counts for exactly what it was signed for, whole, while it is young, and by whom the base names."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setpoint.adapters.keys import KeyRing
from setpoint.model.approval import POINTS, VERSION, Answer, Approval, ApprovalSettings, Bound
from setpoint.policy.approvals import Voices, faults, is_agent
from setpoint.policy.signatures import key_bytes

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
DUE = Bound(
    about="change", subject="s0", tree="t0", repository="r0", run="3c91", started=NOON, cycle=1, base="b0", policy="p0",
    arguments={"into": "main"},
)  # fmt: skip


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    folder = tmp_path_factory.mktemp("keys") / "setpoint" / "approvals"
    return KeyRing(folder, shown=(), tell=lambda _words: None)


@pytest.fixture(scope="module")
def voices(ring: KeyRing) -> Voices:
    return Voices(settings=ApprovalSettings(approvers={"Ada": ring.ready()}))


def answered(ring: KeyRing, due: Bound = DUE, **changes: Any) -> Approval:
    usual: dict[str, Any] = {
        "answer": Answer.GRANTED, "by": "Ada", "at": NOON, "until": NOON + timedelta(days=7), "serial": 5,
        "nonce": "n1", "version": VERSION, "inspection": dict.fromkeys(POINTS, "it holds"),
    }  # fmt: skip
    return ring.sign(Approval(**{**dict(due), **usual, **changes}))


def codes(approval: Approval, due: Bound, voices: Voices, now: datetime = NOON) -> list[str]:
    return [fault.code for fault in faults(approval, due, voices, now)]


# -- whatever moves, and in whatever order ----------------------------------------------------------------------------

MOVED = {
    "subject": ("s0", "s1"), "tree": ("t0", "t1"), "base": ("b0", "b1"), "policy": ("p0", "p1"), "cycle": (1, 2),
    "about": ("change", "plan"), "run": ("3c91", "beef"), "arguments": ({"into": "main"}, {"into": "release"}),
}  # fmt: skip
"""Few values each, so that sequences come back to where they were: an approval counts again there, and only there."""
MOVES = st.one_of(
    st.tuples(st.just("move"), st.sampled_from(sorted(MOVED)), st.integers(0, 1)),
    st.tuples(st.just("sign"), st.just(""), st.integers(0, 0)),
    st.tuples(st.just("edit"), st.sampled_from(sorted(MOVED)), st.integers(0, 9)),
)


@settings(max_examples=int(os.environ.get("SETPOINT_SEQUENCES", "150")), deadline=None)
@given(st.lists(MOVES, min_size=1, max_size=12))
def test_no_sequence_of_moves_makes_an_approval_count_for_what_it_was_not_given_for(
    ring: KeyRing, voices: Voices, moves: Sequence[tuple[str, str, int]]
) -> None:
    due, kept = DUE, list[tuple[Bound | None, Approval]]()
    for kind, name, number in moves:
        if kind == "move":
            due = due.model_copy(update={name: MOVED[name][number]})
        elif kind == "sign":
            kept.append((due, answered(ring, due)))
        elif kept:
            # Somebody who can write the row makes it fit: nobody gave such an answer.
            given_for, edited = kept[number % len(kept)]
            fitted = edited.model_copy(update={name: getattr(due, name)})
            kept.append((given_for if fitted == edited else None, fitted))
        for given_for, approval in kept:
            assert (codes(approval, due, voices) == []) == (given_for == due)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(set(Approval.model_fields) - {"signature", "key"})), st.integers(0, 3))
def test_every_field_is_signed(ring: KeyRing, voices: Voices, name: str, number: int) -> None:
    approval, other = answered(ring), {
        "started": NOON + timedelta(days=number + 1), "at": NOON - timedelta(days=number + 1),
        "until": NOON + timedelta(days=number + 9), "answer": Answer.SENT_BACK, "cycle": number + 2,
        "serial": number + 9, "version": number + 2, "arguments": {"into": f"x{number}"},
        "inspection": {"diff": f"x{number}"},
    }.get(name, f"x{number}")  # fmt: skip
    found = codes(approval.model_copy(update={name: other}), DUE, voices)
    assert found in (["signature"], ["form"])


# -- one by one -------------------------------------------------------------------------------------------------------


def test_an_honest_one_counts(ring: KeyRing, voices: Voices) -> None:
    assert codes(answered(ring), DUE, voices) == []


def test_it_lives_as_long_as_the_base_says_and_not_as_it_says_itself(ring: KeyRing, voices: Voices) -> None:
    long = answered(ring, until=NOON + timedelta(days=3650))
    assert codes(long, DUE, voices, NOON + timedelta(days=7)) == []
    assert codes(long, DUE, voices, NOON + timedelta(days=7, seconds=1)) == ["expired"]
    short = voices.model_copy(update={"settings": voices.settings.model_copy(update={"days": 1.0})})
    assert codes(answered(ring), DUE, short, NOON + timedelta(days=2)) == ["expired"]


def test_clocks_may_be_a_little_apart_and_no_more(ring: KeyRing, voices: Voices) -> None:
    assert codes(answered(ring), DUE, voices, NOON - timedelta(minutes=5)) == []
    assert codes(answered(ring), DUE, voices, NOON - timedelta(minutes=5, seconds=1)) == ["early"]


def test_without_named_approvers_the_key_of_this_place_counts_and_no_other(ring: KeyRing) -> None:
    assert codes(answered(ring, by="Anybody"), DUE, Voices(own=ring.own())) == []
    for own in ("", f"ed25519:{'A' * 43}="):
        assert codes(answered(ring), DUE, Voices(own=own)) == ["key"]


def test_once_the_base_names_approvers_the_key_of_this_place_is_nobodys(ring: KeyRing) -> None:
    other = ApprovalSettings(approvers={"Grace": f"ed25519:{'A' * 43}="})
    assert codes(answered(ring), DUE, Voices(own=ring.own(), settings=other)) == ["key"]
    assert codes(answered(ring, by="Grace"), DUE, Voices(own=ring.own(), settings=other)) == ["key"]


def test_names_alone_can_be_demanded_too(ring: KeyRing) -> None:
    assert codes(answered(ring), DUE, Voices(own=ring.own(), names=("Grace",))) == ["key"]


@pytest.mark.parametrize("name", ["claude-opus-4-5", "Anthropic/Claude-Opus-4-5", "REVIEWER", " setpoint ", "native"])
def test_no_agent_approves_by_any_of_its_names(name: str) -> None:
    assert is_agent(name, ("anthropic/claude-opus-4-5", "claude-opus-4-5", "native"))


def test_a_person_may_be_called_like_anybody_else() -> None:
    assert not is_agent("Claude Shannon", ("anthropic/claude-opus-4-5", "claude-opus-4-5"))


@pytest.mark.parametrize(
    ("eyes", "about", "codes_of_author"),
    [
        ("none", "deploy:production", []), ("production", "deploy:production", ["four-eyes"]),
        ("production", "deploy:staging", []), ("production", "change", []), ("change", "change", ["four-eyes"]),
        ("change", "deploy:eu-prod", ["four-eyes"]), ("change", "plan", []),
    ],
)  # fmt: skip
def test_four_eyes_keep_the_author_from_approving_where_the_base_wants_it(
    ring: KeyRing, voices: Voices, eyes: str, about: str, codes_of_author: list[str]
) -> None:
    wanted = voices.settings.model_copy(update={"four_eyes": eyes})
    due = DUE.model_copy(update={"about": about})
    mine = voices.model_copy(update={"settings": wanted, "involved": ("Ada",)})
    assert codes(answered(ring, due), due, mine) == codes_of_author
    theirs = mine.model_copy(update={"involved": ("Grace",)})
    assert codes(answered(ring, due), due, theirs) == []


def test_a_change_wants_its_inspection_and_a_plan_none(ring: KeyRing, voices: Voices) -> None:
    bare = answered(ring, inspection={"diff": "read"})
    (fault,) = faults(bare, DUE, voices, NOON)
    assert (fault.code, fault.what) == ("inspection", "not inspected: requirement, tests, debt")
    plan = DUE.model_copy(update={"about": "plan"})
    assert codes(answered(ring, plan, inspection={}), plan, voices) == []
    lax = voices.model_copy(update={"settings": voices.settings.model_copy(update={"inspection": ()})})
    assert codes(bare, DUE, lax) == []


def test_what_was_taken_back_counts_no_more(ring: KeyRing, voices: Voices) -> None:
    assert codes(answered(ring), DUE, voices.model_copy(update={"withdrawn": 5})) == []
    assert codes(answered(ring), DUE, voices.model_copy(update={"withdrawn": 6})) == ["withdrawn"]


@pytest.mark.parametrize("text", ["ed25519:AAAA", "rsa:x", "", f"ed25519:{'A' * 42}B=", f"ed25519:{'A' * 44}"])
def test_what_is_no_key_is_refused(text: str) -> None:
    from setpoint.errors import UsageError

    with pytest.raises(UsageError, match="no public key"):
        key_bytes(text)
