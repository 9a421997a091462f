"""`.worktreeinclude`: git-ignored files of the user's folder that a fresh worktree gets a copy of.

A file is copied when it matches a pattern there *and* is git-ignored. Files named as secrets are copied only where a
line names them literally, and stay unreadable inside the sandbox all the same.
"""

import os
import shutil
from pathlib import Path

from ..errors import ConfigError
from ..inputs import read_text
from . import beneath
from .git import Git
from .secrets import is_secret

NAME = ".worktreeinclude"
_MOST = 10_000
_MOST_BYTES = 1024 * 1024 * 1024


def copy_included(git: Git, repository: Path, worktree: Path) -> int:
    """Copy what `.worktreeinclude` of the user's folder names; the number of files copied."""
    if not (repository / NAME).is_file():
        return 0
    lines = read_text(repository / NAME, called=NAME, wrong=ConfigError).splitlines()
    from pathspec import GitIgnoreSpec

    spec = GitIgnoreSpec.from_lines(lines)
    literal = {line.strip().lstrip("/") for line in lines}
    copied = size = 0
    for path in _ignored(git, repository):
        if not spec.match_file(path) or (is_secret(path) and path not in literal):
            continue
        source = repository / path
        if source.is_symlink() or not source.is_file():
            continue
        size += source.stat().st_size
        if copied == _MOST or size > _MOST_BYTES:
            break
        _copy(source, worktree, path)
        copied += 1
    return copied


def _ignored(git: Git, repository: Path) -> list[str]:
    """Ignored files of the user's folder, by its own index and `.gitignore`."""
    words = ("ls-files", "-z", "--others", "--ignored", "--exclude-standard")
    index = Path(os.path.realpath(git.objects.parent)) / "index"
    out = git.call(*words, work_tree=repository, index=index)
    return sorted(name for raw in out.split(b"\0") if (name := os.fsdecode(raw)) and not name.startswith(".setpoint/"))


def _copy(source: Path, worktree: Path, path: str) -> None:
    folder = path.rpartition("/")[0]
    if folder:
        beneath.make_folder(worktree, folder)
    if beneath.kind(worktree, path) == "":
        # A fresh worktree, before any command ran in it: nobody else writes here.
        shutil.copy2(source, worktree / path, follow_symlinks=False)
