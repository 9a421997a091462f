"""What the answers of a run are worth can be told anywhere, of an exported bundle alone."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from setpoint.errors import UsageError
from setpoint.forging.stage import RUN, Stage
from setpoint.model.approval import Answer
from setpoint.service.approvals import Bundle, Finding, bundle, bundle_in, findings, trusting
from setpoint.service.export import export

At = Callable[..., Stage]


async def carried(stage: Stage) -> Bundle:
    """The bundle as it comes back from a file."""
    return bundle_in(json.loads(json.dumps(await export(stage.ground(), "approvals"))))


def only(given: Bundle) -> Finding:
    (finding,) = findings(given).findings
    return finding


def told(given: Bundle) -> tuple[int, list[str]]:
    found = findings(given)
    return found.exit_code, [fault.code for finding in found.findings for fault in finding.problems]


async def test_an_honest_one_counts_and_stands_in_the_whole_export_too(at: At) -> None:
    stage = at("merging")
    given = await carried(stage)
    assert told(given) == (0, [])
    assert only(given).worth == "counts"
    whole = json.loads(json.dumps(await export(stage.ground(), "run")))
    assert bundle_in(whole).entries == given.entries
    assert whole["change_records"] == []


@pytest.mark.parametrize(
    ("changes", "exit_code", "code"),
    [
        ({"by": "Grace"}, 30, "signature"), ({"answer": Answer.SENT_BACK}, 30, "signature"),
        ({"version": 0, "signature": ""}, 20, "unsigned"), ({"version": 9}, 30, "form"),
    ],
)  # fmt: skip
async def test_a_bundle_that_was_edited_does_not_hold(
    at: At, changes: dict[str, Any], exit_code: int, code: str
) -> None:
    given = await carried(at("merging"))
    entry = given.entries[0]
    edited = entry.model_copy(update={"approval": entry.approval.model_copy(update=changes)})
    assert told(given.model_copy(update={"entries": (edited,)})) == (exit_code, [code])


async def test_an_answer_of_another_run_or_of_a_key_nobody_named_is_told(at: At) -> None:
    stage = at("merging")
    given = await carried(stage)
    assert told(given.model_copy(update={"run": "beef"}))[1] == ["run"]
    stage.forge_row(stage.signed_by(stage.other_key()))
    assert told(await carried(stage)) == (30, ["key"])


async def test_a_nonce_that_is_there_twice_is_told(at: At) -> None:
    given = await carried(at("merging"))
    twice = given.model_copy(update={"entries": (given.entries[0], given.entries[0])})
    assert set(told(twice)[1]) == {"used"}


async def test_what_was_used_for_something_else_is_told(at: At) -> None:
    stage = at("merging")
    with stage.store.transaction() as tx:
        tx.use(stage.given().nonce, RUN, "deploy:production:abc")
    assert told(await carried(stage)) == (20, ["used"])


async def test_a_merge_that_no_answer_was_used_for_is_told(at: At) -> None:
    stage = at("merging")
    with stage.store.transaction() as tx:
        tx.remember(RUN, "merged:1", {"sha": "abc", "tree": "t"})
    code, codes = told(await carried(stage))
    assert (code, codes) == (20, ["unsigned"])


async def test_it_ages_in_the_drawer(at: At) -> None:
    given = await carried(at("merging"))
    late = findings(given, now=given.at + timedelta(days=8))
    assert (late.exit_code, late.findings[0].problems[0].code) == (20, "expired")


async def test_whoever_verifies_may_bring_their_own_keys(at: At) -> None:
    stage = at("merging")
    given = await carried(stage)
    right = trusting(given.voices, [f"Ada={stage.keys.own()}"])
    wrong = trusting(given.voices, [f"Ada={stage.other_key().ready()}"])
    alone = trusting(given.voices, [stage.keys.own()])
    assert [findings(given, voices).exit_code for voices in (right, alone, wrong)] == [0, 0, 30]
    with pytest.raises(UsageError, match="names no key"):
        trusting(given.voices, ["Ada=rsa:abc"])


@pytest.mark.parametrize("content", [{}, [], "x", {"approvals": {"run": 1}}, {"form": "other"}])
def test_what_is_no_bundle_is_refused(content: object) -> None:
    with pytest.raises(UsageError, match="no bundle of approvals"):
        bundle_in(content)


async def test_a_run_that_waits_rests_on_nothing_yet(at: At) -> None:
    assert (await bundle(at("waiting").ground())).entries == ()
