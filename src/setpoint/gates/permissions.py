"""File modes of a change: a script that can no longer be run, one that never could, code executable for nothing."""

import re
from collections.abc import Iterator

from ..model.judgement import Measured
from ..model.objection import Objection, Severity
from .change_set import ChangeSet, Delta, as_text
from .measured import built_in, minded

NAME = "permissions"
EXECUTABLE, PLAIN = "100755", "100644"
READ = 60
"""Most files that are looked through for commands."""
_RUNS = re.compile(
    r"(?:^|/)(?:Makefile|GNUmakefile|[Jj]ustfile|Taskfile\.ya?ml|package\.json|Dockerfile[\w.\-]*|setpoint\.toml|tox\.ini"
    r"|noxfile\.py|Jenkinsfile|\.gitlab-ci\.yml|\.pre-commit-config\.yaml)$|^\.github/workflows/[^/]+\.ya?ml$"
)
"""Files that say what is run."""


def check_permissions(change: ChangeSet) -> Measured:
    """An objection for each file whose mode does not fit what it is for."""
    looked_at = [delta for delta in change.deltas if not delta.deleted and {_old(delta), delta.mode_after} <= _FILES]
    found = [objection for delta in looked_at for objection in _of_file(delta, change)]
    moved = sum(1 for delta in looked_at if _old(delta) != delta.mode_after) or len(found)
    return built_in(NAME, found, examined=moved, unit="files", tree=change.head)


_FILES = frozenset((EXECUTABLE, PLAIN, ""))


def _old(delta: Delta) -> str:
    return "" if delta.added else delta.mode_before


def _of_file(delta: Delta, change: ChangeSet) -> Iterator[Objection]:
    script = (delta.after or b"")[:2] == b"#!"
    if _old(delta) == EXECUTABLE and delta.mode_after == PLAIN:
        by = _runner(delta.path, change)
        if script or by:
            why = f"{by} runs it by its name" if by else "it still begins with the program that runs it"
            yield minded(
                f"{NAME}/no-longer-executable",
                "the file lost its executable bit",
                delta.path,
                cause=f"{why}; `git update-index --chmod=+x` gives the bit back",
                evidence=f"mode {EXECUTABLE} before, {PLAIN} after",
            )
    elif delta.added and delta.mode_after == PLAIN and script and (by := _runner(delta.path, change)):
        yield minded(
            f"{NAME}/not-executable",
            "a new script is run by its name and is not executable",
            delta.path,
            cause=f"{by} runs it; `git update-index --chmod=+x` makes it so",
            evidence=f"mode {PLAIN}",
        )
    elif delta.mode_after == EXECUTABLE and _old(delta) != EXECUTABLE and not script and delta.text_after:
        yield minded(
            f"{NAME}/executable",
            "the file was made executable and names no program that runs it",
            delta.path,
            cause="take the bit away, or begin the file with `#!`",
            severity=Severity.LOW,
        )


def _runner(path: str, change: ChangeSet) -> str:
    """The file that runs `path` by its name, `./path`; empty when none does, or when one sets its mode first."""
    name = re.escape(path)
    called = re.compile(rf"(?:^|[\s\"'`;&|(=@])\./{name}(?=[\s\"'`;&|)\],]|$)", re.MULTILINE)
    through = re.compile(rf"\b(?:sh|bash|zsh|dash|source|python3?|node|ruby|perl)\s+(?:-\w+\s+)*\./{name}\b")
    chmod = re.compile(rf"chmod\s+\S+\s+[^\n]*{re.escape(path.rpartition('/')[2])}")
    for place in sorted(entry for entry in change.head_files if _RUNS.search(entry))[:READ]:
        text = as_text(change.read_head(place))
        if chmod.search(text):
            return ""
        if called.search(through.sub("", text)):
            return place
    return ""
