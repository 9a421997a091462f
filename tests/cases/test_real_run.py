"""A real open-source project at the version before a real fix goes through `setpoint run`."""

from pathlib import Path

import pytest

from cases import lab
from cases.run import judged


@pytest.mark.slow
def test_a_real_project_is_mended_and_its_own_later_tests_pass(tmp_path: Path) -> None:
    """The whole hotfix route in the real sandbox; the package comes from the registry or its cache."""
    assert judged(lab.case_named("parse-159-zero-precision"), lab.cache_folder(), tmp_path, say=False)
