"""A release whose smoke check fails is taken back once, wherever its process dies on the way."""

import shutil
from pathlib import Path

import pytest
from ending import ending
from lives import Place, deaths_told, lives, parts, renewed, told

from setpoint.testing.crashes import START, Death

PART = "deploy running"
PARTS = 4


@pytest.mark.slow
@pytest.mark.parametrize("share", range(PARTS))
async def test_no_deploy_smoke_or_rollback_is_repeated(template: Path, tmp_path: Path, share: int) -> None:
    place = renewed(Place(tmp_path / "repository"), template)
    files = place.folder / ".setpoint" / "environments" / "pre-staging" / "files"
    files.mkdir(parents=True)
    (files / "no-smoke").touch()
    await lives(place, (Death(PART, 1), START))
    image = shutil.copytree(place.folder, tmp_path / "before the deploy", symlinks=True)

    renewed(place, image)
    await lives(place, (None, PART))
    passed = [(part, n, what) for part, whole in parts(told(place)).items() for n, what in enumerate(whole, 1)]
    assert {part for part, _, _ in passed} == {PART, "deploy waiting"}, "the way back, then what it taught"
    undisturbed = await ending(place)
    assert undisturbed.state == "waiting"
    assert undisturbed.ran == ["deploy merged", "smoke merged", "rollback "]
    assert (undisturbed.current, undisturbed.at_rest) == (False, True)

    for part, number, what in passed[share::PARTS]:
        renewed(place, image)
        await lives(place, (Death(part, number), PART), (None, ""))
        assert deaths_told(place) == [f"{part}\t{what}"]
        assert await ending(place) == undisturbed, what
