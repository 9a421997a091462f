"""The base moves while a person thinks: wherever the process dies after that, the same question is asked next."""

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from ending import ending, lost_autosaves
from lives import Place, deaths_told, lives, renewed, told
from small import CHANGE, GREET, OTHER, PROBE, REVIEW, RUN_ALL, SONNET, git, turns

from setpoint.demo.authoring import Turn, hand_in, recording, say, shell, write
from setpoint.model.session import Role
from setpoint.testing.crashes import START, Death

WAITS = "change waiting"
FORMATTED = GREET.replace('"Hello, " + name + "!"', 'f"Hello, {name}!"')
"""What somebody else made of the line that the change touches."""
BOTH = FORMATTED.replace("{name}", "{addressee(name)}").replace(
    '"""Greetings."""\n', '"""Greetings."""\n\nfrom greetings.addressee import addressee\n'
)
AFTER = (
    Turn("implementation", SONNET, (say("", write("greetings/greet.py", BOTH)), hand_in(CHANGE)), turn=2),
    *(
        Turn("review", OTHER, (say("", shell(PROBE), shell(RUN_ALL)), hand_in(REVIEW)), role=Role.REVIEWER, fresh=fresh)
        for fresh in (2, 3)
    ),
)
MOVES = {"conflicting": {"greetings/greet.py": FORMATTED}, "beside": {"NOTES.md": "Notes.\n"}}
EFFECTS = ("restore", "git commit", "keeping", "fact joining", "fact joined", "fact sealed")
"""Words of the boundaries that are new on this way; the others are killed at in every run."""


def segments(notes: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Each stay in a part with its boundaries; the last one ends a stay."""
    found: list[tuple[str, list[str]]] = []
    fresh = True
    for part, tab, what in (line.partition("\t") for line in notes):
        if not tab:
            continue
        if fresh:
            found.append((part, []))
        found[-1][1].append(what)
        fresh = what.startswith("after commit") and "move to" in what
    return found


async def waiting(place: Place, move: str) -> None:
    """The run at its question, and the base moved on by somebody else."""
    story = recording("a blank name is greeted", "blank-name", (*turns(), *AFTER))
    (place.folder / ".setpoint" / "recording.json").write_text(json.dumps(story), encoding="utf-8")
    await lives(place, (Death(WAITS, 1), START))
    for name, text in MOVES[move].items():
        (place.folder / name).write_text(text, encoding="utf-8")
    git(place.folder, "add", "-A", *MOVES[move])
    git(place.folder, "commit", "-q", "-m", "Somebody else's work")


def merges(place: Place) -> list[str]:
    """Subjects of all merge commits there; commits of one second have no order of their own."""
    return sorted(git(place.folder, "log", "--merges", "--format=%s", "--all").splitlines())


EVERY = 1 if os.environ.get("SETPOINT_EVERY_POINT") else 16
"""Of the boundaries that a word is in one in so many; `make every` goes through them all."""


def deaths(part: str, whole: Sequence[str]) -> list[Death]:
    """By their word: a gate's output that is known already is one boundary less, and all numbers after it move."""
    return [
        Death(part, at, word) for word in EFFECTS for at in range(1, sum(word in what for what in whole) + 1, EVERY)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("move", MOVES)
async def test_a_merge_of_the_moved_base_is_made_once(template: Path, tmp_path: Path, move: str) -> None:
    place, images = renewed(Place(tmp_path / "repository"), template), tmp_path / "images"
    await waiting(place, move)
    await lives(place, (Death("publish running", 1), WAITS))
    image = shutil.copytree(place.folder, images / "0", symlinks=True)
    renewed(place, image)
    await lives(place, (Death(WAITS, 1), "publish running"))
    asked, made, stays = await ending(place), merges(place), segments(told(place))
    assert (asked.state, len(made)) == ("waiting", 2)

    died: list[str] = []
    for number, (part, whole) in enumerate(stays[:-1], 1):
        for death in deaths(part, whole):
            renewed(place, image)
            await lives(place, (death, part), (Death(WAITS, 1), ""))
            died.append(deaths_told(place)[0])
            assert (await ending(place), merges(place)) == (asked, made), death
            assert lost_autosaves(place) == []
        renewed(place, image)
        await lives(place, (Death(part, len(whole)), part))
        image = shutil.copytree(place.folder, images / str(number), symlinks=True)
    for word in EFFECTS:
        assert any(word in where for where in died), f"nobody died at {word}"
