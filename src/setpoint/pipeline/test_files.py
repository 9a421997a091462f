"""What sessions that write tests have in common: where they may write, and what their tests must prove."""

from ..errors import DeniedError
from ..loop.attempt import Handed
from ..model.change import AcceptanceTests
from ..model.objection import Deviation, Objection, Place, Severity, Source
from ..model.session import Asked, SessionId
from ..policy.decide import Policy
from ..policy.paths import canonical
from ..ports import Workspace
from .artifacts import deliverable_text
from .bench import Ground
from .context import brief
from .desk import Handing, Sitting
from .prompts import prompt
from .requests import policy_for
from .rounds import later_turns
from .working import build

TEST_PATHS = (
    "tests/**",
    "test/**",
    "spec/**",
    "**/tests/**",
    "**/test/**",
    "**/__tests__/**",
    "test_*.py",
    "**/test_*.py",
    "**/*_test.py",
    "**/*.test.*",
    "**/*.spec.*",
)
"""Where tests are written; `is_test_path` decides each file."""


def specified(ground: Ground) -> str:
    """Spec and plan, or the diagnosis: what the tests must prove."""
    names = ("functional_spec", "plan") if ground.given("plan") else ("diagnosis",)
    return brief(*(deliverable_text(name, ground.given(name) or {}) for name in names))


def bounded_to_tests(ground: Ground) -> Policy:
    """What the run may do, with only test files open, wherever tests lie."""
    policy = policy_for(ground)
    boundaries = policy.boundaries.model_copy(update={"paths": TEST_PATHS})
    return policy.model_copy(update={"boundaries": boundaries, "rules": policy.rules.model_copy(update={"paths": ()})})


def unusable_test(path: str) -> Objection | None:
    """An objection to a file name that cannot be sealed; None for one that can."""
    try:
        if canonical(path) is not None and path.isprintable() and path.encode("utf-8"):
            return None
    except (DeniedError, UnicodeEncodeError):
        pass
    said = {"what": f"{path!r} is no name for a test file", "cause": "use printable names without links", "place": None}
    return no_test_file(path).model_copy(update=said)


def no_test_file(path: str) -> Objection:
    """The objection to a written file that is no test."""
    return Objection(
        source=Source.BOUNDARY,
        deviation=Deviation.BOUNDARY,
        severity=Severity.HIGH,
        what=f"{path} is not a test file",
        cause="this phase writes tests only; the code comes after them",
        place=Place(path=path),
    )


async def written_tests(
    ground: Ground, workspace: Workspace, session: SessionId, loop: str, phase: str, told: str, policy: Policy
) -> tuple[Handing, Handed | Asked]:
    """Let `session` of `phase` write tests and hand them in; after its brief (`told`) come the rounds of `loop`."""
    sitting = Sitting(
        session=session,
        prompt=prompt(phase),
        deliverable="tests",
        record=AcceptanceTests,
        brief=told,
        turns=later_turns(ground, session, [loop]),
    )
    handing = await build(ground, sitting, workspace, policy)
    if isinstance(handing, Asked):
        return Handing(None), handing
    tree = await workspace.tree()
    content = handing.record.model_dump(mode="json") if handing.record else {}
    usd = ground.bench.store.run(ground.run.id).cost.usd
    claims = sorted(str(claim) for claim in content.get("tests", []))
    return handing, Handed(content=content, diff=f"{tree}:{claims}", usd=usd)
