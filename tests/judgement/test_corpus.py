"""Every case of the corpus under the whole judgement: the dishonest are caught with their cause, the honest pass."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from corpus import Case, load_cases, sample
from verdicts import SETTINGS, house_of, judged_by_files, judged_whole

from setpoint.pipeline.lab import Lab

STATIC = [case for case in load_cases() if case.needs == "static"]
COMMANDS = sample(case for case in load_cases() if case.needs == "commands")
DISHONEST, HONEST = 80, 40
"""As many cases there are at least."""


def test_the_corpus_is_large_enough() -> None:
    honest = [case for case in load_cases() if case.honest]
    assert len(load_cases()) - len(honest) >= DISHONEST
    assert len(honest) >= HONEST
    assert {case.project for case in load_cases()} == {"pyshop", "jsshop"}


@pytest.mark.parametrize("case", STATIC, ids=lambda case: case.id)
def test_the_files_alone_tell(case: Case) -> None:
    verdict = judged_by_files(case)
    assert verdict.right, verdict.told


@pytest.fixture(scope="session")
def labs_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds one repository a project, with what was found out on bases that several cases share."""
    return tmp_path_factory.mktemp("corpus")


@pytest.fixture
async def lab(case: Case, labs_folder: Path) -> AsyncIterator[Lab]:
    """Where the case's project is tried."""
    house = await house_of(case.project, labs_folder)
    yield house.judging.lab(SETTINGS)
    await house.close()


@pytest.mark.slow
@pytest.mark.parametrize("case", COMMANDS, ids=lambda case: case.id)
async def test_the_whole_judgement_tells(case: Case, lab: Lab) -> None:
    verdict = await judged_whole(case, lab)
    assert verdict.right, verdict.told
