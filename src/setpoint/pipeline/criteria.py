"""The set point of a cycle: its criteria, its boundaries, and checks that need no model."""

from collections import Counter
from collections.abc import Sequence

from ..errors import BugError
from ..model.approval import Answer
from ..model.boundary import Boundaries
from ..model.objection import Deviation, Objection
from ..model.plan import Plan
from ..model.record import digest_of
from ..model.spec import Diagnosis
from ..model.ticket import Criterion, Kind, Ticket
from ..policy.action import Action, ActionKind
from ..policy.approvals import forgeries
from ..policy.compile import beyond, compile_boundaries
from .bench import Ground
from .counting import voices_of
from .document import objection
from .predecessor import untrue_tags


def criteria_of(ground: Ground) -> tuple[Criterion, ...]:
    """The criteria that the cycle's spec or diagnosis set."""
    content = ground.given("functional_spec") if ground.position.route is not Kind.HOTFIX else ground.given("diagnosis")
    if content is None:
        raise BugError("criteria were asked for before any were set")
    return tuple(Criterion.model_validate(item) for item in content["criteria"])


def plan_of(ground: Ground) -> Plan | None:
    """The plan that stands, on a route that has one."""
    content = ground.given("plan")
    return Plan.model_validate(content) if content else None


def boundaries_of(ground: Ground) -> Boundaries:
    """What the run may do: settings, policy, plan or diagnosis, ticket, each only narrowing."""
    plan = plan_of(ground)
    if plan:
        planned: Boundaries = plan.boundaries
    else:
        content = ground.given("diagnosis")
        if content is None:
            raise BugError("boundaries were asked for before plan or diagnosis")
        planned = Boundaries(paths=Diagnosis.model_validate(content).paths)
    policy, ticket = ground.config.boundaries, ground.run.ticket.boundaries
    return compile_boundaries(policy, planned, ticket, granted=granted_by_person(ground) if plan else ())


def wished(ground: Ground, plan: Plan) -> tuple[Action, ...]:
    """What the plan wants beyond policy and ticket: asked in one batch with the plan decision."""
    return beyond(ground.config.boundaries, plan.boundaries, ground.run.ticket.boundaries)


def granted_by_person(ground: Ground) -> frozenset[ActionKind]:
    """The kinds of `wished` actions that a named person said yes to by approving this very plan; what the ticket's own
    words forbid is never among them."""
    plan = plan_of(ground)
    wanted = wished(ground, plan) if plan else ()
    if not wanted or not _plan_approved(ground):
        return frozenset()
    frozen = ground.run.ticket.boundaries.frozen
    closed = {ActionKind.MIGRATION} if "database schema" in frozen else set()
    closed |= {ActionKind.DEPENDENCY} if "dependencies" in frozen else set()
    return frozenset(action.kind for action in wanted) - closed


def _plan_approved(ground: Ground) -> bool:
    given = ground.bench.store.approvals(ground.run.id, ground.position.cycle, "plan")
    if not given or given[-1].answer is not Answer.GRANTED or given[-1].subject != plan_subject(ground, "plan"):
        return False
    return not forgeries(given[-1], voices_of(ground, ground.config, "plan"))


def plan_subject(ground: Ground, name: str) -> str:
    """Digest of what a person approves at the decision on a document."""
    return digest_of({"run": ground.run.id, name: digest_of(ground.given(name) or {})})


def check_criteria(ticket: Ticket, criteria: Sequence[Criterion]) -> list[Objection]:
    """Ids once each, at least one criterion, and source tags that are true."""
    found: list[Objection] = []
    if not criteria:
        found.append(objection("criteria: there is none", "without a criterion nothing can be measured"))
    for name, times in Counter(criterion.id for criterion in criteria).items():
        if times > 1:
            found.append(objection(f"criteria: {name} stands {times} times", "an id names one criterion"))
    return [*found, *untrue_tags(ticket, criteria)]


def check_plan(ground: Ground, plan: Plan) -> list[Objection]:
    """Every criterion is served by a task, every task stays inside the boundaries the ticket set."""
    ticket = ground.run.ticket.boundaries
    known = {criterion.id for criterion in criteria_of(ground)}
    served = {name for task in plan.tasks for name in task.criteria}
    found = [
        objection(f"tasks: no task serves {name}", "a criterion nobody works on") for name in sorted(known - served)
    ]
    found += [
        objection(f"tasks: {name} is not a criterion", "tasks serve the spec's criteria")
        for name in sorted(served - known)
    ]
    if plan.boundaries.migrations and "database schema" in ticket.frozen:
        found.append(_wider("migrations are allowed by the plan and forbidden by the ticket"))
    if plan.boundaries.dependencies and "dependencies" in ticket.frozen:
        found.append(_wider("new dependencies are allowed by the plan and forbidden by the ticket"))
    return found


def _wider(what: str) -> Objection:
    return objection(
        f"boundaries: {what}", "a plan may narrow what the ticket allows, never widen it", Deviation.BOUNDARY
    )
