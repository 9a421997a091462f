"""Each deliverable against the one before it, as far as no model is needed. Runs before any token for a validator.

Words are compared by their beginnings, so that inflection is no difference; doubt is left to the validator.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath

from ..gates.frozen import is_test_path
from ..model.change import AcceptanceTests, Change
from ..model.numbers import counted
from ..model.objection import Deviation, Objection, Place, Severity, Source
from ..model.plan import Plan, PlanTask
from ..model.settings import TaskSize
from ..model.spec import FunctionalSpec, TechSpec
from ..model.ticket import Criterion, SourceTag, Ticket
from ..policy.paths import matches

HALF = 0.5
"""Share of a paraphrased quotation that must stand in the ticket."""
SHORTEST_QUOTE = 8
"""Letters and digits below which a quotation says nothing."""
_PATH = re.compile(
    r"(?<![\w/.-])(?:[\w.@-]+/)*[\w@-][\w.@-]*\.(?:pyi?|[cm]?[jt]sx?|go|rs|java|rb|sql|sh|toml|ya?ml|json)\b"
)
_NEW = re.compile(r"\b(?:new|adds?|added|creates?d?|introduces?d?|writes?|written|generates?d?)\b", re.IGNORECASE)
_DOCUMENT = re.compile(
    r"(?:^|/)docs?/|\.(?:md|rst|adoc|txt)$|(?:^|/)(?:change(?:log|s)|news|readme)[^/]*$", re.IGNORECASE
)
_SMALL = frozenset(
    word[:5]
    for word in re.findall(
        r"\w+",
        "that this with from have been were will they them their then than when where which what also only must should",
    )
)


def objected(what: str, cause: str, at: str, deviation: Deviation = Deviation.REQUIREMENT) -> Objection:
    """A blocking objection of a mechanical check, with the field or file it is about."""
    return Objection(
        source=Source.SCHEMA,
        deviation=deviation,
        severity=Severity.HIGH,
        what=what,
        cause=cause,
        place=Place(path=at),
    )


# -- spec against ticket -----------------------------------------------------------------------------------------------


def untrue_tags(ticket: Ticket, criteria: Sequence[Criterion]) -> Iterator[Objection]:
    """Criteria that call themselves the ticket's and are not."""
    told = _plain(f"{ticket.title} {ticket.text}")
    words = _words(f"{ticket.title} {ticket.text}")
    for criterion in criteria:
        if criterion.source is SourceTag.INFERRED:
            continue
        why = _untrue(criterion, told, words)
        if why:
            what = f"criteria: {criterion.id} is tagged {criterion.source.value} and does not come from the ticket"
            yield objected(what, f"{why}; quote its words, or tag it `inferred`", f"criteria.{criterion.id}")


def _untrue(criterion: Criterion, told: str, words: frozenset[str]) -> str:
    quote = criterion.quote
    pieces = [piece for piece in map(_plain, re.split(r"…|\.\.\.|\[[^\]]*\]", quote)) if piece]
    if sum(len(piece.replace(" ", "")) for piece in pieces) < SHORTEST_QUOTE:
        return f"“{quote}” is too short to say anything" if quote else "no quotation is given"
    verbatim = all(piece in told for piece in pieces)
    if criterion.source is SourceTag.PARAPHRASED:
        own = _words(quote)
        verbatim = verbatim or (bool(own) and len(own & words) / len(own) >= HALF)
    return "" if verbatim else f"“{quote[:120]}” is not among its words"


def dropped_from_ticket(ticket: Ticket, spec: FunctionalSpec) -> Iterator[Objection]:
    """Sentences that intake read as demands or keeps, and of which not a word comes back in the spec."""
    kept = [*_listed(spec.must_stay), *_listed(spec.out_of_scope), *_listed(spec.can_break)]
    open_ = [f"{question.question} {question.why}" for question in spec.open_questions]
    places = [*(f"{c.text} {c.quote}" for c in spec.criteria), *kept, *open_]
    said = _words(" ".join(places))
    for sentence in (*(criterion.text for criterion in ticket.criteria), *ticket.must_stay):
        own = _words(sentence)
        if own and not own & said:
            cause = "a sentence of the ticket becomes a criterion, a must-stay entry or an open question"
            yield objected(f"criteria: nothing covers “{sentence[:160]}”", cause, "criteria")


# -- tech spec against spec --------------------------------------------------------------------------------------------


def design_off_spec(design: TechSpec, criteria: Sequence[Criterion], files: Sequence[str]) -> Iterator[Objection]:
    """Criteria left out or made up, and files that are not there."""
    known = {criterion.id for criterion in criteria}
    for name in sorted(known - set(design.covers)):
        yield objected(f"covers: {name} is not covered", "the design leaves a criterion out", "covers")
    for name in sorted(set(design.covers) - known):
        yield objected(f"covers: {name} is not a criterion", "the functional spec sets the criteria", "covers")
    for line in design.components:
        for path in _missing(_PATH.findall(line), files):
            if not _NEW.search(line):
                yield _unseen(path, "components")


# -- plan against tech spec --------------------------------------------------------------------------------------------


def plan_off_design(plan: Plan, criteria: Sequence[Criterion], files: Sequence[str]) -> Iterator[Objection]:
    """Criteria without test, modules without task, tasks without criterion, files not there or out of reach."""
    named = _with_ranges(" ".join(_listed(plan.tests)))
    for criterion in criteria:
        # A quality or a measure may be shown otherwise; behaviour is tested.
        if criterion.id.startswith("FR-") and criterion.id not in named:
            cause = "the tests that must exist at the end are listed, each with its criterion"
            yield objected(f"tests: none is planned for {criterion.id}", cause, "tests")
    worked = [path for task in plan.tasks for path in task.files]
    for module in plan.modules:
        if not any(_same(module.path, path) for path in worked):
            yield objected(f"modules: no task changes {module.path}", "a change nobody makes", f"modules.{module.path}")
    for task in plan.tasks:
        if not task.criteria:
            yield objected(f"tasks: {task.id} serves no criterion", "work that nobody asked for", f"tasks.{task.id}")
        yield from _out_of_reach(task, plan)
    told = [f"{module.path} {module.how}" for module in plan.modules]
    told += [f"{task.title}: {step}" for task in plan.tasks for step in task.steps]
    for path in _missing(sorted({*worked, *(module.path for module in plan.modules)}), files):
        if not is_test_path(path) and not any(_NEW.search(line) and _named_in(path, line) for line in told):
            yield _unseen(path, "tasks.files")


def _with_ranges(text: str) -> str:
    """`text`, and every id that a range in it means: `FR-001 to FR-003`, `FR-001..003`."""
    found = [text]
    for first, last in re.findall(r"FR-(\d{3})\s*(?:to|through|until|-|–|—|\.{2,3}|…)\s*(?:FR-)?(\d{3})", text):
        found += [f"FR-{number:03d}" for number in range(int(first), int(last) + 1)]
    return " ".join(found)


def _out_of_reach(task: PlanTask, plan: Plan) -> Iterator[Objection]:
    for path in task.files:
        if "*" not in path and not any(matches(glob, path.removeprefix("./")) for glob in plan.boundaries.paths):
            cause = "the boundaries that the plan sets leave this file out"
            yield objected(f"tasks: {task.id} needs {path}", cause, f"tasks.{task.id}.files", Deviation.BOUNDARY)


def too_large(plan: Plan, most: TaskSize) -> Iterator[Objection]:
    """Tasks that no one session carries and is judged on."""
    for task in plan.tasks:
        sizes = (("files", len(task.files), most.files), ("criteria", len(task.criteria), most.criteria))
        for what, count, limit in sizes:
            if count > limit:
                yield _cut(f"tasks: {task.id} has {counted(count, what)}, at most {limit}", f"tasks.{task.id}")
    each = plan.estimate.lines / len(plan.tasks)
    if each > most.lines:
        told = f"{counted(len(plan.tasks), 'tasks')} for {counted(plan.estimate.lines, 'lines')}"
        yield _cut(f"tasks: {told}, about {each:.0f} each, at most {most.lines}", "tasks")


def _cut(what: str, at: str) -> Objection:
    cause = "one session carries a task and is judged on it alone; cut it, or raise the limit in [tasks]"
    return objected(what, cause, at, Deviation.QUALITY)


# -- tests against spec ------------------------------------------------------------------------------------------------


def claims_off_spec(
    tests: AcceptanceTests, criteria: Sequence[Criterion], written: Iterable[str]
) -> Iterator[Objection]:
    """Criteria without test or reason, claims for what is no criterion, and claims in files that were not written."""
    known = {criterion.id for criterion in criteria}
    proven = {name for claim in tests.tests for name in claim.proves}
    for name in sorted(known - proven):
        reasons = [line for line in tests.unproven if name in line]
        if not reasons:
            cause = "each criterion has a test, or stands in `unproven` with the reason"
            yield objected(f"tests: no test proves {name}", cause, "tests")
        elif all(len(_words(line.replace(name, ""))) < 2 for line in reasons):
            yield objected(
                f"unproven: {name} stands there without a reason", "say why no test can decide it", "unproven"
            )
    for name in sorted(proven - known):
        yield objected(f"tests: {name} is not a criterion", "tests prove the spec's criteria", "tests")
    there = set(written)
    for claim in tests.tests:
        path = claim.id.partition("::")[0]
        if "/" in path and PurePosixPath(path).suffix and path not in there:
            yield objected(f"tests: {claim.id} is in a file that was not written", "claim what you wrote", "tests")


# -- change against plan -----------------------------------------------------------------------------------------------


def change_off_plan(change: Change, plan: Plan, changed: Iterable[str], approved: Iterable[str]) -> Iterator[Objection]:
    """Changed files that no task names, tests and documents aside. A reason in `requests` makes it a remark for the
    person who decides."""
    named = [path for task in plan.tasks for path in task.files]
    named += [module.path for module in plan.modules]
    asked = {request.path for request in change.requests}
    frozen = set(approved)
    for path in changed:
        beside = path in frozen or is_test_path(path) or _DOCUMENT.search(path)
        if beside or any(_same(entry, path) for entry in named):
            continue
        cause = "no task of the plan names this file; put it back, or give the reason in `requests`"
        found = objected(f"{path} is changed outside the plan", cause, path, Deviation.BOUNDARY)
        yield found.model_copy(update={"severity": Severity.LOW, "cause": "given a reason"}) if path in asked else found


def unanswered(change: Change, given: Sequence[Objection]) -> Iterator[Objection]:
    """Objections of a review that the builder did not speak of: a remark each, the next review decides."""
    told = {answer.objection.strip("` ") for answer in change.answers}
    for objection in given:
        if objection.fingerprint not in told:
            what = f"answers: nothing is said of `{objection.fingerprint}`: {objection.what[:160]}"
            cause = "each objection is answered by its id, with what was changed or the run that shows it needs nothing"
            yield objected(what, cause, "answers", Deviation.QUALITY).model_copy(update={"severity": Severity.LOW})


# -- words and paths ---------------------------------------------------------------------------------------------------


def _unseen(path: str, at: str) -> Objection:
    cause = "the base has no such file and nothing says that it is new; open it, or say so"
    return objected(f"{path} does not exist", cause, at)


def _missing(paths: Iterable[str], files: Sequence[str]) -> list[str]:
    there = set(files)
    names = {PurePosixPath(path).name for path in files}
    plain = (path.removeprefix("./") for path in paths)
    return [path for path in plain if "*" not in path and path not in there and not _known(path, there, names)]


def _known(path: str, there: set[str], names: set[str]) -> bool:
    """A bare name of a file anywhere, or a folder."""
    return ("/" not in path and path in names) or any(file.startswith(f"{path.rstrip('/')}/") for file in there)


def _same(entry: str, path: str) -> bool:
    """Whether a plan's entry (a path, a folder or a glob) means this file."""
    entry = entry.strip().removeprefix("./")
    return entry == path or matches(entry, path) or (entry.endswith("/") and path.startswith(entry))


def _named_in(path: str, line: str) -> bool:
    pure = PurePosixPath(path)
    stem = pure.stem if pure.stem not in ("__init__", "index") else pure.parent.name
    return pure.name in line or re.search(rf"(?<!\w){re.escape(stem)}(?!\w)", line) is not None


def _listed(entries: str | Sequence[str]) -> list[str]:
    """The entries of a listing; `none` has none."""
    return [] if isinstance(entries, str) else list(entries)


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[\w']+", text.casefold()))


def _words(text: str) -> frozenset[str]:
    """Beginnings of the words that carry meaning, and numbers."""
    found = re.findall(r"\d+(?:\.\d+)?|[^\W\d_]{4,}", text.casefold())
    return frozenset(word if word[0].isdigit() else word[:5] for word in found) - _SMALL
