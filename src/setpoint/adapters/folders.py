"""Folders of setpoint's own making, and the names of git objects and branches."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from ..errors import SetpointError

_LONGEST_BRANCH = 200
"""Characters; a ref is a path, and file systems end at 255 bytes a name."""


def remove_folder(folder: Path) -> None:
    """Delete a folder of our own making, also where commands took away the permission to."""
    if not folder.is_dir() or folder.is_symlink():
        return
    with suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        # These go down without end and follow no link.
        for program in (("/bin/chmod", "-R", "u+rwX"), ("/bin/rm", "-rf")):
            with suppress(OSError):
                subprocess.run([*program, "--", str(folder)], env={}, capture_output=True, check=False)
    if folder.exists():
        raise SetpointError(f"{folder} could not be removed", fix=f"rm -rf {folder}")


_NOT_IN_A_BRANCH = re.compile(r"[\x00-\x20\x7f\ufffd~^:?*\[\\]|\.\.|@\{|//|^[-/]|[/.]$|(^|/)\.|\.lock(/|$)|^(@|HEAD)$")


def is_branch_name(name: str) -> bool:
    """Whether git takes `name` for a branch's, and it can be printed and kept as it is."""
    return 0 < len(name) <= _LONGEST_BRANCH and name.isprintable() and _NOT_IN_A_BRANCH.search(name) is None


def named_by_sha256(common: Path) -> bool:
    """Whether the repository with this git folder names its objects by SHA-256 instead of SHA-1."""
    with suppress(OSError):
        config = (common / "config").read_text("utf-8", "replace")
        return re.search(r"(?im)^\s*objectformat\s*=\s*\"?sha256", config) is not None
    return False


def program_path(environ: Mapping[str, str]) -> str:
    """Where programs of the host are looked for. A folder that is named from the current one (`.`, `node_modules/.bin`,
    nothing at all) is not: programs are started in folders that agents write. Nor is one below a `.setpoint`."""
    named = environ.get("PATH", os.defpath).split(os.pathsep)
    kept = [name for name in named if name.startswith("/") and ".setpoint" not in Path(name).parts]
    return os.pathsep.join(kept) or os.defpath


def is_hash(revision: str) -> bool:
    """Whether `revision` is an object's whole name."""
    return re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", revision) is not None
