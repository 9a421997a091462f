"""Proof that a gate can fail: plant a fault it is there for and see it turn red. One that stays green is decoration.

A proof stands as long as the gate, the files that configure it and its tools are the same.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import PurePosixPath

from ..model.evidence import GateResult, Outcome
from ..model.gate import Gate
from ..model.judgement import Measured
from ..model.objection import Severity
from ..model.record import Line, Record, digest_of
from ..ports import Room
from .faults import Fault, faults_for
from .frozen import is_test_file
from .measured import built_in, minded
from .protected import protection
from .run import Keep, run_gate, sha256
from .words import words

Plant = Callable[[dict[str, bytes | None]], AbstractAsyncContextManager[Room]]
"""A clean throw-away room with these files laid over it (`Workspace.checkout` of one tree)."""
Read = Callable[[str], bytes | None]
_NAME = "setpoint_planted"
_STYLE = re.compile(r"[.\-_](?:test|spec)\.[cm]?[jt]sx?$")


class Proven(Record):
    """What became of a gate with a planted fault."""

    gate: Line
    red: bool
    """True when the gate turned red, so it can fail."""
    fault: str
    """The fault that turned it red, or all that did not."""
    known: bool = True
    """False: no fault is known that it should mind, so nothing was tried."""
    settings: str = ""
    """Digest of the gate, its configuration files and its tools; when it moves, the gate is tried again."""
    result: GateResult | None = None

    @property
    def decoration(self) -> bool:
        """A gate that stayed green over faults it is there for."""
        return self.known and not self.red


async def prove(
    name: str,
    gate: Gate,
    plant: Plant,
    *,
    tree: str,
    environment: str,
    keep: Keep = sha256,
    kept: Proven | None = None,
) -> Proven:
    """Plant the faults that the gate should mind one after the other until it turns red. `plant` gives the tree of a
    green result with files laid over it. `kept` is the last proof: where nothing moved since, it is the answer."""
    async with plant({}) as clean:
        files = clean.files()
        settings = settings_digest(gate, files, clean.read, environment)
    if kept is not None and kept.settings == settings:
        return kept
    placed = [(fault, path) for fault in faults_for(gate) if (path := _place(fault, gate, files))]
    result: GateResult | None = None
    for fault, path in placed:
        async with plant({path: fault.content.encode()}) as room:
            result = await run_gate(name, gate, room, tree=tree, environment=environment, keep=keep, reruns=0)
        if result.outcome is Outcome.FAILED and _speaks_of(result, path):
            return Proven(gate=name, red=True, fault=fault.what, settings=settings, result=result)
    tried = ", ".join(dict.fromkeys(fault.what for fault, _ in placed))
    unknown = f"no fault is known for {words(gate.run).tool or 'this command'}"
    return Proven(gate=name, red=False, fault=tried or unknown, known=bool(placed), settings=settings, result=result)


def settings_digest(gate: Gate, files: Sequence[str], read: Callable[[str], bytes], environment: str) -> str:
    """Digest of all that decides whether `gate` can fail: itself, the files that configure tools, the tools."""
    told = {path: sha256(read(path)) for path in sorted(files) if protection(path) == "config"}
    return digest_of({"gate": gate.digest(), "files": told, "in": environment})


def decoration(proofs: Sequence[Proven], *, tree: str, required: Mapping[str, Gate]) -> Measured:
    """What a judgement says of gates that cannot fail: a required one proves nothing of any change."""
    found = [
        minded(
            "prove/decoration",
            f"gate {proof.gate} stays green over what it is there for: {proof.fault}",
            "",
            cause="it is decoration: no change can fail it; mend its command or its configuration on the base",
            severity=Severity.LOW,
        )
        for proof in proofs
        if proof.decoration and proof.gate in required
    ]
    return built_in("prove", found, examined=sum(1 for proof in proofs if proof.known), unit="gates", tree=tree)


def _speaks_of(result: GateResult, path: str) -> bool:
    """Red for another reason proves nothing."""
    stem = PurePosixPath(path).name.partition(".")[0]
    told = [test.id + test.message for test in result.tests if test.outcome in ("failed", "error")]
    told += [finding.path for finding in result.findings]
    return any(stem in text or "planted" in text for text in told) or stem in result.tail or "planted" in result.tail


def _place(fault: Fault, gate: Gate, files: Sequence[str]) -> str:
    """A new file beside the first one that the gate looks at; empty where the tree has none of its kind."""
    below = "" if gate.where == "." else gate.where.rstrip("/") + "/"
    known = [path for path in sorted(files) if path.startswith(below) and path.endswith(fault.beside)]
    beside = [path for path in known if is_test_file(path) == fault.in_tests]
    if not known:
        return ""
    folder = str(PurePosixPath(beside[0]).parent) if beside else gate.where
    if fault.beside == (".py",):
        stem = f"test_{_NAME}" if fault.in_tests else _NAME
        return f"{folder}/{stem}.py".removeprefix("./")
    neighbour = PurePosixPath((beside or known)[0])
    style = _STYLE.search(neighbour.name) if fault.in_tests else None
    ending = fault.suffix or (style[0] if style else (".test" if fault.in_tests else "") + neighbour.suffix)
    return f"{folder}/{_NAME}{ending}".removeprefix("./")
