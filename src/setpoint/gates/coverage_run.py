"""Run a tests gate under its language's coverage tool and read what that reports."""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from posixpath import join, normpath, relpath

from ..errors import MissingToolError, RefusedError
from ..model.gate import Gate
from ..ports import Room
from .commands import REPORT, REPORT_FILE, in_script, words
from .coverage_lines import PYTHON, SCRIPT
from .coverage_report import Coverage, read_coverage_json, read_lcov, with_tests
from .coverage_settings import CoverageSettings, rcfile
from .grounds import Said, interpreter, missing_module, run_as, run_script
from .reading import Layout

Lines = Mapping[str, Collection[int]]
"""Line numbers by file."""
RC = ".setpoint-coverage"
"""Name of the configuration file that is laid into the room, in the gate's folder."""
LINES = ".setpoint-lines.json"
"""Name of the file that says of which lines the tests are wanted."""
TESTS_OF_LINES = """
import json, os, sys
from coverage import CoverageData

wanted = json.load(open(sys.argv[1], encoding="utf-8"))
data = CoverageData(os.environ["COVERAGE_FILE"])
data.read()
numbers, files = {}, {}
for name in data.measured_files():
    local = os.path.relpath(name).replace(os.sep, "/")
    if local in wanted:
        lines = data.contexts_by_lineno(name)
        files[local] = {
            at: [numbers.setdefault(test, len(numbers)) for test in lines.get(at, ()) if test] for at in wanted[local]
        }
with open(sys.argv[2], "w", encoding="utf-8") as out:
    json.dump({"names": list(numbers), "files": files}, out)
"""
"""Coverage's own report of contexts names every test of every line: hundreds of megabytes where much is tested."""
_JSON, _LCOV, _FOLDER = f"{REPORT_FILE}.json", f"{REPORT_FILE}.lcov", f"{REPORT_FILE}-coverage"
_TESTS = f"{REPORT_FILE}-tests.json"
_IN_FOLDER = f"{_FOLDER}/lcov.info"
_RUNNERS = ("vitest", "jest", "mocha", "_mocha", "ava")
_LACKING = re.compile(
    r"MISSING DEPENDENCY\s+(.{0,200})|(?:c8|nyc): (?:command )?not found|cannot find.{0,80}\bc8\b", re.I
)


def measures(gate: Gate) -> frozenset[str]:
    """Suffixes of the files whose coverage `gate` can tell; none for a command that cannot be wrapped."""
    told = words(gate.run)
    if told.tool in ("pytest", "unittest") or _is_django(gate):
        return PYTHON
    return SCRIPT if told.tool in ("node --test", *_RUNNERS) else frozenset()


def _is_django(gate: Gate) -> bool:
    told = words(gate.run)
    return told.tool.startswith("python") and len(told.args) > 1 and told.args[0].endswith(".py")


def command(gate: Gate, said: CoverageSettings, files: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """The command that measures, as far as it is one command; Python's is followed by collecting and reporting."""
    told = words(gate.run)
    if measures(gate) == PYTHON:
        module = () if _is_django(gate) else ("-m", told.tool)
        return (*interpreter(gate), "-m", "coverage", "run", f"--rcfile={RC}", *module, *_plain(told.args, said))
    if told.tool == "node --test":
        at = told.args.index("--test")
        asked = ("--experimental-test-coverage", "--test-reporter=lcov", f"--test-reporter-destination={REPORT}.lcov")
        return (*told.before, *told.args[:at], *asked, *told.args[at:])
    if told.tool == "vitest":
        asked = (
            "--coverage.enabled=true",
            "--coverage.reporter=lcovonly",
            f"--coverage.reportsDirectory={REPORT}-coverage",
        )
        return (*told.before, *told.args, *asked)
    if told.tool == "jest":
        asked = ("--coverage", "--coverageReporters=lcovonly", f"--coverageDirectory={REPORT}-coverage")
        return (*told.before, *told.args, *asked, "--coverageThreshold={}")
    wrapped = ("--reporter=lcovonly", f"--report-dir={REPORT}-coverage", f"--temp-directory={REPORT}-v8")
    return ("node_modules/.bin/c8", *wrapped, *gate.run)


def _plain(args: Sequence[str], said: CoverageSettings) -> tuple[str, ...]:
    """pytest's arguments without a coverage plugin of its own, and in one process: others would not be measured."""
    kept = tuple(part for part in args if not part.startswith("--cov"))
    told = (*args, *said.pytest.split())
    more = ("--no-cov",) if any(part.startswith("--cov") for part in told) else ()
    return (*kept, *more, *(("-n0",) if any(re.match(r"-n\w*$|--numprocesses", part) for part in told) else ()))


def overlay(gate: Gate, said: CoverageSettings, lines: Lines) -> dict[str, bytes]:
    """The files that the command needs in its room. `lines` are those whose tests are wanted."""
    if measures(gate) != PYTHON:
        return {}
    plugin = re.findall(r"--cov=(\S+)", " ".join((*gate.run, said.pytest)))
    laid = {RC: rcfile(said, tuple(plugin) or (".",), contexts=bool(lines))}
    if lines:
        laid[LINES] = json.dumps({relpath(path, gate.where): sorted(told) for path, told in lines.items()})
    return {normpath(join(gate.where, name)): text.encode() for name, text in laid.items()}


async def measured(
    gate: Gate, room: Room, said: CoverageSettings, files: frozenset[str], lines: Lines
) -> tuple[Coverage, Said]:
    """The coverage of `gate` in `room`, which holds what `overlay` says. Raises RefusedError, also when a test
    fails: what a failing test ran is not covered by it."""
    layout = Layout(room.inside, gate.where, files)
    if measures(gate) == PYTHON:
        result = await _python(gate, room, said, tests=bool(lines))
        report = read_coverage_json(result.reports[_JSON], layout) if _JSON in result.reports else ""
        if isinstance(report, Coverage) and _TESTS in result.reports:
            report = with_tests(report, result.reports[_TESTS], layout)
    else:
        result = await run_as(gate, room, command(gate, said), reports=(_LCOV, _IN_FOLDER))
        content = next(iter(result.reports.values()), None)
        report = read_lcov(content, layout) if content is not None else ""
    _objects(gate, result)
    if not isinstance(report, Coverage):
        why = report or "the coverage tool wrote no report"
        raise RefusedError(why, why=result.last_words, fix=_fix(gate))
    return report, result


async def _python(gate: Gate, room: Room, said: CoverageSettings, *, tests: bool) -> Said:
    python = interpreter(gate)
    combine = (*python, "-m", "coverage", "combine", "-q", f"--rcfile={RC}")
    report = (*python, "-m", "coverage", "json", "-q", f"--rcfile={RC}", "--fail-under=0", "-i")
    asked = (*python, "-c", TESTS_OF_LINES, LINES, f"{REPORT}-tests.json")
    script = (
        'COVERAGE_FILE="$SETPOINT_REPORTS/data/coverage"; export COVERAGE_FILE\nmkdir -p "$SETPOINT_REPORTS/data"\n'
        f"{in_script(command(gate, said))} || exit $?\n{in_script(combine)}\n"
        + (f"{in_script(asked)} || exit $?\n" if tests else "")
        + f"exec {in_script((*report, '-o', f'{REPORT}.json'))}\n"
    )
    return await run_script(gate, room, script, reports=(_JSON, _TESTS))


def _objects(gate: Gate, said: Said) -> None:
    done, fix = said.done, _fix(gate)
    if missing_module(said, "coverage") or _LACKING.search(done.stdout + done.stderr):
        what = "no coverage tool is installed in the project's environment"
        raise MissingToolError(what, why=said.last_words, fix=fix)
    if done.timed_out:
        what = f"the tests did not end within {gate.timeout:g} seconds under coverage"
    elif done.exit_code in (126, 127):
        what = "the command is missing in the sandbox"
    elif done.exit_code:
        what = f"the tests do not pass under coverage (exit code {done.exit_code})"
        fix = "make the tests pass first: what a failing test ran is not covered by it"
    else:
        return
    raise RefusedError(what, why=said.last_words, fix=fix)


_FIXES: Mapping[str, str] = {
    "vitest": "install `@vitest/coverage-v8` in the version of vitest",
    "mocha": "install `c8`",
    "_mocha": "install `c8`",
    "ava": "install `c8`",
}


def _fix(gate: Gate) -> str:
    if measures(gate) == PYTHON:
        return "install `coverage` in the project's environment (a development dependency)"
    return _FIXES.get(words(gate.run).tool, "run the command by hand to see what it says")
