"""Reading a repository's files to find out how it is built; executes nothing."""

import json
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..model.evidence import GateKind
from ..model.gate import Candidate, Gate
from .commands import reporting

READ_BYTES = 1_048_576
LISTED = 5000
"""Most files that are looked at for the sake of detection."""
SKIPPED_FOLDERS = frozenset(
    (
        *("node_modules", "venv", "env", "vendor", "third_party", "dist", "build", "site-packages", "__pycache__"),
        *("docs", "doc", "examples", "example", "htmlcov", "target", "benchmarks"),
    )
)


@dataclass
class Project:
    """One project folder, its files read at most once."""

    root: Path
    where: str = "."
    """The folder, relative to the repository."""
    without: frozenset[str] = frozenset()
    """Folders below that are projects of their own, relative to the repository."""
    _texts: dict[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The project's folder on the host."""
        return self.root / self.where

    def has(self, name: str) -> bool:
        """Whether the folder holds the file."""
        return (self.folder / name).is_file()

    def text(self, name: str) -> str:
        """The file's text; empty when there is none, or when it is too large to be configuration."""
        if name not in self._texts:
            path = self.folder / name
            try:
                fits = path.is_file() and path.stat().st_size <= READ_BYTES
                self._texts[name] = path.read_text(encoding="utf-8", errors="replace") if fits else ""
            except OSError:
                self._texts[name] = ""
        return self._texts[name]

    def toml(self, name: str) -> dict[str, Any]:
        """The file as TOML; empty when it is none."""
        try:
            return tomllib.loads(self.text(name))
        except tomllib.TOMLDecodeError:
            return {}

    def json(self, name: str) -> dict[str, Any]:
        """The file as a JSON object; empty when it is none."""
        try:
            value = json.loads(self.text(name) or "{}")
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}

    def at(self, name: str, words: str = "") -> str:
        """`file:line` of the first line that holds `words`, else the file alone; seen from the root."""
        shown = name if self.where == "." else f"{self.where}/{name}"
        for number, text in enumerate(self.text(name).split("\n"), start=1):
            if words and words in text:
                return f"{shown}:{number}"
        return shown

    def files(self, pattern: str) -> list[Path]:
        """Files below the folder whose name matches, without those of environments and packages; sorted."""
        found: list[Path] = []
        waiting, seen = [self.folder], 0
        while waiting and seen < LISTED:
            try:
                entries = sorted(waiting.pop(0).iterdir())
            except OSError:
                continue
            for entry in entries:
                seen += 1
                if entry.is_symlink():
                    continue
                if entry.is_dir():
                    hidden = entry.name in SKIPPED_FOLDERS or entry.name.startswith(".")
                    if not hidden and str(entry.relative_to(self.root)) not in self.without:
                        waiting.append(entry)
                elif re.fullmatch(pattern, entry.name):
                    found.append(entry)
        return found

    def candidate(
        self, name: str, kind: GateKind, argv: tuple[str, ...], because: str, *, guessed: bool = False
    ) -> Candidate:
        """A candidate that runs `argv` here, with a report where the tool has one."""
        run, report = reporting(argv)
        gate = Gate.model_validate({"kind": kind, "run": run, "report": report, "where": self.where})
        return Candidate(name=name, gate=gate, because=because[:500], guessed=guessed)
