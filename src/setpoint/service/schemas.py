"""The schemas people and agents read, made from the records."""

from collections.abc import Callable
from typing import Any

from ..model.approval import Approval, HandOver
from ..model.change import AcceptanceTests, Change, CiFix, Lessons
from ..model.change_record import ChangeRecord
from ..model.evidence import Evidence, GateResult
from ..model.judgement import Judgement, Waiver
from ..model.objection import Objection
from ..model.plan import Plan
from ..model.policy import PolicyFile
from ..model.progress import Progress
from ..model.record import Record
from ..model.release import PullRequest, Release
from ..model.review import Review, Verdict
from ..model.settings import Config
from ..model.spec import Diagnosis, FunctionalSpec, Split, TechSpec
from ..model.ticket import Ticket
from .verify import Verified
from .why import Because


def _judgement() -> dict[str, Any]:
    return Judgement.model_json_schema(mode="serialization")


def _trace() -> dict[str, Any]:
    from .trace import Trace  # brings the readers of coverage with it

    return Trace.model_json_schema()


DELIVERABLES: dict[str, type[Record]] = {
    "functional_spec": FunctionalSpec,
    "diagnosis": Diagnosis,
    "tech_spec": TechSpec,
    "plan": Plan,
    "split": Split,
    "tests": AcceptanceTests,
    "change": Change,
    "review": Review,
    "ci_fix": CiFix,
    "lessons": Lessons,
    "verdict": Verdict,
}
"""What sessions hand in through `submit_<name>`."""

SCHEMAS: dict[str, Callable[[], dict[str, Any]]] = {
    **{name: record.model_json_schema for name, record in DELIVERABLES.items()},
    "ticket": Ticket.model_json_schema,
    "objection": Objection.model_json_schema,
    "evidence": Evidence.model_json_schema,
    "gate_result": GateResult.model_json_schema,
    "approval": Approval.model_json_schema,
    "change-record": ChangeRecord.model_json_schema,
    "hand_over": HandOver.model_json_schema,
    "pull_request": PullRequest.model_json_schema,
    "release": Release.model_json_schema,
    "judgement": _judgement,
    "verified": Verified.model_json_schema,
    "trace": _trace,
    "because": Because.model_json_schema,
    "progress": Progress.model_json_schema,
    "waiver": Waiver.model_json_schema,
    "config": Config.model_json_schema,
    "policy": PolicyFile.model_json_schema,
}
"""Schema by name, the deliverables first."""
