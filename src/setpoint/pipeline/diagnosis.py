"""Diagnosis: a hotfix's one document, from the symptom to the root cause and the measure of its mend."""

from collections.abc import Sequence

from pydantic import BaseModel

from ..model.objection import Objection
from ..model.spec import Diagnosis
from .bench import Ground
from .criteria import check_criteria
from .document import Document, objection, write_document
from .prompts import untrusted
from .rounds import Done


def before(ground: Ground) -> str:
    """On a reopened ticket: the smoke check's own words."""
    failed = ground.bench.store.recall(ground.run.id, f"smoke:{ground.position.cycle - 1}")
    if not failed:
        return ""
    where = f"environment {failed['environment']}, release {failed['sha'][:12]}, exit {failed['exit_code']}"
    said = f"{where}\n{failed['output']}"
    return untrusted("The change was merged; its smoke check failed and it was rolled back", said)


def _check(ground: Ground, record: BaseModel, _files: Sequence[str]) -> Sequence[Objection]:
    assert isinstance(record, Diagnosis)
    # A reopened ticket is measured by its smoke check's words, which the ticket does not contain.
    found = check_criteria(ground.run.ticket, record.criteria) if ground.position.cycle == 1 else []
    if not record.criteria:
        found.append(objection("criteria: there is none", "without a criterion the mend cannot be measured"))
    if not record.paths:
        found.append(objection("paths: there is none", "a run without boundaries does not start"))
    return found


DIAGNOSIS = Document("diagnosis", "diagnosis", Diagnosis, before, _check)


async def diagnose(ground: Ground) -> Done:
    """One attempt on the diagnosis."""
    return await write_document(ground, DIAGNOSIS)
