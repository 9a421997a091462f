"""A small real repository with a defect, its ticket, and the replayed turns that mend it: a whole run takes seconds."""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from setpoint.demo.authoring import (
    HAIKU,
    OPUS,
    OTHER,
    SONNET,
    Call,
    Turn,
    edit,
    hand_in,
    judged,
    read,
    recording,
    say,
    search,
    shell,
    write,
)
from setpoint.model.change import AcceptanceTests, Change, TestClaim
from setpoint.model.review import REVIEW_CHECKS, CheckAnswer, Probe, Review, Verdict
from setpoint.model.session import Role
from setpoint.model.spec import Diagnosis
from setpoint.model.ticket import Criterion, SourceTag

QUOTE = "`greet` with a blank name returns `Hello, you!`"
TICKET = f"""---
id: blank-name
kind: hotfix
---
# greet() greets nobody when the name is blank

`greet("")` returns `Hello, !`, and the page shows it to every visitor without a name.

**Expected:** {QUOTE}. Every other greeting stays as it is.
"""

GATE = ("python3", "-m", "unittest", "discover", "-v", "-s", "tests", "-t", ".")
SETTINGS = """[project]
owner = "Ada"

[gates.tests]
kind = "tests"
run = [{gate}]
timeout = 60.0

[checks]
coverage = 0
mutants = 0
surroundings = false

[sandbox.env]
PYTHONDONTWRITEBYTECODE = "1"

[agent]
kind = "replay"
recording = ".setpoint/recording.json"

[loop]
reopen_cycles = 0
{more}
[[environment]]
name = "pre-staging"
deploy = ["sh", "ops/step.sh", "deploy"]
smoke = ["sh", "ops/step.sh", "smoke"]
rollback = ["sh", "ops/step.sh", "rollback"]
seconds = 60.0
sandbox = true
"""

STEP = """# Notes what it is asked to do; a file named `no-smoke` beside the notes makes the smoke check fail.
echo "$1 $SETPOINT_SHA" >>"$SETPOINT_STATE/ran"
if [ "$1" = smoke ] && [ -e "$SETPOINT_STATE/no-smoke" ]; then echo "nothing answers"; exit 1; fi
"""

GREET = '''"""Greetings."""


def greet(name: str) -> str:
    """What the page says."""
    return "Hello, " + name + "!"
'''

PAGE = '''"""The page."""

from greetings.greet import greet


def page(visitor: str = "") -> str:
    """The page for `visitor`."""
    return "<h1>" + greet(visitor) + "</h1>"
'''

OLD_TEST = """import unittest

from greetings.greet import greet


class Greet(unittest.TestCase):
    def test_greets_by_name(self) -> None:
        self.assertEqual(greet("Ada"), "Hello, Ada!")
"""

NEW_TEST = """import unittest

from greetings.greet import greet
from greetings.page import page


class Blank(unittest.TestCase):
    def test_nobody_is_you(self) -> None:
        self.assertEqual(greet(""), "Hello, you!")
        self.assertEqual(greet("  "), "Hello, you!")

    def test_the_page_greets_you(self) -> None:
        self.assertEqual(page(), "<h1>Hello, you!</h1>")
"""

FILES = {
    ".gitignore": "__pycache__/\n*.flag\n",
    "setpoint.toml": "",
    "greetings/__init__.py": "",
    "greetings/greet.py": GREET,
    "greetings/page.py": PAGE,
    "tests/__init__.py": "",
    "tests/test_greet.py": OLD_TEST,
    "ops/step.sh": STEP,
}

PATH = "tests/test_blank.py"
RUN_NEW = f"python3 -m unittest -v {PATH}"
RUN_ALL = "python3 -m unittest discover -s tests -t ."

DIAGNOSIS = Diagnosis(
    symptom="A visitor without a name is greeted with `Hello, !`.",
    reproduction="`python3 -c 'from greetings.greet import greet; print(greet(\"\"))'` prints `Hello, !`.",
    cause="greetings/greet.py line 6 puts the name in as it comes; nobody asks whether there is one.",
    places=("greetings/greet.py:6",),
    criteria=(Criterion(id="FR-001", text=QUOTE, source=SourceTag.USER, quote=QUOTE),),
    must_stay=("Every other greeting",),
    approach="Put `you` in place of a blank name, in a function of its own.",
    checks=(RUN_ALL,),
    paths=("greetings/**", "tests/**"),
)
CLAIMS = AcceptanceTests(
    tests=(
        TestClaim(id=f"{PATH}::Blank::test_nobody_is_you", proves=("FR-001",), what="No name and spaces give `you`."),
        TestClaim(id=f"{PATH}::Blank::test_the_page_greets_you", proves=("FR-001",), what="So does the page."),
    ),
    files=(PATH,),
)
CHANGE = Change(
    summary="A blank name is greeted as `you`; `addressee` decides who is meant.",
    ran=(f"{RUN_ALL}: OK",),
    documentation="None needed: there is none.",
)
PROBE = "python3 -c 'from greetings.greet import greet; print(greet(chr(9)))'"
REVIEW = Review(
    summary="The cause is removed and nothing else moved.",
    checks=tuple(CheckAnswer(check=check, tried=f"greeted a tab: {check}", result="holds") for check in REVIEW_CHECKS),
    probes=(Probe(command=PROBE, outcome="Hello, you!"), Probe(command=RUN_ALL, outcome="OK")),
)

ADDRESSEE = '''"""Who is meant."""


def addressee(name: str) -> str:
    """`name`, or `you` where there is none."""
    return name if name.strip() else "you"
'''


def _implementation(wait: Sequence[Call]) -> Turn:
    old = 'return "Hello, " + name + "!"'
    called = 'return "Hello, " + addressee(name) + "!"'
    steps = (
        say("", write("greetings/addressee.py", ADDRESSEE), *wait),
        say(
            "",
            edit("greetings/greet.py", old, called),
            edit("greetings/greet.py", '"""Greetings."""\n', '"""Greetings."""\n\nfrom greetings.addressee import *\n'),
            # Not repeatable on its own result: after a crash the tree must be as it was before.
            shell("sed -i 's/import [*]/import addressee/' greetings/greet.py && touch left.flag && test ! -e x.flag"),
        ),
        say("", shell(RUN_ALL, contains="OK")),
        hand_in(CHANGE),
    )
    return Turn("implementation", SONNET, steps)


def turns(wait: Sequence[Call] = ()) -> tuple[Turn, ...]:
    """The replayed turns; `wait` are calls that hold up the implementation."""
    shown = Verdict(compared=("FR-001 with the ticket's words: the same", "paths with places: inside"))
    return (
        Turn(
            "diagnosis",
            OPUS,
            (
                say("", read("greetings/greet.py", contains="Hello"), search("greet[(]", contains="page.py")),
                hand_in(DIAGNOSIS),
            ),
        ),
        judged("diagnosis", shown, read("greetings/greet.py", contains="name")),
        Turn(
            "tests",
            SONNET,
            (
                say("", write(PATH, NEW_TEST)),
                say("", shell(RUN_NEW, contains="FAILED", failed=True)),
                hand_in(CLAIMS),
            ),
        ),
        judged("tests", Verdict(compared=("FR-001 with both tests",)), read(PATH, contains="Blank")),
        _implementation(wait),
        judged("implementation", Verdict(compared=("the approach with the diff: a function of its own",))),
        Turn(
            "review",
            OTHER,
            (
                say(
                    "",
                    read("greetings/addressee.py", contains="you"),
                    shell(RUN_ALL, contains="OK"),
                    shell(PROBE, contains="you"),
                ),
                hand_in(REVIEW),
            ),
            role=Role.REVIEWER,
        ),
    )


REQUESTS = sum(len(turn.steps) for turn in turns())
"""Model requests of a whole run."""
MODELS = {OPUS, HAIKU, SONNET, OTHER}


HERE, GO = "here.flag", "go.flag"
"""Files in the workspace, ignored by git: the held call has begun, and it may end."""
HELD = (shell(f"touch {HERE}; until [ -e {GO} ]; do sleep 0.02; done"),)
"""Holds the implementation up in a command of its first step."""


def story(wait: Sequence[Call] = ()) -> dict[str, Any]:
    """The recording."""
    return recording("a blank name is greeted", "blank-name", turns(wait))


def lay_out(folder: Path, *, wait: Sequence[Call] = (), more: str = "") -> Path:
    """A repository with one commit, its recording, and `more` in its settings."""
    gate = ", ".join(f'"{word}"' for word in GATE)
    for name, text in {**FILES, "setpoint.toml": SETTINGS.format(gate=gate, more=more)}.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    git(folder, "init", "-q", "--template=", "-b", "main")
    git(folder, "config", "user.name", "Ada")
    git(folder, "config", "user.email", "ada@example.invalid")
    git(folder, "config", "gc.auto", "0")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "Greetings")
    (folder / ".setpoint").mkdir()
    (folder / ".setpoint" / "recording.json").write_text(json.dumps(story(wait)), encoding="utf-8")
    (folder / "ticket.md").write_text(TICKET, encoding="utf-8")
    return folder


def git(folder: Path, *arguments: str) -> str:
    """What git says there, with nobody's configuration."""
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()
