"""The files of a change that configure gates or CI, before and after."""

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from ..change_set import ChangeSet, Delta, as_text
from ..protected import protection
from .settings_files import Setting, settings

_MORE = re.compile(
    r"^(?:\.nycrc.*|\.c8rc.*|karma\.conf\..*|vite\.config\..*|cypress\.config\..*|\.size-limit\..*|bunfig\.toml|"
    r"lighthouserc.*|\.pre-commit-config\.yaml|hatch\.toml|ty\.toml|\.stylelintrc.*|oxlintrc.*|\.oxlintrc.*|ava\.config\..*)$"
)
_LINES = frozenset(("Makefile", "GNUmakefile", "justfile", "noxfile.py", "Jenkinsfile", ".npmrc"))
OWN = (
    (re.compile(r"^\.?ruff\.toml$"), "tool.ruff"), (re.compile(r"^\.?pytest\.ini$"), "tool.pytest"),
    (re.compile(r"^\.coveragerc$"), "tool.coverage"), (re.compile(r"^\.?mypy\.ini$"), "tool.mypy"),
    (re.compile(r"^pyrightconfig\.json$"), "tool.pyright"), (re.compile(r"^jest\.config\."), "jest"),
    (re.compile(r"^\.eslintrc"), "eslintConfig"), (re.compile(r"^\.mocharc"), "mocha"),
)  # fmt: skip
"""Files that take the place of a table of `pyproject.toml` or `package.json`."""


class Config(NamedTuple):
    """One such file."""

    delta: Delta
    before: Sequence[Setting]
    after: Sequence[Setting]
    ci: bool
    readable: bool

    @property
    def path(self) -> str:
        """Its path after the change."""
        return self.delta.path


def is_config(path: str) -> bool:
    """Whether `path` configures gates or CI."""
    return protection(path) in ("config", "ci") or bool(_MORE.match(PurePosixPath(path).name))


def configs(change: ChangeSet) -> list[Config]:
    """The changed ones."""
    return [config_of(delta) for delta in change.deltas if is_config(delta.path) or is_config(delta.path_before)]


def config_of(delta: Delta) -> Config:
    """One file's settings on both sides; a file of commands has a setting a line."""
    before, after = (_read(path, text) for path, text in
                     ((delta.path_before, delta.text_before), (delta.path, delta.text_after)))  # fmt: skip
    ci = "ci" in (protection(delta.path), protection(delta.path_before))
    return Config(delta, before or (), after or (), ci, after is not None or before is None)


def _read(path: str, text: str) -> list[Setting] | None:
    name = PurePosixPath(path).name
    if name in _LINES or PurePosixPath(path).suffix == ".mk":
        return [Setting("line", line.strip(), at) for at, line in enumerate(text.splitlines(), 1) if line.strip()]
    return settings(path, text)


def ci_settings(change: ChangeSet) -> Iterator[Setting]:
    """Settings of every CI file after the change."""
    for path in sorted(change.head_files):
        if protection(path) == "ci":
            yield from _read(path, as_text(change.read_head(path))) or ()
