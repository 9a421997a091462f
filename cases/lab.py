"""Prepares a real case as a repository of its own, and judges what a run made of it.

    python -m cases.lab list
    python -m cases.lab prepare CASE TARGET     # git repository at the base release, with its own environment
    python -m cases.lab verify CASE TARGET      # the fix release's tests on a copy of it: resolved or not
    python -m cases.lab play CASE TARGET        # the recording's tool calls alone, without agent, engine and sandbox
    python -m cases.lab record CASE             # writes recording.json from the case's storyboard

Exit code 0: done or resolved; 1: not resolved; 2: the lab failed. The packages are published source distributions,
downloaded when needed into `--cache` (or `$SETPOINT_CASES_CACHE`, or `~/.cache/setpoint/cases`).
"""

import argparse
import fnmatch
import json
import os
import runpy
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

HERE = Path(__file__).resolve().parent
IGNORED = (".git", ".venv", ".setpoint", "__pycache__", ".pytest_cache", ".coverage", "*.egg-info")
WHEN = "2020-01-01T00:00:00Z"
SECONDS = 300


class LabError(Exception):
    """The lab could not do its work; this says nothing about the candidate."""


@dataclass(frozen=True)
class Case:
    """One case of cases.toml."""

    id: str
    title: str
    route: str
    package: str
    base_version: str
    fix_version: str
    upstream: str
    licence: str
    pythonpath: tuple[str, ...]
    """Folders of the tree that its tests import from."""
    allowed: tuple[str, ...]
    """Shell patterns of the files a solution may touch."""
    hidden: tuple[str, ...]
    """Test files taken from the fix release."""
    passed_with_fix: int
    """How many tests pass with the real fix."""
    fail_to_pass: tuple[str, ...]
    sample: tuple[str, ...]
    """Some of the tests that pass before and after."""

    @property
    def folder(self) -> Path:
        """Ticket, settings, lock, storyboard and recording."""
        return HERE / self.id


@dataclass(frozen=True)
class Judgement:
    """What the fix release's tests say about a tree."""

    missing: tuple[str, ...]
    """Tests that must pass now and do not."""
    broken: tuple[str, ...]
    """Other tests that fail, or that passed and are gone."""
    lost: int
    """Tests that pass with the real fix and did not run here."""
    outside: tuple[str, ...]
    """Changed files that no solution needs."""
    passed: int
    tail: str
    """The end of the test run's output."""

    @property
    def resolved(self) -> bool:
        """All of it is as with the real fix."""
        return self.passed > 0 and not (self.missing or self.broken or self.lost or self.outside)


def cases() -> dict[str, Case]:
    """All cases by id, quickest first."""
    raw = tomllib.loads((HERE / "cases.toml").read_text(encoding="utf-8"))
    return {name: _case(name, fields) for name, fields in raw.items()}


def _case(name: str, fields: dict[str, Any]) -> Case:
    lists = {key: tuple(value) for key, value in fields.items() if isinstance(value, list)}
    return Case(id=name, **{**fields, **lists})


def case_named(name: str) -> Case:
    """The case called `name`. Raises LabError when there is none."""
    found = cases().get(name)
    if found is None:
        raise LabError(f"no case named {name!r}; known: {', '.join(cases())}")
    return found


def cache_folder() -> Path:
    """Where downloads are kept."""
    return Path(os.environ.get("SETPOINT_CASES_CACHE") or Path.home() / ".cache" / "setpoint" / "cases")


def run(argv: Sequence[str | Path], cwd: Path | None = None, **environ: str) -> str:
    """The output of a command that must succeed."""
    done = subprocess.run(
        [str(part) for part in argv],
        cwd=cwd,
        env={**cleared(), **environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=SECONDS,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise LabError(f"{' '.join(str(part) for part in argv)} ended with {done.returncode}\n{done.stdout[-3000:]}")
    return done.stdout


def cleared() -> dict[str, str]:
    """The environment without what would lead git, Python or pytest to somewhere else."""
    foreign = ("GIT_", "PYTEST_", "PYTHON", "VIRTUAL_ENV", "CONDA", "COV_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C.UTF-8"}


# -- prepare ----------------------------------------------------------------------------------------------------------


def prepare(case: Case, target: Path, cache: Path) -> None:
    """Make `target` a git repository with one commit, the base release and its settings, and give it an environment.
    Prepared already: nothing changes."""
    target = target.resolve()
    marker = target / ".git" / "setpoint-lab-base"
    named = f"{case.id} {case.base_version}"
    if not (marker.is_file() and marker.read_text(encoding="utf-8") == named):
        if target.exists() and any(target.iterdir()):
            raise LabError(f"{target} is not empty and was not prepared for {case.id}")
        _check_out(case, target, cache)
        marker.write_text(named, encoding="utf-8")
    if not (target / ".venv" / "ready").is_file():
        _install(case, target, cache)
        (target / ".venv" / "ready").write_text(named, encoding="utf-8")


def _check_out(case: Case, target: Path, cache: Path) -> None:
    shutil.copytree(distribution(case.package, case.base_version, cache), target, dirs_exist_ok=True)
    (target / "PKG-INFO").unlink(missing_ok=True)
    for made in target.rglob("*.egg-info"):
        shutil.rmtree(made)
    settings = (case.folder / "setpoint.toml").read_text(encoding="utf-8")
    recording = json.dumps(str(case.folder / "recording.json"))
    (target / "setpoint.toml").write_text(settings.replace('"recording.json"', recording), encoding="utf-8")
    run(["git", "init", "-q", "-b", "main", target])
    with (target / ".git" / "info" / "exclude").open("a", encoding="utf-8") as excluded:
        excluded.writelines(f"{name}\n" for name in IGNORED[1:])
    run(["git", "config", "user.name", "Case Lab"], target)
    run(["git", "config", "user.email", "lab@example.invalid"], target)
    run(["git", "add", "-A"], target)
    message = f"{case.package} {case.base_version}"
    run(["git", "commit", "-q", "-m", message], target, GIT_AUTHOR_DATE=WHEN, GIT_COMMITTER_DATE=WHEN)


def distribution(package: str, version: str, cache: Path) -> Path:
    """The unpacked source distribution, downloaded once."""
    kept = cache / f"{package}-{version}"
    if not kept.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as name:
            scratch = Path(name)
            options = ("--no-deps", "--no-binary", ":all:", "-q", "-d", scratch / "down")
            run([*pip(cache), "download", *options, f"{package}=={version}"])
            archive = next((scratch / "down").glob("*.tar.gz"), None)
            if archive is None:
                raise LabError(f"there is no source distribution of {package} {version}")
            with tarfile.open(archive) as tar:
                tar.extractall(scratch / "tree", filter="data")
            next((scratch / "tree").iterdir()).rename(kept)
    return kept


def uv() -> str:
    """The path of `uv`, or empty."""
    return shutil.which("uv", path=f"{os.environ.get('PATH', '')}{os.pathsep}{HERE.parent / '.venv-uv' / 'bin'}") or ""


def pip(cache: Path) -> list[str | Path]:
    """A command that is pip: through uv where there is one, else from an environment made for it."""
    if uv():
        return [uv(), "tool", "run", "-q", "pip"]
    tools = cache / "tools"
    if not (tools / "bin" / "pip").is_file():
        run([sys.executable, "-m", "venv", "--clear", tools])
    return [tools / "bin" / "pip"]


def _install(case: Case, target: Path, cache: Path) -> None:
    """The case's own environment: its locked tools, and the tree itself, editable."""
    folder, lock = target / ".venv", case.folder / "lock.txt"
    python = folder / "bin" / "python"
    if uv():
        run([uv(), "venv", "-q", "--clear", "--python", sys.executable, folder])
        run([uv(), "pip", "install", "-q", "--python", python, "-r", lock])
        run([uv(), "pip", "install", "-q", "--python", python, "--no-deps", "-e", target])
        return
    run([sys.executable, "-m", "venv", "--clear", "--without-pip", folder])
    run([*pip(cache), "--python", python, "install", "-q", "-r", lock])
    run([*pip(cache), "--python", python, "install", "-q", "--no-deps", "-e", target])


# -- verify -----------------------------------------------------------------------------------------------------------


def verify(case: Case, target: Path, cache: Path, revision: str = "") -> Judgement:
    """Judge `target` as it lies, or its commit `revision`, by the fix release's tests. The tree is not touched; none of
    its own tests count, so weakened, deleted or added ones do not help."""
    target = target.resolve()
    with tempfile.TemporaryDirectory(prefix="setpoint-case-") as name:
        work = Path(name) / "tree"
        _copy(target, work, revision)
        fixed = distribution(case.package, case.fix_version, cache)
        shutil.rmtree(work / "tests", ignore_errors=True)
        shutil.copytree(distribution(case.package, case.base_version, cache) / "tests", work / "tests")
        for path in case.hidden:
            shutil.copyfile(fixed / path, work / path)
        outcomes, tail = _tested(case, work, target / ".venv" / "bin" / "python", Path(name) / "report.xml")
    return _judged(case, outcomes, changed(target, revision), tail)


def _copy(target: Path, work: Path, revision: str) -> None:
    if not revision:
        shutil.copytree(target, work, symlinks=True, ignore=shutil.ignore_patterns(*IGNORED))
        return
    archive = work.with_suffix(".tar")
    run(["git", "archive", "-o", archive, revision], target)
    with tarfile.open(archive) as tar:
        tar.extractall(work, filter="data")


def _tested(case: Case, work: Path, python: Path, report: Path) -> tuple[dict[str, str], str]:
    """Outcome of each test by its dotted name, and the end of the output."""
    options = ("-q", "-p", "no:cacheprovider", "-o", "addopts=", "-o", "junit_family=xunit1", f"--junit-xml={report}")
    environ = {**cleared(), "PYTHONPATH": os.pathsep.join(str(work / path) for path in case.pythonpath)}
    done = subprocess.run(
        [python, "-m", "pytest", *options, "tests"],
        cwd=work,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SECONDS,
        text=True,
        errors="replace",
        check=False,
    )
    if not report.is_file():
        return {}, (done.stdout + done.stderr)[-4000:]
    found: dict[str, str] = {}
    for item in ElementTree.parse(report).iter("testcase"):  # noqa: S314 - pytest wrote it just now
        bad = {part.tag for part in item} & {"failure", "error"}
        state = "failed" if bad else "skipped" if item.find("skipped") is not None else "passed"
        name = f"{item.get('classname')}.{item.get('name')}"
        found[name] = "failed" if "failed" in (state, found.get(name)) else state
    return found, done.stdout[-4000:]


def _dotted(test: str) -> str:
    path, *names = test.split("::")
    return ".".join([path.removesuffix(".py").replace("/", "."), *names])


def _judged(case: Case, outcomes: dict[str, str], files: Sequence[str], tail: str) -> Judgement:
    wanted = {_dotted(test): test for test in case.fail_to_pass}
    kept = {_dotted(test): test for test in case.sample}
    missing = [test for name, test in wanted.items() if outcomes.get(name) != "passed"]
    broken = [name for name, state in outcomes.items() if state == "failed" and name not in wanted]
    broken += [name for name in kept if outcomes.get(name) != "passed" and name not in broken]
    passed = sum(state == "passed" for state in outcomes.values())
    return Judgement(
        missing=tuple(missing),
        broken=tuple(sorted(broken)),
        lost=max(0, case.passed_with_fix - passed - len(missing) - len(broken)),
        outside=tuple(path for path in files if not any(fnmatch.fnmatch(path, glob) for glob in case.allowed)),
        passed=passed,
        tail=tail,
    )


def changed(target: Path, revision: str = "") -> list[str]:
    """Files that differ from the base release, in `revision` or as they lie."""
    base = run(["git", "rev-list", "--max-parents=0", "HEAD"], target).split()[-1]
    told = ["git", "-c", "core.quotepath=off", "diff", "--name-only", "--no-renames", "-z", base]
    found = set(run([*told, revision] if revision else told, target).split("\0"))
    if not revision:
        found |= set(run(["git", "ls-files", "--others", "--exclude-standard", "-z"], target).split("\0"))
    return sorted(path for path in found if path)


# -- the recording ----------------------------------------------------------------------------------------------------


def recorded(case: Case) -> str:
    """The recording's text, built from the storyboard."""
    from setpoint.demo.authoring import text_of

    return text_of(runpy.run_path(str(case.folder / "storyboard.py"))["build"]())


def play(case: Case, target: Path) -> None:
    """Play the recording's tool calls in a prepared `target`."""
    from setpoint.demo.player import play as played

    recording = json.loads((case.folder / "recording.json").read_text(encoding="utf-8"))
    played(recording, target.resolve(), target.resolve() / ".venv" / "bin")


# -- the command ------------------------------------------------------------------------------------------------------


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the arguments say; the exit code."""
    parser = argparse.ArgumentParser(
        prog="cases.lab", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("verb", choices=("list", "prepare", "verify", "play", "record"))
    parser.add_argument("case", nargs="?", default="")
    parser.add_argument("target", nargs="?", type=Path)
    parser.add_argument("--cache", type=Path, default=cache_folder())
    parser.add_argument("--revision", default="", help="verify this commit instead of the files as they lie")
    asked = parser.parse_args(argv)
    try:
        return _done(asked)
    except (LabError, OSError, subprocess.TimeoutExpired) as error:
        print(f"cases.lab: {error}", file=sys.stderr)
        return 2


def _done(asked: argparse.Namespace) -> int:
    if asked.verb == "list":
        print("\n".join(f"{case.id:28} {case.route:8} {case.package} {case.base_version}" for case in cases().values()))
        return 0
    case = case_named(asked.case)
    if asked.verb == "record":
        (case.folder / "recording.json").write_text(recorded(case), encoding="utf-8")
        return 0
    if asked.target is None:
        raise LabError(f"{asked.verb} needs a TARGET folder")
    if asked.verb == "prepare":
        prepare(case, asked.target, asked.cache)
        print(asked.target.resolve())
        return 0
    if asked.verb == "play":
        play(case, asked.target)
        return 0
    judgement = verify(case, asked.target, asked.cache, asked.revision)
    print(told(judgement))
    return 0 if judgement.resolved else 1


def told(judgement: Judgement) -> str:
    """The judgement in words, the verdict on the first line."""
    lines = ["resolved" if judgement.resolved else "not resolved", f"{judgement.passed} tests passed"]
    lines += [f"must pass and does not: {test}" for test in judgement.missing]
    lines += [f"broken: {test}" for test in judgement.broken]
    lines += [f"outside the case's paths: {path}" for path in judgement.outside]
    if judgement.lost:
        lines.append(f"not run: {judgement.lost}")
    if not judgement.passed:
        lines += ["the test run gave no result; its last output:", judgement.tail]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
