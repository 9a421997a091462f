"""Fixtures of the sandbox tests."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from setpoint.adapters.sandboxes.bubblewrap import find_binary


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that everybody can enter: pytest's own is for its user alone."""
    place = Path(tempfile.mkdtemp(prefix="setpoint-public-"))
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


@pytest.fixture
def binary(public: Path) -> Path:
    """Bubblewrap where everybody may start it."""
    found = find_binary()
    if found.is_relative_to("/usr"):
        return found
    package = found.parent.parent
    shutil.copytree(package.parent, public / "site", ignore=lambda folder, names: _all_but(package, folder, names))
    for place in (public / "site").rglob("*"):
        place.chmod(0o755)
    return public / "site" / package.name / "_bin" / found.name


def _all_but(package: Path, folder: str, names: list[str]) -> list[str]:
    return [name for name in names if Path(folder) == package.parent and not name.startswith(package.name)]
