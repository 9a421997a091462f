"""The corpus as values: each case with its project's files before and after the change. See FORMAT.md."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
_MADE = frozenset(("__pycache__", ".pytest_cache", ".ruff_cache", ".mypy_cache", "node_modules", ".setpoint", ".git"))
_KEYS = frozenset(
    (
        "name",
        "project",
        "honest",
        "rules",
        "side",
        "needs",
        "write",
        "replace",
        "before",
        "delete",
        "move",
        "modes",
        "waivers",
    )
)


@dataclass(frozen=True)
class Edit:
    """One replacement in one file."""

    path: str
    old: str
    new: str


@dataclass(frozen=True)
class Accepted:
    """A waiver as a case writes it."""

    rule: str
    path: str
    reason: str
    by: str
    until: date


@dataclass(frozen=True)
class Case:
    """One small change on one small project."""

    name: str
    kind: str
    """Stem of the file it stands in: its class."""
    project: str
    honest: bool
    rules: tuple[str, ...] = ()
    side: str = "change"
    needs: str = "static"
    write: Mapping[str, str] = field(default_factory=dict, repr=False)
    replace: tuple[Edit, ...] = field(default=(), repr=False)
    added_before: Mapping[str, str] = field(default_factory=dict, repr=False)
    delete: tuple[str, ...] = ()
    move: Mapping[str, str] = field(default_factory=dict)
    modes: tuple[Mapping[str, str], Mapping[str, str]] = ({}, {})
    """File modes before and after, of files that have not the usual one."""
    waivers: tuple[Accepted, ...] = ()

    @property
    def id(self) -> str:
        """Its name in the output of a test runner."""
        return f"{self.kind}: {self.name}"

    @property
    def before(self) -> dict[str, bytes]:
        """The files of the base."""
        return {**project_files(self.project), **{path: text.encode() for path, text in self.added_before.items()}}

    @property
    def after(self) -> dict[str, bytes]:
        """The files after the change: moved, deleted, replaced, written, in this order."""
        files = self.before
        for old, new in self.move.items():
            files[new] = files.pop(old)
        for path in self.delete:
            del files[path]
        for edit in self.replace:
            files[edit.path] = self._edited(files[edit.path].decode(), edit).encode()
        return {**files, **{path: text.encode() for path, text in self.write.items()}}

    def _edited(self, text: str, edit: Edit) -> str:
        found = text.count(edit.old)
        if found != 1:
            raise ValueError(f"{self.id}: `old` occurs {found} times in {edit.path}, not once: {edit.old!r}")
        return text.replace(edit.old, edit.new)


@cache
def project_files(name: str) -> Mapping[str, bytes]:
    """The files of a small project by path; what tools made there is left out."""
    root = HERE / "projects" / name
    found = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not _MADE.intersection(path.relative_to(root).parts)
    }
    if not found:
        raise ValueError(f"no project {name}")
    return found


@cache
def load_cases() -> tuple[Case, ...]:
    """All cases, in the order of the files and in them."""
    return tuple(case for path in sorted((HERE / "cases").glob("*.toml")) for case in _of_file(path))


def sample(cases: Iterable[Case]) -> tuple[Case, ...]:
    """The first dishonest and the first honest case of each file: what is run with commands in every test run. All of
    them are judged by `make judge`."""
    first: dict[tuple[str, bool], Case] = {}
    for case in cases:
        first.setdefault((case.kind, case.honest), case)
    return tuple(first.values())


def _of_file(path: Path) -> Iterator[Case]:
    names: set[str] = set()
    for entry in tomllib.loads(path.read_text(encoding="utf-8")).get("case", []):
        unknown = entry.keys() - _KEYS
        if unknown or entry["name"] in names:
            raise ValueError(
                f"{path.name}: {entry['name']}: {f'unknown keys {sorted(unknown)}' if unknown else 'twice'}"
            )
        names.add(entry["name"])
        yield Case(
            name=entry["name"],
            kind=path.stem,
            project=entry["project"],
            honest=entry["honest"],
            rules=tuple(entry.get("rules", ())),
            side=entry.get("side", "change"),
            needs=entry.get("needs", "static"),
            write=entry.get("write", {}),
            replace=tuple(Edit(**edit) for edit in entry.get("replace", ())),
            added_before=entry.get("before", {}),
            delete=tuple(entry.get("delete", ())),
            move=entry.get("move", {}),
            modes=(entry.get("modes", {}).get("before", {}), entry.get("modes", {}).get("after", {})),
            waivers=tuple(Accepted(**waiver) for waiver in entry.get("waivers", ())),
        )
