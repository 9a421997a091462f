"""`progress.json` has one form, and its schema says which."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from setpoint.model.progress import Progress

SAMPLE = """{
  "feature_id": "user-avatar-upload",
  "status": "in-progress",
  "steps": [
    {"step": 1, "task": "Create the upload endpoint", "status": "complete",
     "output": "api/avatar.py", "timestamp": "2026-01-15T10:30:00Z"},
    {"step": 2, "task": "Resize the image", "status": "in-progress", "assigned_to": "implementer",
     "started": "2026-01-15T11:00:00Z", "notes": "waits for the library's licence"}
  ],
  "failures": [
    {"step": 1, "attempt": 1, "error": "the size limit was not checked", "resolution": "checked before reading",
     "timestamp": "2026-01-15T10:10:00Z"}
  ],
  "decisions": ["Images are kept in the object store, not in the database"]
}"""


def test_the_form_that_people_know_validates() -> None:
    told = json.loads(Progress.model_validate_json(SAMPLE).model_dump_json(exclude_none=True))
    wanted = json.loads(SAMPLE)
    assert [{key: step[key] for key in known} for step, known in zip(told["steps"], wanted["steps"], strict=True)] == (
        wanted["steps"]
    )
    assert {key: told[key] for key in wanted if key != "steps"} == {
        key: wanted[key] for key in wanted if key != "steps"
    }


def changed(**fields: Any) -> str:
    return json.dumps({**json.loads(SAMPLE), **fields})


@pytest.mark.parametrize(
    "wrong",
    [
        changed(status="nearly"),
        changed(steps=[{"step": 1, "task": "a", "status": "done"}]),
        changed(steps=[{"step": 1, "task": "a", "status": "complete", "timestamp": "2026-01-15T10:30:00"}]),
        changed(steps=[{"step": 1, "task": "a", "status": "complete", "timestamp": "yesterday"}]),
        changed(failures=[{"step": 1, "attempt": 1, "error": "e", "timestamp": "2026-01-15T10:30:00Z"}]),
        changed(mood="good"),
    ],
)
def test_what_is_not_of_the_form_is_refused(wrong: str) -> None:
    with pytest.raises(ValidationError):
        Progress.model_validate_json(wrong)
