"""What happens around work by hand: the state that is kept before it, and what becomes of it when it is handed back."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError

from ..errors import TicketError, UsageError
from ..gates.frozen import is_test_path
from ..model.run import Run, Waits
from ..pipeline.advance import DELIVERS
from ..pipeline.bench import Ground
from ..pipeline.by_hand import beyond_sessions, contents, place_of
from ..pipeline.judging import approved_files, closed_policy
from ..pipeline.messages import commit_message, hand_message
from ..pipeline.moved_base import pending
from ..pipeline.papers.layouts import PAPERS
from ..pipeline.papers.read import parse
from ..pipeline.prompts import untrusted
from ..pipeline.rounds import Write
from ..pipeline.routes import Phase

BEFORE_TESTS = frozenset({"discovery", "tech_spec", "planning", "plan", "diagnosis", "split", "children"})
"""Steps at which nothing is built yet."""
SHOWN = 8000
"""Characters of an edit that a session is told of; the files themselves lie before it."""


@dataclass(frozen=True)
class Written:
    """A deliverable that a person wrote."""

    text: str
    called: str


@dataclass(frozen=True)
class HandedBack:
    """What a person changed while the workspace was theirs."""

    files: tuple[str, ...]
    diff: str
    deciding: bool
    """A decision was open when they took it."""
    beyond: Mapping[str, str] = field(default_factory=dict)
    """Files among them that no session may write, with their contents' names."""

    def told(self, by: str, because: str) -> str:
        """What the session that goes on is told."""
        named = ", ".join(map(repr, self.files[:20]))
        return f"{by} changed the workspace by hand ({named}). {because}\n\n" + untrusted(
            "What they changed", self.diff, SHOWN
        )


async def taking(ground: Ground, by: str) -> list[Write]:
    """Keep the workspace as it is; what a session has in it so far is committed as the session's, so that the person's
    own commit holds nothing but theirs."""
    workspace = await ground.workspace()
    before = await workspace.autosave("before manual work")
    if await _commits(ground):
        await workspace.commit(commit_message(ground, "work so far", f"Before {by} goes on by hand."))
    # Between two tasks a person's yes may be open: taking the workspace is no yes.
    deciding = ground.position.waits is Waits.DECISION
    taken = {"by": by, "at": before, "deciding": deciding, "serial": ground.position.serial}
    return [lambda tx: tx.remember(ground.run.id, "taken", taken)]


def may_be_edited(run: Run) -> str:
    """What a person who takes `run` may change now."""
    if run.position.stage in BEFORE_TESTS:
        return f"the run is at {run.position.stage}: nothing is built yet, and no file is edited before there are tests"
    if run.position.stage == "tests":
        return "tests may be written and edited; code comes after them"
    return "any file may be edited; approved tests and locked papers stay as they are"


async def _commits(ground: Ground) -> bool:
    """Whether the branch carries code, and no merge waits to be mended in the workspace."""
    if ground.position.stage in (*BEFORE_TESTS, "tests"):
        return False
    return await pending(ground, await ground.workspace()) is None


async def looked_at(ground: Ground) -> HandedBack:
    """What the person changed. Raises UsageError for what stays locked."""
    workspace, stage = await ground.workspace(), ground.position.stage
    taken = ground.bench.store.recall(ground.run.id, "taken") or {"at": ground.run.base}
    files = tuple(await workspace.changed(taken["at"]))
    joined = await pending(ground, workspace)
    _require_open(ground, files, mends=joined is not None)
    beyond: dict[str, str] = {}
    if files and stage not in (*BEFORE_TESTS, "tests") and joined is None:
        names = beyond_sessions(closed_policy(ground), files)
        beyond = contents(await ground.bench.trees.entries(await workspace.tree()), names)
    return HandedBack(files, await workspace.diff(taken["at"]), bool(taken.get("deciding")), beyond)


def _require_open(ground: Ground, files: Sequence[str], *, mends: bool) -> None:
    stage, run = ground.position.stage, ground.run.id
    early = [path for path in files if stage in BEFORE_TESTS or (stage == "tests" and not is_test_path(path))]
    if early:
        raise UsageError(
            f"it is too early to edit {', '.join(early[:5])}",
            why=f"the run is at {stage}: code comes after tests that fail without it",
            fix="put the files back and give; edit once the tests are sealed",
        )
    locked = [] if mends or stage == "tests" else [path for path in files if path in approved_files(ground)]
    if locked:
        raise UsageError(
            f"{', '.join(locked[:5])} is locked: an approved test",
            why="what was approved is not changed afterwards; the change is measured by it",
            fix=f"put it back and give; then `setpoint retry {run} --from tests` for other tests, or "
            f"`setpoint forward {run} -m '…'` for what is missing",
        )


async def giving(ground: Ground, back: HandedBack, by: str, because: str) -> list[Write]:
    """Commit the edit as the person's, and write down what it was."""
    workspace, commit = await ground.workspace(), ""
    if back.files and await _commits(ground):
        commit = await workspace.commit(hand_message(ground, by, because))
    told = {"by": by, "files": list(back.files), "because": because}
    told |= {"commit": commit} if commit else {}
    told |= {"signed": sorted(back.beyond)} if back.beyond else {}
    here = {"serial": ground.position.serial, "place": place_of(ground.position), "by": by}
    # Should it come back to the person at once, what they add is told from here.
    before = ground.bench.store.recall(ground.run.id, "taken") or {}
    since = {**before, "at": await workspace.autosave("handed back by hand"), "deciding": False}
    return [
        lambda tx: tx.remember(ground.run.id, "taken", since),
        lambda tx: tx.event(ground.run.id, "manual", ground.position.stage, told),
        lambda tx: tx.remember(ground.run.id, "given", here),
    ]


# -- a deliverable by hand ---------------------------------------------------------------------------------------------


def handing_in(ground: Ground, paper: Written | None, by: str) -> list[Write]:
    """Keep what a person wrote as the hand-in of the next attempt. Raises UsageError, or TicketError that names the
    line, for what is no deliverable of this phase."""
    stage = ground.position.stage
    step = ground.route.step(stage)
    name = DELIVERS.get(stage, stage)
    if paper is None:
        if ground.by_person and stage != "implementation":
            fix = f"`setpoint give {ground.run.id} --paper FILE`; `setpoint schema {name}` says what it holds"
            raise UsageError(f"{stage} hands in a {name.replace('_', ' ')}, and none was given", fix=fix)
        return []
    if not isinstance(step, Phase) or stage in ("implementation", "review", "ci_fix", "edge_tests"):
        raise UsageError(f"{stage} hands in no paper", fix=f"`setpoint give {ground.run.id}` without --paper")
    content = _read(ground, name, paper, step)
    at = {"serial": ground.position.serial, "place": place_of(ground.position)}
    fact = {**at, "content": content, "source": paper.called, "by": by}
    key = f"paper:{stage}:{ground.position.cycle}"
    told = {"name": name, "source": paper.called, "by": by}
    return [
        lambda tx: tx.remember(ground.run.id, key, fact),
        lambda tx: tx.event(ground.run.id, "paper", stage, told),
    ]


def _read(ground: Ground, name: str, paper: Written, step: Phase) -> dict[str, object]:
    if name in PAPERS and not paper.text.lstrip().startswith("{"):
        spec = ground.given("functional_spec") or {"criteria": []}
        known = [str(criterion["id"]) for criterion in spec["criteria"]]
        try:
            return parse(name, paper.text, paper.called, known=known).model_dump(mode="json")
        except TicketError as error:
            raise TicketError(error.what, fix="mend it and give it again") from error
    try:
        return step.gives.model_validate(json.loads(paper.text)).model_dump(mode="json")
    except json.JSONDecodeError as error:
        what = f"{paper.called}:{error.lineno}: a {name.replace('_', ' ')} is handed in as JSON here: {error.msg}"
        raise TicketError(what, fix=f"`setpoint schema {name}` says what it holds") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        what = f"{paper.called}: {where}: {first['msg']}"
        raise TicketError(what, fix=f"`setpoint schema {name}` says what it holds") from error
