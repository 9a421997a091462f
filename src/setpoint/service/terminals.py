"""Three terminals a run: planner and reviewer, developer, control. A pure plan of tmux commands; who runs them is the
command line.

What a pane shows is read from the journal, so it goes on whatever becomes of a worker. A pane whose program ends starts
it again; one that was closed comes back with the next `setpoint tmux`.
"""

import hashlib
import re
import shlex
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from ..model.run import Event

PLANNER, DEVELOPER, CONTROL = "planner", "developer", "control"
ROLES: dict[str, frozenset[str]] = {
    PLANNER: frozenset({"discovery", "tech_spec", "planning", "split", "diagnosis", "review"}),
    DEVELOPER: frozenset({"tests", "implementation", "edge_tests", "ci_fix"}),
    CONTROL: frozenset({"plan", "children", "change", "publish", "ci", "merge", "deploy"}),
}
"""Whose each stage is."""
FOR_EVERYBODY = frozenset({"person", "moved", "stopped", "void", "manual", "created"})
"""Entries that concern whoever watches."""
SHELL = "shell"
TITLES = {PLANNER: "plan and review", DEVELOPER: "develop", CONTROL: "control: what happens", SHELL: "control"}
SLOW = 2
"""Seconds before a pane's program is started again."""
MOST = 3
"""Runs that are watched side by side."""


def concerns(role: str, event: Event) -> bool:
    """Whether `event` is shown to `role`; to no role in particular everything is."""
    if not role:
        return True
    if event.kind in FOR_EVERYBODY:
        return role == CONTROL or event.stage in ROLES[role]
    return event.stage in ROLES[role]


@dataclass(frozen=True)
class Window:
    """One run's window."""

    run: str
    root: Path
    workspace: Path
    program: tuple[str, ...]
    """How `setpoint` is called."""

    def command(self, pane: str) -> str:
        """What runs in a pane."""
        if pane == SHELL:
            show = shlex.join([*self.program, "show", self.run])
            return f'{show}; SETPOINT_RUN={self.run} exec "${{SHELL:-/bin/sh}}"'
        watch = shlex.join([*self.program, "watch", self.run, "--role", pane])
        # A watcher that ends well has nothing more to show: its run is over.
        return f'until {watch}; do sleep {SLOW}; done; exec "${{SHELL:-/bin/sh}}"'

    def folder(self, pane: str) -> str:
        """Where a pane's program runs."""
        return str(self.workspace if pane == DEVELOPER and self.workspace.is_dir() else self.root)


def session_name(root: Path) -> str:
    """The name of a repository's tmux session; tmux knows no dots and colons in names. It ends with a mark of the whole
    path: folders may be called alike, and tmux takes the beginning of a name for the name."""
    mark = hashlib.sha256(str(root).encode("utf-8", "surrogateescape")).hexdigest()[:6]
    return f"setpoint-{re.sub(r'[^A-Za-z0-9_-]+', '-', root.name) or 'run'}-{mark}"


LIST = ("list-panes", "-s", "-F", "#{window_name} #{@setpoint_pane}")
"""Arguments that tell the panes of a session, one a line."""


def there(listed: str) -> dict[str, set[str]]:
    """The panes of each window, as tmux listed them."""
    found: dict[str, set[str]] = {}
    for line in listed.splitlines():
        window, _, pane = line.partition(" ")
        found.setdefault(window, set()).add(pane.strip())
    return found


def commands(
    session: str, windows: Sequence[Window], panes: Mapping[str, Set[str]] | None
) -> tuple[tuple[str, ...], ...]:
    """What tmux is told, one call each, so that each run has its window with its panes. `panes` are those that are
    there; None: the session is not."""
    told: list[tuple[str, ...]] = []
    known = panes is not None
    for window in windows:
        missing = [pane for pane in TITLES if pane not in (panes or {}).get(window.run, ())]
        if window.run not in (panes or {}):
            first, missing = missing[0], missing[1:]
            opens = ("new-window", "-d", "-t", f"{session}:") if known else ("new-session", "-d", "-s", session)
            told.append((*opens, "-n", window.run, "-c", window.folder(first), window.command(first)))
            told += _kept(session, window.run) if known else [*_keeping(session), *_kept(session, window.run)]
            told.append(_named(session, window.run, first))
            known = True
        for pane in missing:
            target = ("-t", f"{session}:={window.run}")
            told.append(("split-window", *target, "-c", window.folder(pane), window.command(pane)))
            told.append(_named(session, window.run, pane))
            told.append(("select-layout", *target, "tiled"))
    return tuple(told)


def _keeping(session: str) -> list[tuple[str, ...]]:
    return [("set-hook", "-t", session, "pane-died", f"run-shell 'sleep {SLOW}' ; respawn-pane")]


def _kept(session: str, run: str) -> list[tuple[str, ...]]:
    target = ("-w", "-t", f"{session}:={run}")
    return [
        ("set-option", *target, "remain-on-exit", "on"),
        ("set-option", *target, "automatic-rename", "off"),
        ("set-option", *target, "pane-border-status", "top"),
        ("set-option", *target, "pane-border-format", " #{@setpoint_title} "),
    ]


def _named(session: str, run: str, pane: str) -> tuple[str, ...]:
    target = f"{session}:={run}"
    return (
        "set-option", "-p", "-t", target, "@setpoint_pane", pane, ";",
        "set-option", "-p", "-t", target, "@setpoint_title", f"{run} · {TITLES[pane]}",
    )  # fmt: skip
