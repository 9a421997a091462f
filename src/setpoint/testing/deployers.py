"""A deployer in memory that keeps the promises of `deployer_contract`."""

from datetime import UTC, datetime

from ..model.release import Environment, Release, StepResult

_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class MemoryDeployer:
    """Deployer that runs nothing; `failing` holds the steps that fail, as (step, sha)."""

    def __init__(self) -> None:
        self.failing: set[tuple[str, str]] = set()
        self.ran: list[tuple[str, str, str]] = []
        """Environment, step and sha of what was done, oldest first."""
        self._results: dict[str, list[tuple[str, Release | None, StepResult]]] = {}

    async def current(self, environment: Environment) -> Release | None:
        for step, release, result in reversed(self._results.get(environment.name, [])):
            if result.ok and step in ("smoke", "rollback"):
                return release
        return None

    async def deploy(self, environment: Environment, release: Release) -> StepResult:
        return self._once(environment, "deploy", release, ("deploy", "rollback"))

    async def smoke(self, environment: Environment, release: Release) -> StepResult:
        return self._once(environment, "smoke", release, ("deploy", "smoke", "rollback"))

    async def rollback(self, environment: Environment, to: Release | None) -> StepResult:
        return self._once(environment, "rollback", to, ("deploy", "smoke", "rollback"))

    def _once(self, environment: Environment, step: str, release: Release | None, among: tuple[str, ...]) -> StepResult:
        done = self._results.setdefault(environment.name, [])
        last = next((entry for entry in reversed(done) if entry[0] in among), None)
        if last and last[:2] == (step, release):
            return last[2]
        sha = release.sha if release else ""
        ok = (step, sha) not in self.failing
        result = StepResult(environment=environment.name, step=step, ok=ok, exit_code=0 if ok else 1, at=_EPOCH)
        self.ran.append((environment.name, step, sha))
        done.append((step, release, result))
        return result
