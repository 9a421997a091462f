"""All proofs of one tests gate on one change: its report can be believed, no test is lost, new tests prove what they
say, and faults in the changed lines are noticed."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..model.evidence import GateResult
from ..model.gate import Gate
from ..model.judgement import Measured
from .change_proof import prove_change, still_reported
from .change_set import ChangeSet
from .frozen import is_test_file
from .measured import vacuous
from .mutation import MOST, SECONDS, mutants
from .redproof import Named
from .run import Keep, is_test_tool, sha256
from .trusted import Plant, run_wired, untrusted


@dataclass(frozen=True)
class Proofs:
    """Where a change is proved, and within what."""

    change: ChangeSet
    name: str
    gate: Gate
    """The base's own tests gate."""
    base: Plant
    """Rooms of the untouched base."""
    head: Plant
    """Rooms of the change as it is judged: the base's configuration and the approved tests over it."""
    environment: str
    claims: Sequence[Named] = ()
    """Tests that somebody promised; none: those of the change are proved as what they are."""
    on_base: GateResult | None = None
    """The gate on the untouched base, where it was run."""
    seconds: float = SECONDS
    """For the faults in the changed lines; 0 leaves them out."""
    most: int = MOST
    keep: Keep = sha256

    async def tests(self) -> Measured:
        """The gate, with tripwires among its tests."""
        near = [claim.id.partition("::")[0] for claim in self.claims]
        near += [delta.path for delta in self.change.deltas if is_test_file(delta.path) and not delta.deleted]
        return await run_wired(
            self.name,
            self.gate,
            self.head,
            tree=self.change.head or "head",
            environment=self.environment,
            base=self.base,
            near=list(dict.fromkeys(near)),
            changed=self.change.paths,
            keep=self.keep,
        )

    async def of_tests(self, result: GateResult) -> tuple[Measured, ...]:
        """What follows from the gate's result on the change. Faults are put in where the tests are green: the others
        have told already."""
        found = []
        if self.on_base is not None and result.tests and not untrusted(result):
            found.append(still_reported(self.on_base, result, self.change))
        if is_test_tool(self.gate):
            found.append(
                await prove_change(
                    self.change,
                    self.gate,
                    self.base,
                    self.head,
                    claims=self.claims,
                    environment=self.environment,
                    keep=self.keep,
                )
            )
        if result.green and self.seconds > 0:
            found.append(
                await mutants(
                    self.change,
                    self.gate,
                    self.head,
                    claims=self.claims,
                    environment=self.environment,
                    seconds=self.seconds,
                    most=self.most,
                )
            )
        return tuple(one for one in found if not vacuous(one))

    async def all(self) -> tuple[Measured, ...]:
        """The gate and all that follows."""
        tests = await self.tests()
        return (tests, *await self.of_tests(tests.result))
