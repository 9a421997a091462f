"""The command deployer and the double in memory keep the same promises."""

import pytest

from setpoint.model.release import Environment, Release
from setpoint.testing.deployer_contract import DeployerBench, DeployerContract
from setpoint.testing.deployers import MemoryDeployer


class MemoryDeployerBench:
    """The contract's hands on the double."""

    environment = Environment(name="staging", deploy=("deploy",), smoke=("smoke",), rollback=("rollback",))
    releases = {name: Release(sha=f"sha-{name}", tree=f"tree-{name}", ticket="signup") for name in "ABC"}

    def __init__(self) -> None:
        self.deployer = MemoryDeployer()

    def fail(self, step: str, release: str) -> None:
        self.deployer.failing.add((step, self.releases[release].sha))

    def ran(self) -> list[str]:
        names = {release.sha: name for name, release in self.releases.items()} | {"": "nothing"}
        return [f"{step} {names[sha]}" for _, step, sha in self.deployer.ran]


class TestCommandDeployer(DeployerContract):
    @pytest.fixture
    def bench(self, deployer_bench: DeployerBench) -> DeployerBench:
        return deployer_bench


class TestMemoryDeployer(DeployerContract):
    @pytest.fixture
    def bench(self) -> DeployerBench:
        return MemoryDeployerBench()
