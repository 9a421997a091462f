"""A measured process: started once, told what to do in one JSON document a line, answers in one."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def environment(**more: str) -> dict[str, str]:
    """What every measured process gets: no keys, no proxies, no git configuration of the user, and one `python3` for
    both sides, never a version manager's shim, which takes longer than the tests."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
    kept["PATH"] = os.pathsep.join([f"{sys.base_prefix}/bin", os.environ.get("PATH", os.defpath)])
    fixed = {"PYTHONPATH": str(ROOT), "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "NO_COLOR": "1"}
    return {**kept, **fixed, **more}


class Process:
    """`python -m MODULE ARGUMENTS`, spoken to over its pipes."""

    def __init__(self, module: str, *arguments: str, **more: str) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(**more),
        )

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._popen.pid

    def ask(self, do: str, **arguments: object) -> dict[str, Any]:
        """Its answer. Raises RuntimeError when it is gone."""
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        self._popen.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self._popen.stdin.flush()
        line = self._popen.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._popen.args!r} is gone, code {self._popen.wait(10)}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._popen.stdin is not None
        self._popen.stdin.close()
        try:
            self._popen.wait(20)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()


def serve(act: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Answer the parent until it closes the pipe."""
    for line in sys.stdin:
        answer(act(json.loads(line)))


def answer(document: dict[str, Any]) -> None:
    """One document to the parent."""
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()
