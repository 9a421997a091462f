"""What the scripted model says in a run: turns by session, in the order the sessions begin.

Sessions are told apart by their submit tool and their first message; a request without any reply begins one. What a
test does not script goes well: a validator and a reviewer without a turn of their own are content.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from setpoint.model.change import AcceptanceTests, Change, CiFix, TestClaim
from setpoint.model.objection import Deviation, Severity
from setpoint.model.plan import CHALLENGES, ChallengeAnswer, Check, Estimate, ModuleChange, Plan, PlanTask
from setpoint.model.record import Record
from setpoint.model.review import REVIEW_CHECKS, CheckAnswer, Finding, Probe, Review, Verdict
from setpoint.model.spec import ChildTicket, Choice, Diagnosis, FunctionalSpec, OpenQuestion, Split, TechSpec
from setpoint.model.ticket import Criterion, Kind, SourceTag
from setpoint.testing.model_formats import Call, Step
from setpoint.testing.model_server import Seen

SUBMITS: dict[type[Record], str] = {
    FunctionalSpec: "functional_spec", TechSpec: "tech_spec", Plan: "plan", Diagnosis: "diagnosis", Split: "split",
    AcceptanceTests: "tests", Change: "change", CiFix: "ci_fix", Review: "review", Verdict: "verdict",
}  # fmt: skip

Turn = Sequence[Step]
Session = Sequence[Turn]

SPOILT = frozenset({"malformed", "unknown_tool", "empty", "truncated"})
"""Faults that are delivered as a reply: the step they stand in for is still to come."""
LOST = frozenset({"reset", "cut", "stream_error", "garbage"})
"""Faults whose reply never arrives whole: the same request comes again."""


class Story:
    """The script of one run."""

    def __init__(self, sessions: Mapping[str, Sequence[Session]], faults: Mapping[int, str] | None = None) -> None:
        self._sessions = {name: list(each) for name, each in sessions.items()}
        self._known: dict[tuple[str, str, str], Session] = {}
        self._given: dict[tuple[str, str, str, int], int] = {}
        self._faults = faults or {}

    def __call__(self, seen: Seen) -> Step:
        """The next step of the session's present turn."""
        key = (seen.submit, seen.system, seen.first)
        begins = seen.replies == 0 and self._given.pop((*key, 1), 0) > 0
        if key not in self._known or begins:
            left = self._sessions.get(seen.submit.removeprefix("submit_"), [])
            self._known[key] = left.pop(0) if left else _content(seen.submit)
        turns = self._known[key]
        turn = turns[min(seen.turns, len(turns)) - 1]
        at = self._given.get((*key, seen.turns), 0)
        if self._faults.get(seen.number) not in SPOILT | LOST:
            self._given[(*key, seen.turns)] = at + 1
        return turn[min(at, len(turn) - 1)]


def _content(submit: str) -> Session:
    found: dict[str, Session] = {"submit_verdict": [[hand_in(CONTENT)]], "submit_review": [[TRIES, hand_in(GOOD)]]}
    if submit not in found:
        raise AssertionError(f"the story has no session left for {submit}")
    return found[submit]


# -- steps -----------------------------------------------------------------------------------------------------------


def call(name: str, **arguments: Any) -> Step:
    """One tool call."""
    return Step(calls=(Call(name, arguments),))


def write(path: str, content: str) -> Step:
    """Write a file."""
    return call("write", path=path, content=content)


def edit(path: str, old: str, new: str) -> Step:
    """Replace text in a file."""
    return call("edit", path=path, old=old, new=new)


def shell(command: str) -> Step:
    """Run a command in the sandbox."""
    return call("shell", command=command)


def ask(question: str, why: str = "it cannot be found out here") -> Step:
    """Ask a person."""
    return call("ask", question=question, why=why)


def hand_in(record: Record) -> Step:
    """Submit."""
    return call(f"submit_{SUBMITS[type(record)]}", **record.model_dump(mode="json", exclude_unset=True))


def raw_hand_in(deliverable: str, content: dict[str, Any]) -> Step:
    """Submit what may not have its form."""
    return call(f"submit_{deliverable}", **content)


# -- judges ----------------------------------------------------------------------------------------------------------

CONTENT = Verdict(compared=("each criterion with the deliverable",))


def finding(what: str, severity: Severity = Severity.HIGH, **more: Any) -> Finding:
    """Something wrong."""
    told = {"cause": "the limit is not looked at", "path": "shop/price.py", "evidence": "called with 100.5"}
    return Finding(severity=severity, deviation=Deviation.BEHAVIOUR, what=what, **{**told, **more})


def minds(*found: Finding, guesses: tuple[str, ...] = ()) -> Session:
    """A validator that objects."""
    return [[hand_in(Verdict(compared=("all of it",), findings=found, guesses=guesses))]]


TRIED = "python -c 'from shop.price import total; print(total([]))'"
TRIES = shell(TRIED)


def reviewed(*found: Finding, closed: tuple[str, ...] = ()) -> Review:
    """A report."""
    return Review(
        summary="Tried each sentence of the ticket.",
        checks=tuple(CheckAnswer(check=name, tried=f"odd input: {name}", result="holds") for name in REVIEW_CHECKS),
        probes=(Probe(command=TRIED, outcome="passed"),),
        findings=found,
        closed=closed,
    )


GOOD = reviewed()


def reports(*found: Finding, closed: tuple[str, ...] = ()) -> Session:
    """A reviewer's session."""
    return [[TRIES, hand_in(reviewed(*found, closed=closed))]]


# -- the hotfix: a discount above 100 percent is refused --------------------------------------------------------------

HOTFIX_TICKET = """# Fix: a discount above 100 percent gives a negative price

`discounted(10.0, 150.0)` in `shop/price.py` returns -5.0, so a customer is paid for buying.

**Expected:** `discounted` raises `ValueError` for a percent above 100.
"""
QUOTE = "`discounted` raises `ValueError` for a percent above 100"

DIAGNOSIS = Diagnosis(
    symptom="discounted(10.0, 150.0) returns -5.0",
    reproduction="python -c 'from shop.price import discounted; print(discounted(10.0, 150.0))' printed -5.0",
    cause="shop/price.py:11 computes the price without a look at the percent",
    places=("shop/price.py:11",),
    criteria=(
        Criterion(id="FR-001", text="discounted raises ValueError above 100", source=SourceTag.USER, quote=QUOTE),
    ),
    must_stay=("discounts up to 100 percent",),
    approach="Raise ValueError first thing in discounted.",
    checks=("python -m pytest -q",),
    paths=("shop/**", "tests/**", "README.md"),
)

TEST_PATH = "tests/test_discount_limit.py"
TEST = """import pytest

from shop.price import discounted


def test_above_100_is_refused() -> None:
    with pytest.raises(ValueError):
        discounted(10.0, 150.0)
"""
CLAIMS = AcceptanceTests(
    tests=(TestClaim(id=f"{TEST_PATH}::test_above_100_is_refused", proves=("FR-001",), what="150 percent is refused"),),
    files=(TEST_PATH,),
)

PRICE = "shop/price.py"
RETURN = "    return price - price * percent / 100\n"


def guard(condition: str, note: str = "percent is above 100") -> str:
    """The mended line."""
    return f'    if {condition}:\n        raise ValueError("{note}")\n{RETURN}'


DOCSTRING = '    """`price` less `percent`."""\n'
BARE = DOCSTRING + RETURN
"""The place to mend; it is not there any more once it is mended."""
MEND = edit(PRICE, BARE, DOCSTRING + guard("percent > 100"))
CHANGE = Change(summary="discounted refuses a percent above 100.")


def hotfix(**other: Sequence[Session]) -> dict[str, Sequence[Session]]:
    """A hotfix that goes well, but for the sessions given."""
    usual: dict[str, Sequence[Session]] = {
        "diagnosis": [[[hand_in(DIAGNOSIS)]]],
        "tests": [[[write(TEST_PATH, TEST), hand_in(CLAIMS)]]],
        "change": [[[MEND, hand_in(CHANGE)]]],
    }
    return {**usual, **other}


# -- the feature: prices are rounded ----------------------------------------------------------------------------------

FEATURE_TICKET = """# Add `rounded` to the prices

Add a function `rounded(price)` to `shop/price.py` that gives the price rounded to two decimals, for the cashier's
receipt. It must return a float. Keep `total` and `discounted` as they are. Add a test for half a cent.
"""
ROUNDED_QUOTE = "gives the price rounded to two decimals"

SPEC = FunctionalSpec(
    summary="Prices on a receipt are rounded to two decimals.",
    users="The cashier, who prints receipts.",
    current_behaviour="shop/price.py sums and discounts; nothing rounds.",
    criteria=(Criterion(id="FR-001", text="rounded(1.006) is 1.01", source=SourceTag.USER, quote=ROUNDED_QUOTE),),
    must_stay=("total", "discounted"),
    can_break="none",
    out_of_scope="none",
)
DESIGN = TechSpec(
    approach="One function beside the others.",
    components=("shop/price.py: rounded",),
    interfaces=("rounded(price: float) -> float",),
    data="none",
    errors="none",
    choices=(Choice(decision="round()", because="it is there", instead_of="decimal"),),
    covers=("FR-001",),
    risks="none",
)


def plan_with(overview: str = "Add rounded to shop/price.py.", **other: Any) -> Plan:
    """A plan of one task."""
    usual: dict[str, Any] = {
        "overview": overview,
        "modules": (ModuleChange(path=PRICE, how="a function more"),),
        **dict.fromkeys(("data_models", "endpoints", "flows_at_risk", "migrations", "flags", "permissions"), "none"),
        **dict.fromkeys(("telemetry", "rules", "dependencies", "risks", "diagram"), "none"),
        "tests": ("test_half_a_cent: FR-001",),
        "challenge": tuple(ChallengeAnswer(question=q, answer="no", evidence="shop/price.py") for q in CHALLENGES),
        "tasks": (
            PlanTask(
                id="T001",
                title="Round prices",
                steps=("add rounded",),
                files=(PRICE,),
                criteria=("FR-001",),
                checks=(Check(run="python -m pytest -q tests/test_rounded.py"),),
            ),
        ),
        "boundaries": {"paths": ("shop/**", "tests/**"), "frozen": ("total", "discounted")},
        "estimate": Estimate(days=0.5, lines=10, risk="low"),
    }
    return Plan(**{**usual, **other})


PLAN = plan_with()
ROUNDED_PATH = "tests/test_rounded.py"
ROUNDED_TEST = """from shop import price


def test_half_a_cent() -> None:
    assert price.rounded(1.006) == 1.01
"""
ROUNDED_CLAIMS = AcceptanceTests(
    tests=(TestClaim(id=f"{ROUNDED_PATH}::test_half_a_cent", proves=("FR-001",), what="1.006 becomes 1.01"),),
    files=(ROUNDED_PATH,),
)
ROUND = edit(
    PRICE,
    RETURN,
    f'{RETURN}\n\ndef rounded(price: float) -> float:\n    """`price`, to the cent."""\n    return round(price, 2)\n',
)
ROUND_CHANGE = Change(summary="rounded gives two decimals.")


def feature(**other: Sequence[Session]) -> dict[str, Sequence[Session]]:
    """A feature that goes well, but for the sessions given."""
    usual: dict[str, Sequence[Session]] = {
        "functional_spec": [[[hand_in(SPEC)]]],
        "tech_spec": [[[hand_in(DESIGN)]]],
        "plan": [[[hand_in(PLAN)]]],
        "tests": [[[write(ROUNDED_PATH, ROUNDED_TEST), hand_in(ROUNDED_CLAIMS)]]],
        "change": [[[ROUND, hand_in(ROUND_CHANGE)]]],
    }
    return {**usual, **other}


# -- the epic ---------------------------------------------------------------------------------------------------------

EPIC_TICKET = """# Epic: receipts

Add a function `rounded(price)` to `shop/price.py` that gives the price rounded to two decimals, for the cashier.
Add a function `line(name, price)` to `shop/receipt.py` that returns `name: price` as one line.
Keep `total` as it is.
"""
LINE_QUOTE = "returns `name: price` as one line"
EPIC_SPEC = SPEC.model_copy(
    update={
        "criteria": (
            *SPEC.criteria,
            Criterion(id="FR-002", text="line('tea', 2.0) is 'tea: 2.0'", source=SourceTag.USER, quote=LINE_QUOTE),
        )
    }
)
EPIC_DESIGN = DESIGN.model_copy(update={"covers": ("FR-001", "FR-002")})
CHILDREN = Split(
    children=(
        ChildTicket(id="rounded", title="Round prices", kind=Kind.FEATURE, text=FEATURE_TICKET, criteria=("FR-001",)),
        ChildTicket(
            id="line",
            title="Receipt lines",
            kind=Kind.FEATURE,
            text=(
                "# Add receipt lines\n\nAdd a function `line(name, price)` to `shop/receipt.py` that returns "
                "`name: price` as one line, for the cashier. Keep `total` as it is. Add a test for an empty name.\n"
            ),
            criteria=("FR-002",),
            needs=("rounded",),
        ),
    ),
    because="Lines print rounded prices.",
)


def open_question(question: str) -> OpenQuestion:
    """A question that code must wait for."""
    return OpenQuestion(question=question, why="a wrong guess shows on every receipt", default="round half up")
