"""What follows from a run whose papers are locked: a ticket of its own for what is missing, or a fresh start."""

import json

from ..errors import UsageError
from ..model.run import Run, State
from ..model.spec import FunctionalSpec
from ..pipeline.surface import follow_ups, ticket_of
from ..ports import Store
from .origin import Origin, Taken


def forward_ticket(store: Store, run: Run, words: str, follow_up: str = "") -> str:
    """The ticket that asks for what `run` lacks, in a person's `words` or as a review found it (`follow_up`, the
    beginning of its id). It is linked to the run, and while that one is under way it waits for it."""
    asked = words.strip() or _found(store, run, follow_up)
    if not asked:
        raise UsageError(
            "a follow-up needs words: what is missing?",
            fix=f"`setpoint forward {run.id} -m '…'`, or `--follow-up ID` of `setpoint show {run.id}`",
        )
    title = " ".join(asked.lstrip("# ").split("\n")[0].split())[:120]
    front = [f"title: {json.dumps(title, ensure_ascii=False)}", f"parent: {run.id}"]
    if not run.position.state.final:
        front.append(f"needs: [{json.dumps(run.ticket.id)}]")
    body = asked if asked.startswith("#") else f"# {title}\n\n{asked}"
    told = "\n".join(front)
    return f"---\n{told}\n---\n\n{body}\n\n> Follows from run {run.id}, {run.ticket.title}.\n"


def _found(store: Store, run: Run, prefix: str) -> str:
    if not prefix:
        return ""
    found = [each for each in follow_ups(store, run) if each.fingerprint.startswith(prefix)]
    if len(found) != 1:
        known = ", ".join(each.fingerprint for each in follow_ups(store, run)) or "this run has none"
        raise UsageError(f"{len(found)} follow-ups begin with `{prefix}`", fix=f"one of: {known}")
    return ticket_of(found[0])


def again(store: Store, run: Run, *, keep_spec: bool) -> Origin:
    """What the fresh start of an abandoned run begins with: the ticket, and its functional spec where that is kept."""
    if run.position.state not in (State.CANCELLED, State.DECLINED):
        raise UsageError(f"run {run.id} is {run.position.state.value}: it was not abandoned", fix="`setpoint abandon`")
    if not keep_spec:
        return Origin(parent=run.id)
    content = store.deliverable(run.id, run.position.cycle, "functional_spec")
    if content is None:
        why = "none was accepted before it ended, or its route has none"
        raise UsageError(f"run {run.id} has no functional spec to keep", why=why, fix="leave out --keep-spec")
    spec = FunctionalSpec.model_validate(content)
    return Origin((Taken("functional_spec", spec, f"run {run.id}"),), run.id)
