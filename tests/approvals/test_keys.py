"""The key lies where nobody else can read or replace it; otherwise it is not used, and it is said why."""

import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from setpoint.adapters.keys import PRIVATE, PUBLIC, KeyRing, key_folder
from setpoint.errors import KeyFileError
from setpoint.gates.redaction import redact
from setpoint.model.approval import VERSION, Answer, Approval, ApprovalSettings
from setpoint.model.sandbox_settings import SandboxSettings
from setpoint.model.settings import Config
from setpoint.parts import signer
from setpoint.policy.signatures import signed
from setpoint.service import doctor
from setpoint.testing.stores import NOON

KEY = f"ed25519:{'A' * 43}="
ANSWER = Approval(about="plan", answer=Answer.GRANTED, by="Ada", subject="d1", at=NOON, version=VERSION)


def ring(folder: Path, *shown: Path, heard: list[str] | None = None) -> KeyRing:
    return KeyRing(folder, shown=shown, tell=(heard if heard is not None else []).append)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a key."""
    place = tmp_path / "config" / "setpoint" / "approvals"
    ring(place).ready()
    return place


def test_it_is_made_at_first_need_for_its_owner_alone_and_said_once(tmp_path: Path) -> None:
    place, heard = tmp_path / "config" / "setpoint" / "approvals", list[str]()
    keys = ring(place, heard=heard)
    assert keys.own() == ""
    assert not place.exists(), "looking makes nothing"
    first, second = keys.sign(ANSWER), keys.sign(ANSWER)
    assert signed(first)
    assert first == second
    assert first.key == keys.own()
    assert [stat.S_IMODE(path.stat().st_mode) for path in (place, place / PRIVATE, place / PUBLIC)] == [
        0o700, 0o600, 0o600,
    ]  # fmt: skip
    assert redact((place / PRIVATE).read_text()) != (place / PRIVATE).read_text(), "scanners know its form"
    assert len(heard) == 1
    assert str(place / PRIVATE) in heard[0]
    assert sorted(path.name for path in place.parent.iterdir()) == ["approvals"], "nothing else is left"


def test_several_that_make_it_at_once_have_the_same_one(tmp_path: Path) -> None:
    place = tmp_path / "approvals"
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: ring(place).ready(), range(8)))) == 1


def test_it_lies_in_the_persons_configuration(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert key_folder({"XDG_CONFIG_HOME": "/etc/mine"}, home) == Path("/etc/mine/setpoint/approvals")
    for unusable in ({}, {"XDG_CONFIG_HOME": ""}, {"XDG_CONFIG_HOME": "relative"}):
        assert key_folder(unusable, home) == home / ".config/setpoint/approvals"


@pytest.mark.parametrize("linked", [False, True])
def test_it_never_lies_where_a_sandbox_looks(tmp_path: Path, linked: bool) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    place = repository / "config"
    if linked:
        place = tmp_path / "config"
        place.symlink_to(repository)
    with pytest.raises(KeyFileError, match="which agents or their commands can see") as refused:
        ring(place / "approvals", repository).sign(ANSWER)
    assert "XDG_CONFIG_HOME" in refused.value.fix
    assert list(repository.iterdir()) == []


def test_a_folder_that_the_settings_show_inside_holds_no_key(tmp_path: Path) -> None:
    shown = Config(sandbox=SandboxSettings(readonly=(str(tmp_path / "config"),)))
    with pytest.raises(KeyFileError, match="which agents or their commands can see"):
        signer(tmp_path / "repository", shown, tmp_path / "config" / "approvals").ready()
    assert signer(tmp_path / "repository", Config(), tmp_path / "config" / "approvals").ready()


@pytest.mark.parametrize(
    ("named", "level", "own", "state", "words"),
    [
        ({}, "bubblewrap", "", "ok", "one is made at your first answer"),
        ({}, "bubblewrap", KEY, "ok", f"your answers are signed with {KEY}"),
        ({"Ada": KEY}, "bubblewrap", KEY, "ok", "your answers are signed as Ada"),
        ({"Ada": KEY}, "bubblewrap", "", "warn", "yours is not among the keys of those who approve here: Ada"),
        ({}, "none", KEY, "warn", "an agent's commands run as you"),
    ],
)
def test_the_doctor_says_whose_yes_counts(named: dict[str, str], level: str, own: str, state: str, words: str) -> None:
    check = doctor.approvals(Config(approvals=ApprovalSettings(approvers=named)), level, own)
    assert (check.state, words in check.found) == (state, True)
    assert bool(check.fix) == (state == "warn")


def _opened(name: str, mode: int) -> Callable[[Path], None]:
    return lambda folder: (folder / name).chmod(mode)


def _linked(name: str) -> Callable[[Path], None]:
    def act(folder: Path) -> None:
        (folder / name).rename(folder.parent / "elsewhere")
        (folder / name).symlink_to(folder.parent / "elsewhere")

    return act


def _hard_linked(folder: Path) -> None:
    os.link(folder / PRIVATE, folder.parent / "second")


def _folder_linked(folder: Path) -> None:
    folder.rename(folder.parent / "elsewhere")
    folder.symlink_to(folder.parent / "elsewhere")


def _written(name: str, content: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_text(content) and None


def _pipe(folder: Path) -> None:
    (folder / PRIVATE).unlink()
    os.mkfifo(folder / PRIVATE, 0o600)


def _foreign_half(folder: Path) -> None:
    (folder / PUBLIC).write_text(ring(folder.parent / "other").ready())


SPOILT: dict[str, tuple[Callable[[Path], object], str]] = {
    "private half readable by others": (_opened(PRIVATE, 0o640), "its mode is 0640"),
    "public half writable by others": (_opened(PUBLIC, 0o602), "its mode is 0602"),
    "folder open to others": (_opened(".", 0o755), "its mode is 0755"),
    "private half a link": (_linked(PRIVATE), "link"),
    "public half a link": (_linked(PUBLIC), "link"),
    "private half a second name": (_hard_linked, "link"),
    "folder a link": (_folder_linked, "not a folder of your own"),
    "a pipe": (_pipe, "not one plain file"),
    "private half missing": (lambda folder: (folder / PRIVATE).unlink(), "is missing"),
    "public half missing": (lambda folder: (folder / PUBLIC).unlink(), "is missing"),
    "private half empty": (_written(PRIVATE, ""), "holds no key"),
    "private half damaged": (_written(PRIVATE, "-----BEGIN PRIVATE KEY-----\nMC4"), "holds no key"),
    "public half of another key": (_foreign_half, "do not belong together"),
}


@pytest.mark.parametrize("way", SPOILT)
def test_a_key_that_others_may_have_read_or_replaced_signs_nothing(folder: Path, way: str) -> None:
    spoil, words = SPOILT[way]
    spoil(folder)
    for use in (ring(folder).own, lambda: ring(folder).sign(ANSWER)):
        with pytest.raises(KeyFileError) as refused:
            use()
        assert words in str(refused.value)
        assert refused.value.exit_code == 2
        assert refused.value.fix


def test_a_key_of_another_account_is_not_used(folder: Path) -> None:
    if os.geteuid() == 0:
        os.chown(folder / PRIVATE, 12345, 12345)
    else:
        folder = Path("/etc")
    with pytest.raises(KeyFileError, match="belongs to another account"):
        ring(folder).own()
