"""One dependency as a manifest or a lock file names it."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal

Ecosystem = Literal["pypi", "npm"]
Origin = Literal["registry", "git", "url", "path", "workspace"]


@dataclass(frozen=True)
class Package:
    """What one file says of one package."""

    name: str
    """As its registry compares names."""
    version: str = ""
    """Of a lock the version, of a manifest the constraint; empty: any."""
    origin: Origin = "registry"
    at: str = ""
    """Where it comes from, where that is not the registry's own place."""
    hashed: bool = False
    """Whether the file pins its content."""
    scripts: bool = False
    """Whether it runs a script when it is installed."""
    uploaded: date | None = None
    licence: str = ""
    group: str = ""
    """Which of the manifest's lists it stands in."""
    pinned: bool = True
    """Whether the version is bounded at all."""


@dataclass(frozen=True)
class Listing:
    """All that one file says."""

    ecosystem: Ecosystem
    lock: bool
    packages: tuple[Package, ...]
    indexes: tuple[str, ...] = ()
    """Registries and options of trust that the file sets."""
    scripts: tuple[str, ...] = ()
    """Commands that the project itself runs when it is installed."""

    def by_name(self) -> dict[str, list[Package]]:
        """The packages, those of one name together."""
        found: dict[str, list[Package]] = {}
        for package in self.packages:
            found.setdefault(package.name, []).append(package)
        return found


class UnreadableError(ValueError):
    """The file is not what its name says."""


def canonical(name: str) -> str:
    """A Python package's name as its registry compares it."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()
