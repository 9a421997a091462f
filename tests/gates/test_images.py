"""Images are really built where an engine works here; else on paper, and the real one says why it does not."""

import asyncio
import shutil
from pathlib import Path

import pytest

from setpoint.adapters.images import HostImages
from setpoint.gates.grounds import Grounds
from setpoint.gates.images import Images, check_images
from setpoint.gates.measured import vacuous
from setpoint.model.evidence import Outcome
from setpoint.model.judgement import Measured
from setpoint.testing.gate_grounds import grounds_of
from setpoint.testing.images import PaperImages

BASE = {"Dockerfile": "FROM scratch\nCOPY app /app\n", "app/main.txt": "one\n", "README.md": "a\n"}
WORKS = not asyncio.run(HostImages().ready())


@pytest.fixture(params=["paper", "host"] if WORKS else ["paper"])
def engine(request: pytest.FixtureRequest) -> Images:
    return HostImages() if request.param == "host" else PaperImages()


async def told(grounds: Grounds, engine: Images | None) -> Measured:
    (one,) = await check_images(grounds, engine)
    return one


async def changed(folder: Path, engine: Images | None, change: dict[str, str], gone: tuple[str, ...] = ()) -> Measured:
    after = {path: text for path, text in {**BASE, **change}.items() if path not in gone}
    return await told(grounds_of(folder, BASE, after), engine)


@pytest.mark.parametrize(
    "change",
    [
        {"app/main.txt": "two\n"},
        {"Dockerfile": "# syntax=example.org/reader:1\nFROM scratch AS a\nCOPY app /\nFROM a\nCOPY --from=a / /b\n"},
        {"docker/Dockerfile": "FROM scratch\nCOPY app/main.txt /\n"},
    ],
)
async def test_an_image_that_the_change_concerns_is_built(
    tmp_path: Path, engine: Images, change: dict[str, str]
) -> None:
    found = await changed(tmp_path, engine, change)
    assert found.result.green, found
    assert found.result.evidence.examined == 1


async def test_an_image_that_no_longer_builds_is_told_with_the_engines_words(tmp_path: Path, engine: Images) -> None:
    found = await changed(tmp_path, engine, {"Dockerfile": "FROM scratch\nCOPY apps /app\n"})
    assert found.result.outcome is Outcome.FAILED
    (objection,) = found.objections
    assert objection.rule == "images/build-failed"
    assert "apps" in objection.evidence


async def test_a_file_that_goes_breaks_the_image_that_copies_it(tmp_path: Path, engine: Images) -> None:
    found = await changed(tmp_path, engine, {}, gone=("app/main.txt",))
    assert [one.rule for one in found.objections] == ["images/build-failed"]


async def test_a_change_that_no_image_holds_builds_none(tmp_path: Path, engine: Images) -> None:
    assert vacuous(await changed(tmp_path, engine, {"README.md": "b\n"}))


@pytest.mark.parametrize(
    ("dockerfile", "why"),
    [
        ("FROM nobody/has-this:1\nCOPY app /app\n", "not on this machine"),
        ("FROM scratch\nADD https://example.org/a /a\n", "needs the network"),
        ("FROM scratch\nRUN --network=host true\n", "more than a build is given"),
        ("ARG BASE\nFROM $BASE\nCOPY app /app\n", "what it stands for"),
    ],
)
async def test_what_is_not_here_is_skipped_and_nobody_accused(
    tmp_path: Path, engine: Images, dockerfile: str, why: str
) -> None:
    found = await changed(tmp_path, engine, {"Dockerfile": dockerfile})
    assert found.result.outcome is Outcome.REFUSED
    assert why in found.result.reason
    assert [one.rule for one in found.objections] == ["images/no-tool"]


async def test_what_the_base_cannot_build_either_is_skipped(tmp_path: Path, engine: Images) -> None:
    base = {**BASE, "Dockerfile": "FROM scratch\nCOPY gone /app\n"}
    found = await told(grounds_of(tmp_path, base, {**base, "Dockerfile": base["Dockerfile"] + "USER 1\n"}), engine)
    assert "on the base either" in found.result.reason


async def test_a_context_behind_a_link_is_not_followed(tmp_path: Path, engine: Images) -> None:
    compose = "services:\n  a:\n    build: apps\n"
    grounds = grounds_of(
        tmp_path, BASE, {**BASE, "compose.yaml": compose, "apps/Dockerfile": "FROM scratch\nCOPY x /\n"}
    )
    (one,) = await check_images(_linked(grounds, tmp_path), engine)
    assert "symbolic link" in one.result.reason


def _linked(grounds: Grounds, outside: Path) -> Grounds:
    from collections.abc import AsyncIterator
    from contextlib import asynccontextmanager
    from dataclasses import replace

    from setpoint.ports import Room

    @asynccontextmanager
    async def checkout(revision: str, overlay: dict[str, bytes | None] | None = None) -> AsyncIterator[Room]:
        async with grounds.checkout(revision, overlay) as room:
            shutil.rmtree(room.path / "apps")
            (room.path / "apps").symlink_to(outside)
            yield room

    return replace(grounds, checkout=checkout)


async def test_without_an_engine_it_is_skipped_with_the_reason(tmp_path: Path) -> None:
    for engine in (None, PaperImages(why="docker does not work here")):
        found = await changed(tmp_path, engine, {"app/main.txt": "two\n"})
        assert found.result.outcome is Outcome.REFUSED
        assert "no image was built" in found.result.reason


async def test_the_engine_of_this_machine_builds_or_says_why_not(tmp_path: Path) -> None:
    engine = HostImages()
    why = await engine.ready()
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    done = await engine.build(tmp_path, tmp_path / "Dockerfile", seconds=60)
    assert (done.exit_code == 0) == (why == "") == bool(engine.name)
    assert why in done.stdout
    assert not await engine.has("nobody/has-this:1")
