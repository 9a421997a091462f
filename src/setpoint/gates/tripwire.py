"""Tripwires: tests of setpoint's own beside the project's, some of which must be reported as failed.

Code under test runs in the same process as the runner, and can replace it or rewrite its report. A report in which a
tripwire is missing, green, or fails without the words that only running it gives, was not written by the runner alone.
"""

import posixpath
import random
import re
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from ..model.command import Completed
from ..model.evidence import Outcome, TestResult
from ..model.gate import Gate
from ..model.numbers import counted
from .commands import named_targets
from .frozen import is_test_file
from .reading import line
from .verdict import Verdict, rejudged
from .wires import DIALECTS, PYTHON, Wire, javascript_text
from .words import words

Read = Callable[[str], bytes | None]
_ISOLATED = ("node --test", "vitest", "jest", "ava")
"""Runners that give each file a process or a context of its own: a tripwire stands beside several files."""
_STYLE = re.compile(r"(?:^|[.\-_])(?:test|spec)(\.[cm]?[jt]sx?)$")
_MODULE = re.compile(r"^\s*(?:import\s*[\w{*'\"]|export\s)", re.MULTILINE)
_LOADED = re.compile(r"""(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*)['"](\.{1,2}/[^'"\n]+)['"]""")
_LIBRARY = re.compile(r"""['"]((?:node:)?assert(?:/strict)?)['"]""")
_OTHER_CAUSE = re.compile(
    r"^(?:FAIL|ERROR:?) Required test coverage|^ERROR: Coverage failure|^Jest: .*coverage threshold"
    r"|^ERROR: Coverage for \w+ \(|^\d+ .*did not meet the global threshold",
    re.MULTILINE | re.IGNORECASE,
)
"""Why a run fails besides its tests."""


@dataclass(frozen=True)
class Tripwire:
    """Files to lay over a throw-away checkout, and how their tests must be reported."""

    files: Mapping[str, bytes]
    wires: tuple[Wire, ...]
    gate: Gate
    """The gate's command, so that it runs these files as well and is not stopped by the first failure."""
    inactive: frozenset[str] = frozenset()
    """Tokens that this command does not report as it should on the untouched base either."""

    @property
    def overlay(self) -> dict[str, bytes | None]:
        """The files as an overlay."""
        return dict(self.files)

    @property
    def active(self) -> tuple[Wire, ...]:
        """The tests that must be reported just so."""
        return tuple(wire for wire in self.wires if wire.token not in self.inactive)

    @property
    def holds(self) -> bool:
        """Whether enough of them work with this command: one that fails and one that passes."""
        outcomes = {wire.outcome for wire in self.active}
        return bool(outcomes - {"passed"}) and "passed" in outcomes

    def alone(self, wire: Wire) -> "Tripwire":
        """With one of the tests only."""
        return replace(self, wires=(wire,), inactive=frozenset())

    def owns(self, test: TestResult) -> bool:
        """Whether a reported test is one of these, or their file."""
        return any(wire.token in test.id for wire in self.wires) or test.id.partition("::")[0] in self.files

    def broken(self, tests: Sequence[TestResult], exit_code: int) -> tuple[str, ...]:
        """What of the report cannot be, a sentence each."""
        told = [_broken(wire, [test for test in tests if wire.token in test.id]) for wire in self.active]
        if not exit_code and any(wire.outcome != "passed" for wire in self.active):
            told.append("the runner exited with 0 though tests that must fail were there")
        return tuple(sorted((text for text in told if text), key=lambda text: not text.startswith(INSIDE)))

    def unwired(self, verdict: Verdict, done: Completed) -> Verdict:
        """`verdict` without the tripwires; refused when the report cannot be trusted. What never came to a verdict
        (a crash, a time limit) stays as it is, unless it was made to look so."""
        tests = verdict.reading.tests
        if verdict.outcome is Outcome.REFUSED and (done.exit_code or done.killed or done.timed_out):
            told: tuple[str, ...] = ()
        elif verdict.outcome is Outcome.REFUSED and not tests:
            told = (f"the runner was ended from inside: it exited with 0, and {verdict.reason}",)
        else:
            told = self.broken(tests, done.exit_code)
        own = tuple(test for test in tests if not self.owns(test))
        examined = verdict.reading.examined - sum(
            1 for test in tests if self.owns(test) and test.outcome != "skipped" and "::" in test.id
        )
        reading = replace(verdict.reading, tests=own, examined=max(examined, 0))
        if told:
            return Verdict(Outcome.REFUSED, line(f"{UNTRUSTED}: {'; '.join(told)}"), reading)
        if verdict.outcome is Outcome.REFUSED:
            return Verdict(verdict.outcome, verdict.reason, reading)
        judged = rejudged(done.model_copy(update={"exit_code": self._exit(done, tests, own)}), reading)
        return Verdict(judged.outcome, line(f"{judged.reason}; {counted(len(self.active), 'tripwires')} held"), reading)

    def shown(self, tail: str, tests: Sequence[TestResult]) -> str:
        """The end of the output without the tripwires' own failures, for who has to mend the others."""
        bad = [f"{test.id}\n{test.message}" for test in tests if test.outcome in ("failed", "error")]
        return "\n\n".join(bad) if bad else self.without(tail)

    def without(self, output: str) -> str:
        """`output` without the lines that name a tripwire."""
        marks = (*(wire.token for wire in self.wires), *(PurePosixPath(path).name for path in self.files), "_spoken(")
        words_ = [wire.words for wire in self.wires if wire.words]
        return "\n".join(text for text in output.splitlines() if not any(mark in text for mark in (*marks, *words_)))

    def _exit(self, done: Completed, tests: Sequence[TestResult], own: Sequence[TestResult]) -> int:
        """The exit code there would have been without the tripwires."""
        if any(test.outcome in ("failed", "error") for test in own) or _OTHER_CAUSE.search(done.stdout + done.stderr):
            return done.exit_code
        if words(self.gate.run).tool == "mocha":
            return max(done.exit_code - sum(1 for test in tests if self.owns(test) and test.outcome == "failed"), 0)
        return 0 if done.exit_code == 1 else done.exit_code


UNTRUSTED = "the runner's report cannot be trusted"
INSIDE = "the runner was changed from inside"


def _broken(wire: Wire, found: Sequence[TestResult]) -> str:
    if not found:
        return f"tripwire {wire.token} is missing from it"
    test = found[0]
    if wire.inspects and test.outcome in ("failed", "error"):
        return f"{INSIDE}: {_said(test)}"
    wanted = ("failed", "error") if wire.outcome == "error" else (wire.outcome,)
    if test.outcome not in wanted:
        return f"tripwire {wire.token} must be reported as {wire.outcome} and is reported as {test.outcome}"
    if wire.words and wire.words not in test.message:
        return f"tripwire {wire.token} fails without its own words: it was not run"
    return ""


def _said(test: TestResult) -> str:
    told = re.search(r"AssertionError: (.+)", test.message)
    return (told[1] if told else test.message)[:1200]


# -- making ------------------------------------------------------------------------------------------------------------


def tripwire(
    gate: Gate,
    files: Collection[str],
    read: Read,
    *,
    near: Sequence[str] = (),
    changed: Sequence[str] = (),
    own: Sequence[str] = (),
    seed: int | None = None,
) -> Tripwire | None:
    """Tripwires for `gate` among `files`, new ones at each call unless `seed` is given; None when its tool does not
    take test files. `near` are tests that one must stand beside, `changed` the paths of the change, `own` what
    `part_of_runner` says."""
    tool = words(gate.run).tool
    if tool not in PYTHON and tool not in DIALECTS:
        return None
    chance = random.Random(secrets.randbits(128) if seed is None else seed)  # noqa: S311 - seeded from a secret source
    beside = _neighbours(gate, files, near)
    laid: dict[str, bytes] = {}
    wires: list[Wire] = []
    for at, neighbour in enumerate(beside):
        path = _place(tool, neighbour, chance, first=at == 0 and len(beside) > 1, told=_asked_for(gate, "-k"))
        if tool in PYTHON:
            text, made = PYTHON[tool](chance, sorted(changed), own, _asked_for(gate, "-m"))
        else:
            text, made = _javascript(tool, neighbour, chance, files, read)
        laid[path] = text.encode()
        wires += made
    return Tripwire(laid, tuple(wires), _carrying(gate, sorted(laid), files))


def _neighbours(gate: Gate, files: Collection[str], near: Sequence[str]) -> list[str]:
    """Test files that a tripwire is put beside: the first, the last, and those of the change."""
    tool = words(gate.run).tool
    below = "" if gate.where == "." else gate.where.rstrip("/") + "/"
    python = tool in PYTHON
    mine = sorted(
        path
        for path in files
        if path.startswith(below) and path.endswith(".py") == python and is_test_file(path) and _taken(gate, path)
    )
    if not mine:
        return [f"{below}tests/test_it.py" if python else f"{below}test/it.test.js"]
    own = [path for path in near if path in mine]
    picked = [mine[0], *(own[:3] if tool in _ISOLATED else own[:1]), mine[-1]]
    return list(dict.fromkeys(picked)) if len(set(picked)) > 1 or tool in _ISOLATED else [mine[0], mine[0]]


def _taken(gate: Gate, path: str) -> bool:
    """Whether the command's own words take the file, where it names files or folders."""
    named = named_targets(gate)
    local = path if gate.where == "." else posixpath.relpath(path, gate.where)
    ignored = [part.removeprefix("--ignore=").rstrip("/") for part in words(gate.run).args if part[:9] == "--ignore="]
    taken = not named or any(_within(local, name) for name in named)
    return taken and not any(_within(local, name) for name in ignored)


def _within(local: str, name: str) -> bool:
    return local in (name, f"{name}.py") or local.startswith(f"{name}/") or name == "."


def _place(tool: str, neighbour: str, chance: random.Random, *, first: bool, told: Sequence[str]) -> str:
    """A new name in the neighbour's manner, sorted before or after it; pytest's `-k` reads file names too."""
    pure = PurePosixPath(neighbour)
    mark = f"{chance.getrandbits(32):08x}"
    if tool in PYTHON:
        mark = "_".join([mark, *told])
        stem = pure.stem
        if stem.endswith("_test") and not stem.startswith("test_"):
            return str(pure.with_name(f"{'a0' if first else stem.removesuffix('_test')}_{mark}_test.py"))
        rest = stem.removeprefix("test").strip("_")
        return str(pure.with_name(f"test_0{mark}.py" if first else f"test_{rest or 'z'}_{mark}.py"))
    style = _STYLE.search(pure.name)
    ending = pure.name[style.start() :] if style else pure.suffix
    ending = ending if ending.startswith((".", "-", "_")) else f".{ending}"
    stem = pure.name[: style.start()] if style else pure.stem
    name = f"0{mark}" if first else f"{stem}-{mark}"
    return str(pure.with_name(("test-" if not style and tool == "node --test" else "") + name + ending))


def _javascript(
    tool: str, neighbour: str, chance: random.Random, files: Collection[str], read: Read
) -> tuple[str, list[Wire]]:
    text = (read(neighbour) or b"").decode("utf-8", "replace")
    suffix = PurePosixPath(neighbour).suffix
    module = suffix != ".cjs" and (suffix == ".mjs" or tool == "vitest" or bool(_MODULE.search(text)))
    if not text and neighbour not in files:
        module = b'"module"' in (read("package.json") or b"")
    extra = ""
    if tool == "jest" and "@jest/globals" in text:
        names = "{ expect, test }"
        extra = f"import {names} from '@jest/globals';\n" if module else f"const {names} = require('@jest/globals');\n"
    library = _LIBRARY.search(text)
    return javascript_text(
        tool,
        chance,
        module=module,
        loads=tuple(dict.fromkeys(_LOADED.findall(text)))[:20],
        library=library[1] if library else "node:assert",
        extra=extra,
    )


def _carrying(gate: Gate, laid: Sequence[str], files: Collection[str]) -> Gate:
    """The command that runs these files too and goes on after a failure."""
    told = words(gate.run)
    args = list(told.args)
    local = [path if gate.where == "." else posixpath.relpath(path, gate.where) for path in laid]
    named = named_targets(gate)
    apart = [path for path in local if named and not any(_within(path, name) for name in named)]
    modules = [path.removesuffix(".py").replace("/", ".") for path in apart]
    if told.tool == "unittest":
        args = [part for part in args if part not in ("-f", "--failfast")]
        first = next((at for at, part in enumerate(args) if not part.startswith("-")), -1)
        if "discover" not in args and first >= 0:
            args[first + 1 : first + 1] = modules
    elif told.tool == "django test":
        args = [part for part in args if part != "--failfast"] + modules
    elif told.tool == "pytest":
        args += ["--maxfail=0", *apart]
    elif told.tool in ("jest", "vitest"):
        args += ["--bail=0", *apart]
    elif told.tool in ("mocha", "ava"):
        args = [part for part in args if part not in ("-b", "--bail", "--fail-fast")] + [*apart]
    else:
        args += apart
    return gate.model_copy(update={"run": replace(told, args=tuple(args)).argv})


def _asked_for(gate: Gate, option: str) -> tuple[str, ...]:
    """The names that an expression (`-m unit`, `-k "cart and not slow"`) asks for."""
    args = words(gate.run).args
    given = [args[at + 1] for at, part in enumerate(args[:-1]) if part == option]
    given += [part.removeprefix(option) for part in args if part.startswith(option) and len(part) > len(option)]
    names = [name for text in given[-1:] for name in re.findall(r"(?<!not )\b([A-Za-z_]\w*)", text)]
    return tuple(name for name in dict.fromkeys(names) if name not in ("and", "or", "not"))
