"""What every deployer promises, as tests. A subclass gives the fixture `bench`."""

from typing import Protocol

from ..model.release import Environment, Release
from ..ports import Deployer


class DeployerBench(Protocol):
    """A deployer with one environment and three releases: A, B and C."""

    deployer: Deployer
    environment: Environment
    releases: dict[str, Release]

    def fail(self, step: str, release: str) -> None:
        """From now on `step` fails for `release`."""
        ...

    def ran(self) -> list[str]:
        """What was really run, oldest first: `deploy A`, `smoke A`, `rollback A` or `rollback nothing`."""
        ...


async def released(bench: DeployerBench, name: str) -> bool:
    """Deploy and smoke; whether both passed."""
    release = bench.releases[name]
    deployed = await bench.deployer.deploy(bench.environment, release)
    return deployed.ok and (await bench.deployer.smoke(bench.environment, release)).ok


class DeployerContract:
    """Inherited by the tests of every deployer and of its double."""

    async def test_an_untouched_environment_has_no_release(self, bench: DeployerBench) -> None:
        assert await bench.deployer.current(bench.environment) is None

    async def test_a_release_is_current_once_its_smoke_passed(self, bench: DeployerBench) -> None:
        await bench.deployer.deploy(bench.environment, bench.releases["A"])
        assert await bench.deployer.current(bench.environment) is None
        await bench.deployer.smoke(bench.environment, bench.releases["A"])
        assert await bench.deployer.current(bench.environment) == bench.releases["A"]

    async def test_a_repeated_step_runs_nothing_and_answers_the_same(self, bench: DeployerBench) -> None:
        release = bench.releases["A"]
        deployed = await bench.deployer.deploy(bench.environment, release)
        assert await bench.deployer.deploy(bench.environment, release) == deployed
        smoked = await bench.deployer.smoke(bench.environment, release)
        assert await bench.deployer.smoke(bench.environment, release) == smoked
        assert await bench.deployer.deploy(bench.environment, release) == deployed
        assert bench.ran() == ["deploy A", "smoke A"]

    async def test_a_failed_deploy_is_an_answer_that_a_repeat_gives_again(self, bench: DeployerBench) -> None:
        bench.fail("deploy", "A")
        failed = await bench.deployer.deploy(bench.environment, bench.releases["A"])
        assert not failed.ok
        assert failed.exit_code not in (0, None)
        assert await bench.deployer.deploy(bench.environment, bench.releases["A"]) == failed
        assert bench.ran() == ["deploy A"]

    async def test_a_failed_smoke_leaves_the_last_good_release_current(self, bench: DeployerBench) -> None:
        assert await released(bench, "A")
        bench.fail("smoke", "B")
        assert not await released(bench, "B")
        assert await bench.deployer.current(bench.environment) == bench.releases["A"]

    async def test_going_back_runs_once_and_makes_the_old_release_current(self, bench: DeployerBench) -> None:
        assert await released(bench, "A")
        bench.fail("smoke", "B")
        await released(bench, "B")
        back = await bench.deployer.rollback(bench.environment, bench.releases["A"])
        assert back.ok
        assert await bench.deployer.rollback(bench.environment, bench.releases["A"]) == back
        assert await bench.deployer.current(bench.environment) == bench.releases["A"]
        assert bench.ran() == ["deploy A", "smoke A", "deploy B", "smoke B", "rollback A"]

    async def test_going_back_to_nothing_leaves_no_release(self, bench: DeployerBench) -> None:
        bench.fail("smoke", "A")
        await released(bench, "A")
        assert (await bench.deployer.rollback(bench.environment, None)).ok
        assert await bench.deployer.current(bench.environment) is None
        assert bench.ran()[-1] == "rollback nothing"

    async def test_what_was_rolled_back_is_deployed_anew(self, bench: DeployerBench) -> None:
        assert await released(bench, "A")
        await bench.deployer.rollback(bench.environment, None)
        assert await released(bench, "A")
        assert bench.ran() == ["deploy A", "smoke A", "rollback nothing", "deploy A", "smoke A"]

    async def test_a_release_between_makes_the_first_one_run_again(self, bench: DeployerBench) -> None:
        for name in ("A", "B", "A"):
            assert await released(bench, name)
        assert bench.ran() == [f"{step} {name}" for name in ("A", "B", "A") for step in ("deploy", "smoke")]
        assert await bench.deployer.current(bench.environment) == bench.releases["A"]

    async def test_a_failed_way_back_changes_nothing_of_what_counts_as_good(self, bench: DeployerBench) -> None:
        assert await released(bench, "A")
        assert await released(bench, "B")
        bench.fail("rollback", "A")
        assert not (await bench.deployer.rollback(bench.environment, bench.releases["A"])).ok
        assert await bench.deployer.current(bench.environment) == bench.releases["B"]

    async def test_environments_know_nothing_of_each_other(self, bench: DeployerBench) -> None:
        assert await released(bench, "A")
        other = bench.environment.model_copy(update={"name": "other"})
        assert await bench.deployer.current(other) is None
