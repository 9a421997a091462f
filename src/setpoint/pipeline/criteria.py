"""The set point of a cycle: its criteria, its boundaries, and checks that need no model."""

from collections import Counter
from collections.abc import Sequence

from ..errors import BugError
from ..model.approval import Answer
from ..model.boundary import Boundaries
from ..model.objection import Deviation, Objection
from ..model.plan import Plan
from ..model.spec import Diagnosis
from ..model.ticket import Criterion, Kind, Ticket
from ..policy.action import Action
from ..policy.approvals import forgeries
from ..policy.compile import CEILING, beyond, closed_by, compile_boundaries, limits_of, refused, widened
from ..policy.rules import Rules, closing, lay, opened
from .bench import Ground
from .counting import voices_of
from .document import objection
from .grants import granted_requests, plan_mark
from .policies import rules_of
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
    """What the run may do: policy, plan or diagnosis, ticket, each only narrowing, and what a named person opened."""
    asked = granted_requests(ground)
    ticket = limits_of(ground.run.ticket.boundaries)
    compiled = compile_boundaries(run_rules(ground).boundaries(), planned_of(ground), ticket)
    return widened(compiled, asked)


def run_rules(ground: Ground) -> Rules:
    """The policy the run stands under. What the ticket's own words close is closed to everybody; what a named person
    said yes to, with the plan or while it was under way, is open."""
    closed = closing(closed_by(ground.run.ticket.boundaries))
    return opened(lay(rules_of(ground), closed), opened_by_person(ground))


def opened_by_person(ground: Ground) -> tuple[Action, ...]:
    """What named persons said yes to, with the plan and while the run was under way."""
    return (*_granted_plan(ground), *granted_requests(ground))


def planned_of(ground: Ground) -> Boundaries:
    """What the plan, or the diagnosis, wants to do. Raises BugError before there is one."""
    plan = plan_of(ground)
    if plan:
        return plan.boundaries
    content = ground.given("diagnosis")
    if content is None:
        raise BugError("boundaries were asked for before plan or diagnosis")
    return Boundaries(
        paths=Diagnosis.model_validate(content).paths, max_files=CEILING.max_files, max_lines=CEILING.max_lines
    )


def wished(ground: Ground, plan: Plan) -> tuple[Action, ...]:
    """What the plan wants and policy leaves to a person: asked in one batch with the plan decision."""
    return beyond(rules_of(ground), plan.boundaries, ground.run.ticket.boundaries)


def _granted_plan(ground: Ground) -> tuple[Action, ...]:
    """The `wished` actions that a named person said yes to by approving this very plan."""
    plan = plan_of(ground)
    wanted = wished(ground, plan) if plan else ()
    return wanted if wanted and _plan_approved(ground) else ()


def _plan_approved(ground: Ground) -> bool:
    given = ground.bench.store.approvals(ground.run.id, ground.position.cycle, "plan")
    if not given or given[-1].answer is not Answer.GRANTED or given[-1].subject != plan_mark(ground, "plan"):
        return False
    return not forgeries(given[-1], voices_of(ground, ground.config, "plan"))


def check_criteria(ticket: Ticket, criteria: Sequence[Criterion]) -> list[Objection]:
    """Ids once each, at least one criterion, and source tags that are true."""
    found: list[Objection] = []
    if not criteria:
        found.append(objection("criteria: there is none", "without a criterion nothing can be measured"))
    for name, times in Counter(criterion.id for criterion in criteria).items():
        if times > 1:
            found.append(objection(f"criteria: {name} stands {times} times", "an id names one criterion"))
    return [*found, *untrue_tags(ticket, criteria)]


def served(plan: Plan, criteria: Sequence[Criterion]) -> list[Objection]:
    """Criteria that no task serves, and what tasks serve that is none."""
    known = {criterion.id for criterion in criteria}
    worked_on = {name for task in plan.tasks for name in task.criteria}
    found = [
        objection(f"tasks: no task serves {name}", "a criterion nobody works on") for name in sorted(known - worked_on)
    ]
    return found + [
        objection(f"tasks: {name} is not a criterion", "tasks serve the spec's criteria")
        for name in sorted(worked_on - known)
    ]


def check_plan(ground: Ground, plan: Plan) -> list[Objection]:
    """Every criterion is served by a task, every task stays inside the boundaries the ticket set."""
    ticket = ground.run.ticket.boundaries
    found = served(plan, criteria_of(ground))
    if plan.boundaries.migrations and "database schema" in ticket.frozen:
        found.append(_wider("migrations are allowed by the plan and forbidden by the ticket"))
    if plan.boundaries.dependencies and "dependencies" in ticket.frozen:
        found.append(_wider("new dependencies are allowed by the plan and forbidden by the ticket"))
    return [*found, *_never(ground, plan)]


def _never(ground: Ground, plan: Plan) -> list[Objection]:
    """What the plan wants and no person can allow under the policy of the base."""
    return [
        _wider(f"{action.kind} {action.subject}: {why}") for action, why in refused(rules_of(ground), plan.boundaries)
    ]


def _wider(what: str) -> Objection:
    return objection(
        f"boundaries: {what}", "a plan may narrow what the ticket allows, never widen it", Deviation.BOUNDARY
    )
