"""Whether a session that changes code ran what decides about it before it hands in: told from its saved steps alone, so
a session that is resumed is told the same.

It is told once. What it hands in after that is taken, and the journal says what was not run.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ...model.session import Deciding, Message, Task, ToolCall, ToolReturn
from ...policy.commands import commands_in
from .turns import NOTICE, calls_of, is_turn

_HARMLESS = frozenset(("read", "search", "ask"))
_EDITS = frozenset(("write", "edit"))
_RUNNERS = "pytest|unittest|tox|nox|jest|vitest|mocha|ava|ctest|rspec|phpunit"
_TESTS = re.compile(
    rf"(python[\d.]* (-\S+ )*-m |(npx|bunx|yarn|pnpm|bundle exec) )?({_RUNNERS})( |$)"
    r"|(make|just|task) (\S+ )*(test|check)\b"
    r"|(npm|pnpm|yarn|bun|go|cargo|dotnet|mvn|gradle|gradlew) (-\S+ |run )*(test|check)\b"
    r"|node (-\S+ )*--test( |$)"
)
REMINDER = f"{NOTICE}Not taken yet: "
"""Opens what a session is told that ran nothing."""
NOTHING, BEFORE = "nothing of it was run", "files changed after its last run that passed"

Pending = Sequence[tuple[ToolCall, bool]]
"""Calls that are not saved yet, each with whether it failed."""


@dataclass
class _Seen:
    passed: bool = False
    """Whether anything that decides passed so far."""
    dirty: bool = False
    """Whether files changed after it."""
    told: bool = False
    """Whether it was said in this turn."""
    said: bool = False
    """Whether it was said of these very files."""
    commit: str = ""
    """The files as they were saved last."""

    def step(self, calls: Pending, commit: str, runs: Sequence[Deciding]) -> None:
        """One step: its calls in order, and the autosave after them (empty: unchanged, or not saved yet)."""
        settled = False  # whether what passed was the last in this step that may have changed files
        for call, failed in calls:
            if call.name == "shell" and not failed and decides(call, runs):
                self.passed, self.dirty, settled = True, False, True
            elif call.name in _EDITS and not failed:
                self.dirty, self.said, settled = True, False, False
        if commit and commit != self.commit:
            known, self.commit = bool(self.commit), commit
            if known and not settled and _touches(calls):
                self.dirty, self.said = True, False


def unrun(task: Task, messages: Sequence[Message], pending: Pending = ()) -> str:
    """Why what `task` hands in now rests on no run of its own; empty where it does, or nothing is asked of it."""
    seen = _looked_at(task, messages, pending)
    if not task.runs or (seen.passed and not seen.dirty):
        return ""
    return BEFORE if seen.passed else NOTHING


def reminder(task: Task, messages: Sequence[Message], pending: Pending = ()) -> str:
    """What a session is told that hands in without a run of its own; empty where it had one, or was told before."""
    why = unrun(task, messages, pending)
    seen = _looked_at(task, messages, pending)
    if not why or seen.told or seen.said:
        return ""
    listed = "\n".join(f"- {one.name}: {one.command}" for one in task.runs)
    return (
        f"{REMINDER}{why}. What decides about your work:\n{listed}\nRun what of it shows your work, mend what it "
        "finds, and submit again. Where nothing can be run here, submit again as it is: it is taken, and "
        "the record says so."
    )


def unrun_note(task: Task, why: str) -> tuple[str, dict[str, Any]]:
    """The journal's entry of a hand-in without a run of its own."""
    return "unrun", {"deliverable": task.deliverable, "why": why, "runs": [one.command for one in task.runs]}


def decides(call: ToolCall, runs: Sequence[Deciding]) -> bool:
    """Whether a command is one of those that decide, or runs tests."""
    ran = commands_in(str(call.arguments.get("command", "")))
    return any(map(_TESTS.match, ran)) or any(_all_of(one.begins, ran) for one in runs)


def _all_of(begins: str, ran: Sequence[str]) -> bool:
    """Whether each command that `begins` names is among those that ran, with whatever more words."""
    wanted = commands_in(begins)
    return bool(wanted) and all(any(f"{one} ".startswith(f"{word} ") for one in ran) for word in wanted)


def _looked_at(task: Task, messages: Sequence[Message], pending: Pending) -> _Seen:
    seen, submit = _Seen(), f"submit_{task.deliverable}"
    for message, results in _steps(messages):
        if is_turn(message):
            seen.told = False
            continue
        failed = {part.call_id: part.failed for part in results.parts if isinstance(part, ToolReturn)}
        seen.step([(call, failed.get(call.id, True)) for call in calls_of(message)], results.autosave, task.runs)
        closing = (part for part in results.parts if isinstance(part, ToolReturn) and part.name == submit)
        if any(part.content.startswith(REMINDER) for part in closing):
            seen.told = seen.said = True
    seen.step(pending, "", task.runs)
    seen.told = seen.told or any(call.name == submit and failed for call, failed in pending)
    return seen


def _steps(messages: Sequence[Message]) -> Iterator[tuple[Message, Message]]:
    """Each turn's opening, and each reply with the message of its results."""
    nothing = Message(role="user")
    for at, message in enumerate(messages):
        if is_turn(message):
            yield message, nothing
        elif message.role == "assistant":
            after = messages[at + 1] if at + 1 < len(messages) else nothing
            yield message, nothing if is_turn(after) else after


def _touches(calls: Pending) -> bool:
    return any(call.name not in _HARMLESS and not call.name.startswith("submit_") for call, _ in calls)
