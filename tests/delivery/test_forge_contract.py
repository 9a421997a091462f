"""The local forge and the double in memory keep the same promises."""

from collections.abc import Mapping

import pytest

from setpoint.model.release import CiState
from setpoint.testing.forge_contract import ForgeBench, ForgeContract
from setpoint.testing.forges import MemoryForge


class MemoryForgeBench:
    """The contract's hands on the double."""

    base = "main"

    def __init__(self) -> None:
        self.verdict = CiState.GREEN
        self.judged: list[Mapping[str, str]] = []
        self.forge = MemoryForge(judge=self.judge)

    async def judge(self, files: Mapping[str, str]) -> CiState:
        self.judged.append(files)
        return self.verdict

    async def commit(self, files: Mapping[str, str], on: str = "") -> str:
        return self.forge.add(files, on or self.forge.branches["main"])

    async def advance(self, files: Mapping[str, str]) -> str:
        self.forge.branches["main"] = await self.commit(files)
        return self.forge.branches["main"]

    async def files(self) -> Mapping[str, str]:
        return self.forge.commits[self.forge.branches["main"]].files

    async def message(self, sha: str) -> str:
        return self.forge.commits[sha].message


class TestLocalForge(ForgeContract):
    @pytest.fixture
    def bench(self, forge_bench: ForgeBench) -> ForgeBench:
        return forge_bench


class TestLocalForgeNamedBySha256(ForgeContract):
    @pytest.fixture
    def bench(self, sha256_bench: ForgeBench) -> ForgeBench:
        return sha256_bench


class TestMemoryForge(ForgeContract):
    @pytest.fixture
    def bench(self) -> ForgeBench:
        return MemoryForgeBench()
