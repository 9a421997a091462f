"""`setpoint check` on real projects, without a model.

    python -m cases.judge fixes         # every case: the upstream fix passes, every wrong patch of wrong.toml does not
    python -m cases.judge projects      # published projects with their own suites: found gates, a change, twice

A project's second check must answer from evidence: nothing is run again. Exit code 0: all of it is so.
"""

import argparse
import fnmatch
import json
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import lab

SETPOINT = [sys.executable, "-m", "setpoint.cli"]
SECONDS = 1800


@dataclass(frozen=True)
class Told:
    """One verdict of `setpoint check`."""

    code: int
    document: dict[str, Any]
    seconds: float

    @property
    def rules(self) -> str:
        """The rules that block."""
        found = {each["rule"] for each in self.document.get("objections", ()) if each["severity"] != "low"}
        return ", ".join(sorted(found)) or "nothing"


def check(target: Path, *words: str) -> Told:
    """The verdict on the working tree of `target` against its `main`."""
    started = time.monotonic()
    done = subprocess.run(
        [*SETPOINT, "check", "--base", "main", "--json", *words],
        cwd=target, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    if not done.stdout:
        raise lab.LabError(f"setpoint check in {target} said nothing: {done.stderr[-2000:]}")
    return Told(done.returncode, json.loads(done.stdout), time.monotonic() - started)


# -- the upstream fix and the wrong patches ----------------------------------------------------------------------------


def fixes(cache: Path, folder: Path, names: Sequence[str]) -> bool:
    """Judge the fix and the wrong patches of each case."""
    good = True
    for case in lab.cases().values():
        if names and case.id not in names:
            continue
        target = folder / case.id
        lab.prepare(case, target, cache)
        fixed = lab.distribution(case.package, case.fix_version, cache)
        _fix(case, target, fixed)
        good &= _said(f"{case.id}: the upstream fix", check(target), passes=True)
        for patch in _wrong(case):
            _clean(target)
            _apply(patch["edit"], target)
            told, by = check(target), "alone"
            if told.code == 0:
                # Nothing in it tells. In a run the approved tests lie over it: those of the fix release stand for them.
                for path in case.hidden:
                    shutil.copyfile(fixed / path, target / path)
                told, by = check(target), "with the approved tests"
            good &= _said(f"{case.id}, {by}: {patch['what']}", told, passes=False)
        _clean(target)
    return good


def _fix(case: lab.Case, target: Path, fixed: Path) -> None:
    """The fix release's own files, as far as a change of the case may touch them."""
    for path in sorted(fixed.rglob("*")):
        name = path.relative_to(fixed).as_posix()
        if path.is_file() and any(fnmatch.fnmatch(name, glob) for glob in case.allowed) and ".egg-info" not in name:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target / name)


def _clean(target: Path) -> None:
    lab.run(["git", "checkout", "-q", "--", "."], target)
    lab.run(["git", "clean", "-q", "-fd"], target)


def _wrong(case: lab.Case) -> list[dict[str, Any]]:
    return list(tomllib.loads((case.folder / "wrong.toml").read_text(encoding="utf-8"))["patch"])


def _apply(edits: Sequence[Mapping[str, str]], target: Path) -> None:
    """`old` becomes `new`, once; `from` up to before `to` becomes `new`; neither: `new` is added at the end."""
    for edit in edits:
        path = target / edit["path"]
        text = path.read_text(encoding="utf-8")
        if "old" in edit:
            start = text.index(edit["old"])
            end = start + len(edit["old"])
        elif "from" in edit:
            start = text.index(edit["from"])
            end = text.index(edit["to"], start)
        else:
            start = end = len(text)
        path.write_text(text[:start] + edit["new"] + text[end:], encoding="utf-8")


def _said(what: str, told: Told, *, passes: bool) -> bool:
    good = (told.code == 0) is passes
    print(f"{'✓' if good else '✗'} {what}: exit {told.code}, minded {told.rules} ({told.seconds:.0f} s)", flush=True)
    for each in told.document["objections"] if not good else ():
        if each["severity"] != "low":
            print(f"    {each['rule']} {(each['place'] or {}).get('path', '')}: {each['what'][:300]}")
    return good


# -- published projects ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Project:
    """A published project and a change to judge it with."""

    package: str
    version: str
    needs: tuple[str, ...]
    """What its own suite needs."""
    edits: Sequence[Mapping[str, str]]
    """A small honest change with its test."""


def projects(cache: Path, folder: Path, names: Sequence[str]) -> bool:
    """Judge a change of each project twice."""
    good = True
    for project in _projects():
        if names and project.package not in names:
            continue
        target = folder / project.package
        _prepared(project, target, cache)
        _apply(project.edits, target)
        first, second = check(target), check(target)
        notes = [note for note in first.document["notes"] if "found on the base" in note or "left out" in note]
        good &= _said(f"{project.package} {project.version}", first, passes=True)
        for note in notes:
            print(f"    {note}")
        for result in first.document["results"]:
            print(f"    {result['gate']:<16} {result['evidence']['examined']:>5} {result['evidence']['unit']}")
        again = second.document == first.document
        good &= again
        print(f"{'✓' if again else '✗'} {project.package}: the second check is the first one's evidence, in "
              f"{second.seconds:.2f} s instead of {first.seconds:.0f} s", flush=True)  # fmt: skip
    return good


def _projects() -> Iterator[Project]:
    for package, fields in tomllib.loads((lab.HERE / "projects.toml").read_text(encoding="utf-8")).items():
        yield Project(package, fields["version"], tuple(fields["needs"]), fields["edit"])


def _prepared(project: Project, target: Path, cache: Path) -> None:
    shutil.copytree(lab.distribution(project.package, project.version, cache), target)
    lab.run(["git", "init", "-q", "-b", "main", target])
    with (target / ".git" / "info" / "exclude").open("a", encoding="utf-8") as excluded:
        excluded.writelines(f"{name}\n" for name in lab.IGNORED[1:])
    lab.run(["git", "config", "user.name", "Case Lab"], target)
    lab.run(["git", "config", "user.email", "lab@example.invalid"], target)
    lab.run(["git", "add", "-A"], target)
    lab.run(["git", "commit", "-q", "-m", f"{project.package} {project.version}"], target)
    environment, python = target / ".venv", target / ".venv" / "bin" / "python"
    if lab.uv():
        lab.run([lab.uv(), "venv", "-q", "--python", sys.executable, environment])
        lab.run([lab.uv(), "pip", "install", "-q", "--python", python, *project.needs, "-e", target])
        return
    lab.run([sys.executable, "-m", "venv", "--without-pip", environment])
    lab.run([*lab.pip(cache), "--python", python, "install", "-q", *project.needs, "-e", target])


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the arguments say; the exit code."""
    parser = argparse.ArgumentParser(
        prog="cases.judge", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("what", choices=("fixes", "projects"))
    parser.add_argument("names", nargs="*")
    parser.add_argument("--cache", type=Path, default=lab.cache_folder())
    parser.add_argument("--keep", type=Path, help="a folder for the repositories, which are left there")
    asked = parser.parse_args(argv)
    work = fixes if asked.what == "fixes" else projects
    try:
        if asked.keep:
            asked.keep.mkdir(parents=True, exist_ok=True)
            return 0 if work(asked.cache, asked.keep, asked.names) else 1
        with tempfile.TemporaryDirectory(prefix="setpoint-judge-") as name:
            return 0 if work(asked.cache, Path(name), asked.names) else 1
    except (lab.LabError, OSError, subprocess.TimeoutExpired) as error:
        print(f"cases.judge: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
