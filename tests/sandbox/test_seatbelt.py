"""The profile of macOS's sandbox, as text: nobody here has a macOS to try it on."""

import platform
import re

import pytest

from setpoint.adapters.sandboxes.seatbelt import Seatbelt, profile
from setpoint.errors import SandboxError
from setpoint.model.command import Mount

ROOM = Mount(host="/Users/a/repo/.setpoint/worktrees/3c91", inside="/Users/a/repo", writable=True)
GIT = Mount(host="/Users/a/masks/file", inside="/Users/a/repo/.git")
TOOLS = Mount(host="/Users/a/tools", inside="/Users/a/tools")


def rules(*mounts: Mount) -> list[str]:
    return profile(mounts, "/private/tmp/home").splitlines()


def last_word(lines: list[str], action: str, path: str) -> str:
    """What the last rule that fits says: `allow` or `deny`."""
    said = "deny"
    for line in lines:
        found = re.fullmatch(r"\((allow|deny) ([^()]*)(?:\((literal|subpath) \"(.*)\"\))?\)", line)
        if found is None or not {action, action.partition("-")[0] + "*"} & {w.rstrip() for w in found[2].split()}:
            continue
        kind, place = found[3], found[4]
        fits = kind is None or path == place or (kind == "subpath" and path.startswith(f"{place}/"))
        said = found[1] if fits else said
    return said


def test_it_begins_with_nothing_allowed() -> None:
    assert rules()[:2] == ["(version 1)", "(deny default)"]
    assert rules()[-1] == "(deny network*)"


@pytest.mark.parametrize(
    ("action", "path", "word"),
    [
        ("file-write*", "/Users/a/repo/.setpoint/worktrees/3c91/shop.py", "allow"),
        ("file-read*", "/Users/a/repo/.setpoint/worktrees/3c91/shop.py", "allow"),
        ("file-write*", "/Users/a/repo/.setpoint/worktrees/3c91/.git", "deny"),
        ("file-read*", "/Users/a/repo/.setpoint/worktrees/3c91/.git", "deny"),
        ("file-read*", "/Users/a/repo/.setpoint/setpoint.db", "deny"),
        ("file-read*", "/Users/a/.ssh/id_ed25519", "deny"),
        ("file-read*", "/Users/a/tools/bin/x", "allow"),
        ("file-write*", "/Users/a/tools/bin/x", "deny"),
        ("file-write*", "/private/tmp/home/x", "allow"),
        ("file-write*", "/usr/bin/x", "deny"),
        ("file-read*", "/usr/bin/x", "allow"),
    ],
)
def test_files_are_what_the_mounts_say(action: str, path: str, word: str) -> None:
    assert last_word(rules(ROOM, GIT, TOOLS), action, path) == word


def test_a_quote_in_a_path_ends_nothing() -> None:
    (line,) = (
        line for line in rules(Mount(host='/a") (allow default', inside="/b")) if line.startswith("(deny file-w")
    )
    assert line == '(deny file-write* (subpath "/a\\") (allow default"))'


def test_elsewhere_than_on_macos_it_says_so() -> None:
    assert platform.system() != "Darwin"
    with pytest.raises(SandboxError, match="this is not macOS"):
        Seatbelt().layers()
