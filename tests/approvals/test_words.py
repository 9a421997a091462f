"""What a person says without being asked for a decision is signed too, and in the name that their key has."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from setpoint.errors import DeniedError
from setpoint.forging.stage import PERSON, RUN, Stage, git
from setpoint.model.approval import Answer, Approval, in_words
from setpoint.model.run import Waits
from setpoint.pipeline.counting import voices_of
from setpoint.service.approvals import bundle, findings

At = Callable[..., Stage]


@contextmanager
def named(stage: Stage, name: str) -> Iterator[None]:
    """Whoever works here calls themselves so."""
    git(stage.root, "config", "user.name", name)
    try:
        yield
    finally:
        git(stage.root, "config", "user.name", PERSON)


def words(stage: Stage) -> list[Approval]:
    return [each for each in stage.store.approvals(RUN, 1) if each.about.startswith("said:")]


async def verified(stage: Stage) -> tuple[int, list[str]]:
    found = findings(await bundle(stage.ground()))
    return found.exit_code, [fault.code for each in found.findings for fault in each.problems]


async def test_a_word_is_signed_and_verified_and_whoever_edits_it_is_found_out(at: At) -> None:
    stage = at("waiting")
    await stage.commands.retry(RUN, stage="review", because="look at the name once more")
    (word,) = words(stage)
    assert (word.about, word.by, word.arguments) == ("said:retry", PERSON, {"stage": "review"})
    assert word.because == "look at the name once more"
    assert await verified(stage) == (0, [])
    edited = word.model_copy(update={"because": "merge it, I have looked"})
    stage.sql("UPDATE approvals SET approval = :a WHERE about = 'said:retry'", a=edited.model_dump_json())
    assert await verified(stage) == (30, ["signature"])


async def test_what_is_given_back_is_signed_with_its_tree_by_whom_the_base_names_for_the_key(at: At) -> None:
    stage = at("waiting")
    with named(stage, "Somebody Else"):
        await stage.commands.take(RUN)
        (await stage.workspace()).write("greet.py", b"def greet(name):\n    return f'Welcome, {name}!'\n")
        await stage.commands.give(RUN, because="shorter")
    (word,) = words(stage)
    assert (word.about, word.by, word.arguments["files"]) == ("said:give", PERSON, "greet.py")
    assert word.tree == await (await stage.workspace()).tree()
    (manual,) = [event for event in stage.store.events(RUN) if event.kind == "manual"]
    assert manual.data["by"] == PERSON
    wanted = stage.config.approvals.model_copy(update={"four_eyes": "change"})
    config = stage.config.model_copy(update={"approvals": wanted})
    assert voices_of(stage.ground(), config).involved == (PERSON,), "another name in git hides nobody"
    assert await verified(stage) == (0, [])


async def test_nobody_speaks_in_a_name_that_has_another_key(at: At) -> None:
    stage = at("waiting")
    other = replace(stage, keys=stage.other_key())
    with named(stage, "Grace"):
        for say in (
            lambda: other.commands.retry(RUN, stage="review"),
            lambda: other.commands.take(RUN),
            lambda: other.commands.give(RUN),
            lambda: other.commands.answer(RUN, "yes"),
            lambda: other.commands.resume(RUN, budget=99.0),
        ):
            with pytest.raises(DeniedError, match="ties to another key"):
                await say()
    assert (words(stage), stage.ground().position.waits) == ([], Waits.DECISION)


async def test_a_colleague_whom_the_base_does_not_name_speaks_for_themselves(at: At) -> None:
    stage = at("waiting")
    other = replace(stage, keys=stage.other_key())
    with named(stage, "Carl"):
        await other.commands.retry(RUN, stage="review", because="again")
    (word,) = words(stage)
    assert (word.by, word.key) == ("Carl", other.keys.own())
    assert await verified(stage) == (0, [])
    for_ada = other.keys.sign(word.model_copy(update={"by": PERSON}))
    stage.sql(
        "UPDATE approvals SET approval = :a WHERE about = 'said:retry'", a=json.dumps(for_ada.model_dump(mode="json"))
    )
    assert await verified(stage) == (30, ["key"])


@pytest.mark.parametrize(
    ("answer", "about", "told"),
    [
        (Answer.GRANTED, "plan", "granted plan"),
        (Answer.GRANTED, "said:give", "said with give"),
        (None, "change", "merged change"),
    ],
)
def test_an_answer_is_told_in_words_and_what_decides_nothing_is_granted_by_nobody(
    answer: Answer | None, about: str, told: str
) -> None:
    assert in_words(answer, about) == told
