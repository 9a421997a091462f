"""A person at a terminal, who types ahead."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


def typed(command: Sequence[str], folder: Path, env: Mapping[str, str], answers: str) -> tuple[int, str]:
    """Exit code and all that `command` showed to a person who typed `answers`."""
    ours, theirs = os.openpty()
    os.write(ours, answers.encode())
    process = subprocess.Popen(command, cwd=folder, env=env, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    said = b""
    while piece := heard(ours):
        said += piece
    os.close(ours)
    return process.wait(60), said.decode()


def heard(handle: int) -> bytes:
    """What comes next from the other side of a terminal; nothing once it has gone."""
    try:
        return os.read(handle, 4096)
    except OSError:  # the other side has gone
        return b""
