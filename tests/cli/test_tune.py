"""`setpoint tune` on a real repository: shows, proposes, and writes only when told to. `show --plot` draws."""

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from setpoint.adapters.store import SqlStore
from setpoint.config import load
from setpoint.model.run import Round
from setpoint.testing.projects import laid_out
from setpoint.testing.stores import sample_run

pytestmark = pytest.mark.slow
SETTINGS = '# ours\n[loop]\nplateau = 4\n\n[agent]\nkind = "replay"\n'


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return laid_out(
        tmp_path / "shop", {"README.md": "# shop\n", "setpoint.toml": SETTINGS, ".gitignore": ".setpoint/\n"}
    )


def setpoint(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "setpoint.cli", *words],
        cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def recorded(folder: Path) -> None:
    """A history in which nothing succeeds after the second attempt."""
    (folder / ".setpoint").mkdir(exist_ok=True)
    store = SqlStore(f"sqlite:///{folder}/.setpoint/setpoint.db")
    left, number = 60, 0
    with store.transaction() as tx:
        tx.create(sample_run())
        for rounds, count, won in ((1, 24, True), (2, 14, True), (8, 22, False)):
            for _ in range(count):
                number += 1
                for attempt in range(1, rounds + 1):
                    open_ = 0 if won and attempt == rounds else 1
                    round_ = Round(stage=f"planning:{number}", attempt=attempt, error=8.0 * open_, blocking=open_)
                    tx.round("3c91aa", 1, 1, round_, ())
    assert number == left
    store.close()


def test_without_runs_there_is_no_data(shop: Path) -> None:
    done = setpoint(shop, "tune")
    assert (done.returncode, "no data" in done.stdout) == (0, True)
    assert (shop / "setpoint.toml").read_text() == SETTINGS


def test_a_knee_is_shown_and_written_only_when_told_to(shop: Path) -> None:
    recorded(shop)
    shown = setpoint(shop, "tune")
    assert shown.returncode == 0
    assert "attempt 2" in shown.stdout
    assert "+attempts = 2" in shown.stdout
    assert "setpoint tune --write" in shown.stderr
    assert (shop / "setpoint.toml").read_text() == SETTINGS

    told = json.loads(setpoint(shop, "tune", "--json").stdout)
    assert [phase["propose_limit"] for phase in told["phases"]] == [2]
    low, high = told["phases"][0]["attempts"][0]["interval"]
    assert 0 < low < told["phases"][0]["attempts"][0]["value"] == 0.4 < high < 1

    assert setpoint(shop, "tune", "--write").returncode == 0
    assert load(shop).settings("planning").attempts == 2
    assert load(shop).loop.plateau == 4
    assert "no change is proposed" in setpoint(shop, "tune").stdout


def test_settings_that_are_elsewhere_are_not_written_beside(shop: Path) -> None:
    recorded(shop)
    (shop / "setpoint.toml").unlink()
    (shop / "pyproject.toml").write_text("[tool.setpoint.loop]\nplateau = 4\n")
    done = setpoint(shop, "tune", "--write")
    assert (done.returncode, "pyproject.toml" in done.stderr) == (2, True)
    assert not (shop / "setpoint.toml").exists()


def test_how_a_run_converges_is_drawn(shop: Path, tmp_path: Path) -> None:
    recorded(shop)
    file = tmp_path / "run.svg"
    done = setpoint(shop, "show", "3c91", "--plot", str(file))
    assert done.returncode == 0, done.stderr
    picture = ElementTree.fromstring(file.read_text(encoding="utf-8"))
    assert len(picture.findall(".//{*}polyline")) == 60
    assert "Validate signup" in "".join(picture.itertext())
    assert "████" in setpoint(shop, "show", "3c91").stdout


def test_another_kind_of_picture_is_refused_with_the_way_out(shop: Path) -> None:
    recorded(shop)
    done = setpoint(shop, "show", "3c91", "--plot", "run.png")
    assert (done.returncode, "--plot run.svg" in done.stderr) == (2, True)
