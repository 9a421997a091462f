"""Fixtures of whole runs."""

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import pytest
from playing import Playing, playing


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Callable[..., AbstractAsyncContextManager[Playing]]]:
    """Open a repository whose model plays the sessions given."""
    yield partial(playing, tmp_path / "shop")
