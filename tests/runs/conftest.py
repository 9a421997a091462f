"""Fixtures of whole runs."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import pytest
from playing import Playing, playing


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., AbstractAsyncContextManager[Playing]]:
    """Open a repository whose model plays the sessions given."""
    return partial(playing, tmp_path / "shop")
