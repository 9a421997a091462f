"""Whether a reviewer's report says what was done. What is empty, copied or never run goes back before it counts.

No word here judges the change: it is asked whether a judgement was made.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from ..model.gate import Gate
from ..model.objection import Objection, Severity
from ..model.review import CheckAnswer, Finding, Review
from ..model.session import Message, ToolCall, ToolReturn
from .probe_commands import asks_nothing, same_words, was_run

SAME = 3
"""Checks that the very same words may answer."""
ALWAYS = ("business logic and requirements", "edge cases and assumptions", "tests", "happy path only")
"""Checks that apply to every change."""
_EMPTY = frozenset(
    re.findall(
        r"\w+",
        """
    a all alright and any appears are as before builds by change checked checks clean code compiles correct
    correctly done everything expected fine found good great green i in is issue issues it its lgtm line looked
    looks me n na no none nothing of ok okay on pass passed passes problem problems read reading reviewed run
    seems should so sound suite test tested tests that the there things this to valid verified was well were
    with work works wrong yes
        """,
    )
)
"""Words that say nothing was tried."""


def commands_run(messages: Sequence[Message]) -> tuple[str, ...]:
    """Shell commands that a session's messages show as run, in order."""
    parts = [part for message in messages for part in message.parts]
    answered = {part.call_id for part in parts if isinstance(part, ToolReturn) and not _unrun(part)}
    calls = (part for part in parts if isinstance(part, ToolCall) and part.name == "shell" and part.id in answered)
    return tuple(str(call.arguments.get("command", "")) for call in calls)


def _unrun(result: ToolReturn) -> bool:
    """Whether the call was refused, or came too late, before anything was run."""
    refused = result.failed and result.content.startswith(("error: ", "not run: "))
    return refused and "[exit code " not in result.content


def empty_report(review: Review, ran: Sequence[str], gates: Mapping[str, Gate]) -> tuple[str, ...]:
    """What keeps `review` from counting, each in one line; `ran` are the commands its session has run."""
    answers = review.checks.answers()
    return (
        *_answers(answers),
        *_copies(answers),
        *_probes(review, ran, gates),
        *(f"finding {n}: {why}" for n, finding in enumerate(review.findings, start=1) for why in _bare(finding)),
        *_unsaid(review, answers),
    )


def idle_probes(found: Sequence[Objection]) -> tuple[str, ...]:
    """Findings whose own probe passes on the change, each in one line. `found` has what the engine saw."""
    return tuple(
        f"finding “{objection.what[:80]}”: its probe ends with 0 on this change, so it shows nothing. Mend the probe, "
        "or leave the finding out; kept as it is, it counts as advice"
        for objection in found
        if objection.advisory
    )


def says_nothing(text: str, beside: str = "") -> bool:
    """Whether `text`, but for the words of `beside`, would fit any change: praise, or that something was looked at."""
    words = set(re.findall(r"[a-z]+", text.casefold())) - set(re.findall(r"[a-z]+", beside.casefold()))
    return words <= _EMPTY and not re.search(r"\d", text)


def _answers(answers: Sequence[CheckAnswer]) -> Iterator[str]:
    for answer in answers:
        if answer.result == "does not apply":
            if answer.check in ALWAYS:
                yield f"check “{answer.check}” applies to every change; say what was tried"
        elif says_nothing(answer.tried, answer.check):
            yield f"check “{answer.check}”: “{answer.tried[:60]}” does not say what was tried"


def _copies(answers: Sequence[CheckAnswer]) -> Iterator[str]:
    times = Counter(same_words(answer.tried) for answer in answers)
    for text, count in times.items():
        if count > SAME:
            yield f"“{text[:60]}” answers {count} checks; say of each what was tried for it"


def _probes(review: Review, ran: Sequence[str], gates: Mapping[str, Gate]) -> Iterator[str]:
    """Each probe was run; and a report without an objection rests on more than the suite and on reading."""
    for probe in review.probes:
        if not any(was_run(probe.command, command) for command in ran):
            yield f"probe `{probe.command[:100]}` was not run in this session; run it, or write it as you ran it"
    if any(finding.severity is not Severity.LOW for finding in review.findings):
        return
    suite = {same_words(" ".join(gate.run)) for gate in gates.values()}
    if all(asks_nothing(probe.command, suite) for probe in review.probes):
        yield "probes: all of them read, print or run the suite again; try to make the change fail, and list how"


def _bare(finding: Finding) -> Iterator[str]:
    """A finding that blocks stands on something."""
    if finding.severity is Severity.LOW:
        return
    if says_nothing(finding.evidence):
        yield f"“{finding.evidence[:60]}” is no evidence; quote what you saw"
    if same_words(finding.cause) == same_words(finding.what):
        yield "its cause only repeats what is wrong"


def _unsaid(review: Review, answers: Sequence[CheckAnswer]) -> Iterator[str]:
    failing = [answer.check for answer in answers if answer.result == "fails"]
    if failing and not review.findings:
        yield f"check “{failing[0]}” fails and no finding says how"
