"""The validator: a narrow check of a deliverable against the one before it, by the cheapest model, fresh each round."""

from collections.abc import Mapping, Sequence

from ..model.objection import Deviation, Objection, Severity, Source
from ..model.record import digest_of
from ..model.review import Verdict
from ..model.session import Asked, Role
from ..ports import Room
from .artifacts import deliverable_text
from .bench import Ground
from .context import brief
from .desk import Sitting, sit
from .prompts import prompt, untrusted
from .rounds import fresh_judge


async def validate(
    ground: Ground,
    deliverable: str,
    content: Mapping[str, object],
    before: str,
    room: Room,
    files: str = "",
) -> Sequence[Objection]:
    """What the validator minds, `files` being the text of files handed in with the deliverable. It cannot tell: that is
    an objection too, never a pass."""
    session = fresh_judge(ground, Role.VALIDATOR, digest_of([deliverable, dict(content), files]))
    sitting = Sitting(
        session=session,
        prompt=prompt(f"validate_{deliverable}"),
        deliverable="verdict",
        record=Verdict,
        brief=brief(
            before,
            untrusted(f"To judge: {deliverable}", deliverable_text(deliverable, dict(content))),
            untrusted("Its files", files) if files else "",
        ),
    )
    handing = await sit(ground, sitting, room)
    if isinstance(handing, Asked) or not isinstance(handing.record, Verdict):
        return (_cannot_tell(deliverable),)
    verdict = handing.record
    guesses = tuple(_guess(deliverable, guess) for guess in verdict.guesses)
    return (*(finding.objection(Source.VALIDATOR) for finding in verdict.findings), *guesses)


def _guess(deliverable: str, guess: str) -> Objection:
    return Objection(
        source=Source.VALIDATOR,
        deviation=Deviation.REQUIREMENT,
        severity=Severity.HIGH,
        what=f"{deliverable} leaves a guess: {guess}",
        cause="whoever goes on from here would have to guess",
        evidence="listed by the validator as a guess it would have to make",
    )


def _cannot_tell(deliverable: str) -> Objection:
    return Objection(
        source=Source.VALIDATOR,
        deviation=Deviation.ENVIRONMENT,
        severity=Severity.HIGH,
        what=f"the validator of {deliverable} gave no verdict in form",
        cause="its answers did not fit the schema, so nothing was judged",
        evidence="no verdict",
    )
