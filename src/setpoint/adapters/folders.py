"""Folders of setpoint's own making, and the names of git objects."""

import os
import re
import shutil
from contextlib import suppress
from pathlib import Path

from ..errors import SetpointError


def remove_folder(folder: Path) -> None:
    """Delete a folder of our own making, also where commands took away the permission to."""
    if not folder.is_dir() or folder.is_symlink():
        return
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        for parent, names, _ in os.walk(folder):
            for name in names:
                place = Path(parent, name)
                if not place.is_symlink():
                    with suppress(OSError):
                        place.chmod(0o700)
        shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        raise SetpointError(f"{folder} could not be removed", fix=f"rm -rf {folder}")


def is_hash(revision: str) -> bool:
    """Whether `revision` is an object's whole name."""
    return re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", revision) is not None
