"""Which levels there are is said honestly: what each stops and does not, what is missing, and never another instead."""

import json
from pathlib import Path

import pytest
from commanded import git, setpoint

from setpoint.config import parse
from setpoint.errors import SandboxError
from setpoint.model.command import Completed, Layer
from setpoint.model.sandbox_settings import STRENGTH, Level
from setpoint.service.header import header
from setpoint.service.levels import WORTH, checks, levels

FILES = Layer(name="files", in_force=True, note="mount namespace")
COUNTED = Layer(name="memory", in_force=True, note="control groups, version 2")
UNCOUNTED = Layer(name="memory", in_force=False, note="delegate a cgroup v2 tree")
NO_KVM = SandboxError("no KVM on this machine", why="/dev/kvm is not there", fix="another machine")


def told(configured: Level, *layers: Layer) -> list[tuple[str, str, str, str]]:
    found = checks(configured, {configured: layers, "microvm": NO_KVM})
    return [(check.name, check.state, check.found, check.fix) for check in found]


def test_the_doctor_says_by_which_means_limits_are_kept() -> None:
    (first, *_) = told("bubblewrap", FILES, COUNTED)
    assert first[:2] == ("sandbox", "ok")
    assert first[2].startswith("level bubblewrap, 2 layers in force; limits by control groups, version 2; stops ")


def test_the_doctor_names_a_missing_layer_with_its_fix() -> None:
    assert ("memory", "warn", "not in force", "delegate a cgroup v2 tree") in told("bubblewrap", FILES, UNCOUNTED)


def test_the_doctor_says_why_another_level_is_not_here() -> None:
    why = "not on this machine: no KVM on this machine: /dev/kvm is not there"
    assert ("level microvm", "ok", why, "another machine") in told("bubblewrap", FILES)


def test_a_configured_level_that_is_not_here_is_bad_and_nothing_stands_in_for_it() -> None:
    (check,) = checks("microvm", {"microvm": NO_KVM})
    assert (check.state, check.fix) == ("bad", "another machine")


def test_level_none_is_a_warning() -> None:
    assert told("none", FILES)[0][1] == "warn"


def test_every_level_says_what_it_stops_and_what_not() -> None:
    assert set(WORTH) == set(STRENGTH)
    (one,) = levels({"container": (FILES,)})
    assert "kernel" in one.worth.leaves


def test_a_missing_layer_stands_in_the_runs_header_and_in_its_evidence() -> None:
    replayed = parse('[agent]\nkind = "replay"\n', "setpoint.toml")
    assert header(replayed)[0] == "sandbox bubblewrap"
    assert header(replayed, ["memory"])[0] == "sandbox bubblewrap, without memory"
    done = Completed(exit_code=0, stdout="", stderr="", seconds=0, level="bubblewrap", missing=("memory", "disk"))
    assert done.contained == "bubblewrap without memory, disk"


def test_the_levels_of_this_machine_are_told_as_data(tmp_path: Path) -> None:
    done = setpoint(tmp_path, "sandbox", "levels", "--json")
    found = {view["level"]: view for view in json.loads(done.stdout)}
    assert list(found) == list(STRENGTH)
    assert found["bubblewrap"]["here"]
    assert found["none"]["here"]
    assert all(view["layers"] if view["here"] else view["why"] and view["fix"] for view in found.values())


@pytest.mark.parametrize(
    ("settings", "kind", "why"),
    [
        ('autonomy = "full"\n[sandbox]\nlevel = "none"\n', "feature", 'autonomy "full" needs a sandbox'),
        ('[sandbox.minimum_for]\nhotfix = "microvm"\n', "hotfix", "bubblewrap is weaker than microvm"),
    ],
)
def test_a_run_that_is_not_contained_as_demanded_does_not_start(
    tmp_path: Path, settings: str, kind: str, why: str
) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "setpoint.toml").write_text(f'{settings}[agent]\nkind = "replay"\nrecording = "r.json"\n')
    words = "Fix: total() counts the shipping twice. Add a test. It must fail first."
    done = setpoint(tmp_path, "run", "--route", kind, "-", stdin=words)
    assert done.returncode == 2, done.stderr
    assert why in done.stderr
    assert "next: " in done.stderr


def test_a_command_is_not_run_below_what_is_demanded(tmp_path: Path) -> None:
    (tmp_path / "setpoint.toml").write_text('[sandbox]\nminimum = "bubblewrap"\n')
    done = setpoint(tmp_path, "sandbox", "exec", "--level", "none", "--", "touch", "ran")
    assert done.returncode == 2
    assert not (tmp_path / "ran").exists()


def test_a_folder_does_not_let_its_own_commands_out(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "setpoint.toml").write_text('[sandbox]\nlevel = "none"\n')
    told = setpoint(tmp_path, "sandbox", "exec", "--", "touch", str(tmp_path / "ran"))
    assert told.returncode == 2
    assert "a folder that is not yours would let its commands out by saying so" in told.stderr
    assert not (tmp_path / "ran").exists()
    assert setpoint(tmp_path, "sandbox", "exec", "--level", "none", "--", "true").returncode == 0
