"""Where a change is tried: rooms on any tree, and what earlier trials found out. Nothing is run twice on one tree."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from ..gates.change_set import ChangeSet
from ..gates.commands import words
from ..gates.environment import environment_digest
from ..gates.grounds import Checkout
from ..gates.images import Images
from ..gates.judge import PARALLEL, run_gates
from ..gates.protected import LOCK_FILES
from ..gates.run import Keep, sha256
from ..model.change import Entry, TestClaim
from ..model.evidence import GateResult, Outcome
from ..model.gate import Gate, TaskGate, day_of
from ..model.judgement import Measured
from ..model.record import digest_of
from ..model.settings import Checks
from ..policy.decide import Policy
from ..ports import Archive, Room, Trees


@dataclass(frozen=True)
class Terms:
    """What a change is judged by, besides its own files."""

    gates: Mapping[str, Gate] = field(default_factory=dict)
    """The base's own."""
    policy: Policy | None = None
    """What the change may do; None: nobody has set boundaries, and only what no change may do is minded."""
    implementing: bool = False
    """Whether the change was made by a session whose tests are approved and frozen."""
    approved: Mapping[str, bytes] = field(default_factory=dict)
    """The approved tests by path."""
    claims: tuple[TestClaim, ...] = ()
    """Which test proves what, where somebody said it."""
    checks: Mapping[str, Gate] = field(default_factory=dict)
    """Checks of one plan task, beside the gates."""
    whole: bool = True
    """Whether all of the change is there, so that every gate must hold."""
    quick: bool = False
    """Leave the commands out when the files alone are reason enough to object."""
    declared: tuple[str, ...] = ()
    """What the ticket's criteria say: a break that they name was asked for."""
    settings: Checks = field(default_factory=Checks)

    def digest(self) -> str:
        """The same for the same terms, as far as commands are concerned."""
        told = {
            "gates": {name: gate.digest() for name, gate in self.gates.items()},
            "checks": {name: gate.digest() for name, gate in self.checks.items()},
            "approved": {path: sha256(content) for path, content in self.approved.items()},
            "claims": [claim.digest() for claim in self.claims],
            "flags": [self.implementing, self.whole],
            "settings": self.settings.digest(),
            "day": day_of({**self.gates, **self.checks}),
        }
        return digest_of(told)

    @property
    def optional(self) -> frozenset[str]:
        """Gates whose word is told and does not count."""
        return frozenset(name for name, gate in self.gates.items() if not gate.required)


@dataclass(frozen=True)
class Lab:
    """Rooms, trees and the archive of one repository."""

    trees: Trees
    checkout: Checkout
    archive: Archive
    mark: str
    """Moves when the tools of the rooms may have moved."""
    code: str
    """Moves when this program does: what it found out before may be found out otherwise now."""
    keep: Keep = sha256
    images: Images | None = None
    """Builds container images; None: nothing does."""
    _entries: dict[str, Mapping[str, Entry]] = field(default_factory=dict, repr=False)

    async def entries(self, tree: str) -> Mapping[str, Entry]:
        """All files of a tree."""
        if tree not in self._entries:
            self._entries[tree] = await self.trees.entries(tree)
        return self._entries[tree]

    async def environment(self, tree: str, gates: Mapping[str, Gate]) -> str:
        """Digest of what results on `tree` depend on besides it."""
        files = await self.entries(tree)
        folders = {gate.where for gate in gates.values()}
        locks = {
            path: files[path].name
            for path in (name if folder == "." else f"{folder}/{name}" for folder in folders for name in LOCK_FILES)
            if path in files
        }
        tools = sorted({words(gate.run).tool for gate in gates.values()})
        key = digest_of({"environment": self.mark, "locks": locks, "tools": tools, "where": sorted(folders)})
        known = self.archive.find(key)
        if not isinstance(known, str):
            async with self.checkout(tree, None) as room:
                known = await environment_digest(room, gates)
            self.archive.keep(key, known)
        return known

    async def results(
        self, tree: str, gates: Mapping[str, Gate], *, environment: str, reruns: int = 2
    ) -> tuple[GateResult, ...]:
        """One result a gate on `tree`, in the order of `gates`; what is known of it is not run again."""
        known = {name: found for name, gate in gates.items() if (found := self._known(tree, name, gate, environment))}
        missing = {name: gate for name, gate in gates.items() if name not in known}
        for together in _shared(missing):
            async with self.checkout(tree, None) as room:
                ran = await run_gates(
                    together, room, tree=tree, environment=environment, keep=self.keep, parallel=PARALLEL, reruns=reruns
                )
            for result in ran:
                known[result.gate] = result
                if result.outcome is not Outcome.REFUSED:
                    self.archive.keep(self._key(tree, result.gate, gates[result.gate], environment), _dumped(result))
        return tuple(known[name] for name in gates)

    def _known(self, tree: str, name: str, gate: Gate, environment: str) -> GateResult | None:
        kept = self.archive.find(self._key(tree, name, gate, environment))
        return GateResult.model_validate(kept) if kept else None

    def _key(self, tree: str, name: str, gate: Gate, environment: str) -> str:
        told = {"tree": tree, "name": name, "gate": gate.digest(), "in": environment, "by": self.code}
        return digest_of({**told, "day": day_of({name: gate})})

    async def once(self, key: str, find: Callable[[], Awaitable[Sequence[Measured]]]) -> tuple[Measured, ...]:
        """What `find` measures, or measured before under `key`. A refusal answers for nothing: it is tried again."""
        kept = self.archive.find(key)
        if kept is not None:
            return tuple(Measured.model_validate(one) for one in kept)
        found = tuple(await find())
        if all(one.result.outcome is not Outcome.REFUSED for one in found):
            self.archive.keep(key, [one.model_dump(mode="json") for one in found])
        return found


def _shared(gates: Mapping[str, Gate]) -> Iterator[Mapping[str, Gate]]:
    """Gates that may share a room. A check of several steps has one of its own: it writes databases and logs."""
    alone = {name for name, gate in gates.items() if isinstance(gate, TaskGate) and gate.steps}
    rest = {name: gate for name, gate in gates.items() if name not in alone}
    if rest:
        yield rest
    for name in gates:
        if name in alone:
            yield {name: gates[name]}


def _dumped(result: GateResult) -> object:
    return result.model_dump(mode="json")


@dataclass(frozen=True)
class Trial:
    """One change, the terms it is judged by, and where."""

    change: ChangeSet
    """From the untouched base."""
    own: ChangeSet
    """What is judged as this work: the same, or what came after the approved tests."""
    terms: Terms
    lab: Lab
    judged: str
    """The tree that gates run on: the change with the base's configuration and the approved tests over it."""
    environment: str
    base_results: Mapping[str, GateResult] = field(default_factory=dict)
    """The gates on the untouched base."""
    told: list[Measured] = field(default_factory=list, repr=False)
    """What the gates said of the judged tree, once they were asked."""

    @property
    def asked(self) -> Mapping[str, Gate]:
        """The gates that must say something."""
        return {**self.terms.checks, **(self.terms.gates if self.terms.whole else {})}

    def plant_head(self, overlay: dict[str, bytes | None]) -> AbstractAsyncContextManager[Room]:
        """A throw-away room of the judged tree."""
        return self.lab.checkout(self.judged, overlay)

    def plant_base(self, overlay: dict[str, bytes | None]) -> AbstractAsyncContextManager[Room]:
        """A throw-away room of the untouched base."""
        return self.lab.checkout(self.change.base, overlay)

    def of_head(self, result: GateResult) -> GateResult:
        """A result on the judged tree as evidence of the change; what was laid over it is the base's, told beside."""
        evidence = result.evidence.model_copy(update={"tree": self.change.head})
        return result.model_copy(update={"evidence": evidence})

    def key(self, name: str) -> str:
        """What an answer of check `name` on this trial is kept under."""
        trees = [self.change.base, self.own.base, self.change.head, self.judged]
        told = {"check": name, "by": self.lab.code, "trees": trees, "terms": self.terms.digest()}
        return digest_of({**told, "in": self.environment})
