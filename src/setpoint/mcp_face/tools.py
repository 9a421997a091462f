"""What an agent may do here, each a use case of the house. Approving, rejecting and stopping are a person's."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from ..app import House
from ..errors import UsageError
from ..model.run import Run
from ..model.ticket import Kind

MOST_ENTRIES = 200
LONGEST = 60_000
"""Characters of one artifact or output."""

OpenHouse = Callable[[], AbstractAsyncContextManager[House]]


def house_at(folder: Path) -> OpenHouse:
    """Opens the house of the repository around `folder`, as it is configured now; closes it again."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[House]:
        house = await House.open(folder)
        try:
            yield house
        finally:
            await house.close()

    return opened


class Tools:
    """The tools, by the names of the methods. Each raises SetpointError with what, why and what next."""

    def __init__(self, opened: OpenHouse) -> None:
        self._opened = opened

    async def submit_ticket(self, text: str, name: str = "", kind: str = "") -> dict[str, Any]:
        """Queue a ticket: what is wanted, in Markdown, with checkable sentences. `kind`: feature, hotfix or epic; left
        out it is told from the ticket's shape. The base's own gates run first. A worker carries the run; a person
        approves its plan and its change."""
        chosen = _kind(kind)
        async with self._opened() as house:
            started = await house.submit(text, name=name, kind=chosen, detach=True)
            run = house.write_progress(started.run)
            gates = [f"{result.gate}: {result.reason}" for result in started.baseline]
            return {**_line(run), "branch": run.branch, "base_gates": gates, "warnings": list(started.warnings)}

    async def list_runs(self, waiting: bool = False) -> dict[str, Any]:
        """All runs, those that wait for a person first. `waiting`: only those."""
        from ..service.lines import lines

        async with self._opened() as house:
            found = [line.model_dump(mode="json") for line in lines(house.looking)]
        return {"runs": [line for line in found if line["state"] == "waiting" or not waiting]}

    async def get_run(self, run: str) -> dict[str, Any]:
        """Where a run is: stages, error per round, open objections, gates, questions, cost, and what comes next."""
        async with self._opened() as house:
            return house.view(house.store.run(run)).model_dump(mode="json")

    async def get_log(self, run: str, after: int = 0, limit: int = 100) -> dict[str, Any]:
        """What happened in a run, in order, from the entry after number `after` on."""
        async with self._opened() as house:
            found = house.looking.run(run)
            events = house.looking.events(found.id, after, max(1, min(limit, MOST_ENTRIES)))
        entries = [event.model_dump(mode="json") for event in events]
        return {"run": found.id, "entries": entries, "last": events[-1].seq if events else after}

    async def list_artifacts(self, run: str) -> dict[str, Any]:
        """The deliverables that stand (specs, plan, tests, change, review), by cycle, with their digests."""
        async with self._opened() as house:
            found = house.store.run(run)
            rows = house.store.deliverables(found.id)
        names = ("cycle", "name", "sha256")
        return {"run": found.id, "artifacts": [dict(zip(names, row[:3], strict=True)) for row in rows]}

    async def get_artifact(self, run: str, name: str, cycle: int = 0) -> dict[str, Any]:
        """One deliverable, whole; of the last cycle that has it unless `cycle` says which."""
        async with self._opened() as house:
            found = house.store.run(run)
            rows = [row for row in house.store.deliverables(found.id) if row[1] == name and row[0] == (cycle or row[0])]
            known = sorted({row[1] for row in house.store.deliverables(found.id)})
        if not rows:
            why = f"there are: {', '.join(known)}" if known else "it has none yet"
            raise UsageError(f"run {found.id} has no artifact `{name}`", why=why, fix="list_artifacts names them")
        number, _, digest, content = rows[-1]
        return {"run": found.id, "cycle": number, "name": name, "sha256": digest, "content": content}

    async def list_findings(self, run: str) -> dict[str, Any]:
        """What is wrong with a run's work now: the open objections of its last round, and what lies outside it."""
        async with self._opened() as house:
            view = house.view(house.store.run(run))
        objections = [objection.model_dump(mode="json") for objection in view.objections]
        outside = [follow_up.model_dump(mode="json") for follow_up in view.follow_ups]
        return {"run": view.id, "stage": view.stage, "objections": objections, "follow_ups": outside}

    async def get_evidence(self, run: str, gate: str = "") -> dict[str, Any]:
        """What the verdicts of a run's gates and checks rest on: tree, command, environment, how much was examined,
        digests of output and pictures. `gate`: of one."""
        async with self._opened() as house:
            found = house.store.run(run)
            results = house.store.results(found.id)
        rows = [
            {"stage": stage, **result.model_dump(mode="json")} for stage, result in results if gate in ("", result.gate)
        ]
        if gate and not rows:
            known = ", ".join(sorted({result.gate for _, result in results})) or "none yet"
            raise UsageError(
                f"run {found.id} has no evidence of `{gate}`", why=f"there is: {known}", fix="leave it out"
            )
        return {"run": found.id, "results": rows[-MOST_ENTRIES:]}

    async def answer_question(self, run: str, answer: str, question: str = "") -> dict[str, Any]:
        """Answer a question of a run's session in words. What a session asks to be allowed is a person's to approve,
        not yours. A worker carries the run on."""
        async with self._opened() as house:
            found = house.store.run(run)
            open_ = [
                one for one, _ in house.store.questions(found.id) if not one.answer and one.id.startswith(question)
            ]
            if any(one.requests for one in open_[:1]):
                raise UsageError(
                    "this question asks to be allowed something, and only a person allows",
                    why="; ".join(open_[0].requests),
                    fix=f"a person runs `setpoint approve {found.id}` or `setpoint answer {found.id} '…'`",
                )
            house.open_queue()
            moved = house.write_progress(await house.commands.answer(run, answer, question=question, way="over MCP"))
        return _line(moved)


def _line(run: Run) -> dict[str, Any]:
    position = run.position
    return {"run": run.id, "state": position.state.value, "stage": position.stage, "waits": position.waits.value}


def _kind(word: str) -> Kind | None:
    try:
        return Kind(word) if word else None
    except ValueError as error:
        raise UsageError(f"there is no kind `{word}`", fix="feature, hotfix or epic, or leave it out") from error
