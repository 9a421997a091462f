"""What outlives one sitting of an agent: its home folder, and beside it, out of its reach, what we know of its
session."""

import hashlib
import json
import time
from contextlib import suppress
from pathlib import Path

from ....model.record import Record
from ....model.session import SessionId
from ...folders import remove_folder

KEPT_DAYS = 14
"""Homes that no session entered for so long are removed."""


class Known(Record):
    """What the last sitting left."""

    acp: str = ""
    """The agent's own name of the session; empty: there is none to go back to."""
    version: str = ""
    """The agent's name and version then."""
    ahead: bool = False
    """Whether the agent may remember more than was saved: a request was let through whose step was not."""


class Homes:
    """The homes of all sessions of one repository."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def of(self, session: SessionId, agent: str) -> "Home":
        """The home of one session of `agent`, made where there is none; long forgotten ones go."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        oldest = time.time() - KEPT_DAYS * 86_400
        for place in self._folder.iterdir():
            with suppress(OSError):
                if place.stat().st_mtime < oldest:
                    remove_folder(place)
        mark = hashlib.sha256(f"{agent} {session}".encode()).hexdigest()[:24]
        return Home(self._folder / mark)


class Home:
    """One session's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.path = folder / "home"
        """Shown inside, writable; never followed from outside."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)

    def known(self) -> Known:
        """What the last sitting left; nothing where it cannot be read."""
        try:
            return Known.model_validate_json((self._folder / "known.json").read_text())
        except (OSError, ValueError):
            return Known()

    def keep(self, known: Known) -> None:
        """Remember it for the next sitting; whole, or as it was before."""
        aside = self._folder / "known.new"
        aside.write_text(json.dumps(known.model_dump()))
        aside.replace(self._folder / "known.json")
