"""The session that solves issue 159 of parse: a float written with precision 0 is read back."""

from typing import Any

from setpoint.demo.authoring import (
    OPUS,
    OTHER,
    SONNET,
    Turn,
    edit,
    hand_in,
    judged,
    read,
    recording,
    say,
    search,
    shell,
    write,
)
from setpoint.model.change import AcceptanceTests, Change, TestClaim
from setpoint.model.review import CheckAnswer, Probe, Review, Verdict
from setpoint.model.session import Role
from setpoint.model.spec import Diagnosis
from setpoint.model.ticket import Criterion, SourceTag

SOURCE = "parse/__init__.py"
PATH = "tests/test_zero_precision.py"
ALL = "python -m pytest -q -p no:cacheprovider --no-cov"
SHOWN = 'python -c \'import parse; r = parse.parse("foo_{:02.0f}t", "foo_20t"); print(r); assert r\''
EDGES = (
    "python -c 'import parse; print([bool(parse.parse(f, t)) for f, t in ["
    '("{:.0f}", "12.0"), ("{:.0F}", ".5"), ("{:f}", "12"), ("{:.2f}", "12"), ("{:.00f}", "12"), ("{:.10f}", "12")]])\''
)

DIAGNOSIS = Diagnosis(
    symptom='`parse.parse("foo_{:02.0f}t", "foo_20t")` gives None, though `"foo_{:02.0f}t".format(20.0)` wrote that '
    "text.",
    reproduction=f"`{SHOWN}` prints None and fails its assertion.",
    cause=f"{SOURCE}, Parser._handle_field: the branches for `f` and `F` always use the pattern `\\d*\\.\\d+`, which "
    "insists on a point. `extract_format` reads the precision, but only the branch for a field without a type looks "
    "at it.",
    places=(f"{SOURCE}:729", f"{SOURCE}:732", "README.rst:445"),
    criteria=(
        Criterion(
            id="FR-001",
            text="With the types f and F and a precision of exactly 0, digits without a point match and give a float "
            "or a Decimal.",
            source=SourceTag.USER,
            quote="a precision of exactly 0 in the format matches digits without a point, and gives a float",
        ),
        Criterion(
            id="FR-002",
            text="With precision 0 a text with a point, such as 12.0, does not match.",
            source=SourceTag.USER,
            quote="With precision 0 a text with a point (`12.0`) does not match.",
        ),
        Criterion(
            id="NFR-001",
            text="Without a precision or with any other one, `f` and `F` match what they matched before; {:f} "
            "refuses 12.",
            source=SourceTag.USER,
            quote="everything stays: `{:f}` still refuses `12`.",
        ),
    ),
    must_stay=(
        "The patterns of all other types",
        "Sign, width, fill and alignment around the number",
        "Existing tests",
    ),
    approach="One branch for f and F: the pattern is `\\d+` when the precision is all zeros, else the one of today. A "
    "line in the change log of README.rst.",
    checks=(f"{ALL} {PATH}", ALL),
    paths=("parse/**", "tests/**", "README.rst"),
)

TESTS = '''from decimal import Decimal

import parse


def value(pattern, text):
    """The one parsed value, or None where nothing matches."""
    result = parse.parse(pattern, text)
    return result[0] if result else None


def test_what_format_writes_is_read_back():
    for pattern in ("{:.0f}", "foo_{:02.0f}t", "{:5.0f}", "{:+.0f}", "{:<6.0f}|", "{:.00f}"):
        for number in (0.0, 7.0, 20.0, -3.0, 1234567.0):
            found = value(pattern, pattern.format(number))
            assert found == number
            assert type(found) is float


def test_the_decimal_type_reads_it_too():
    found = value("{:.0F}", "{:.0F}".format(Decimal("12")))
    assert found == Decimal("12")
    assert type(found) is Decimal


def test_a_point_does_not_match_precision_0():
    assert value("{:.0f}", "12") == 12.0
    for text in ("12.0", "12.", ".5", "1e3"):
        assert value("{:.0f}", text) is None
        assert value("{:.0F}", text) is None


def test_several_fields_in_one_pattern():
    result = parse.parse("{w:.0f}x{h:.0f} at {scale:.1f}", "640x480 at 1.5")
    assert result is not None
    assert result.named == {"w": 640.0, "h": 480.0, "scale": 1.5}
'''

CLAIMS = AcceptanceTests(
    tests=(
        TestClaim(
            id=f"{PATH}::test_what_format_writes_is_read_back",
            proves=("FR-001",),
            what="Six formats with precision 0 read back what format() wrote for five numbers, as floats.",
        ),
        TestClaim(
            id=f"{PATH}::test_the_decimal_type_reads_it_too",
            proves=("FR-001",),
            what="The type F gives a Decimal.",
        ),
        TestClaim(
            id=f"{PATH}::test_a_point_does_not_match_precision_0",
            proves=("FR-002",),
            what="12 matches; 12.0, 12., .5 and 1e3 do not.",
        ),
        TestClaim(
            id=f"{PATH}::test_several_fields_in_one_pattern",
            proves=("FR-001",),
            what="Named fields with precision 0 stand beside one with precision 1.",
        ),
    ),
    files=(PATH,),
    unproven=(
        "NFR-001: it holds before the mend too, so no new test of it can be red; test_parse.py::test_numbers and the "
        "doctests of README.rst hold it and stay unchanged",
    ),
)

BEFORE = """        elif type == "f":
            s = r"\\d*\\.\\d+"
            conv[group] = convert_first(float)
        elif type == "F":
            s = r"\\d*\\.\\d+"
            conv[group] = convert_first(Decimal)
"""
AFTER = """        elif type == "f" or type == "F":
            # format() writes no decimal point when the precision is 0
            precision = format.get("precision")
            s = r"\\d+" if precision and not precision.strip("0") else r"\\d*\\.\\d+"
            conv[group] = convert_first(float if type == "f" else Decimal)
"""
LOG = "- 1.22.0 Convert into a package and add type stubs (thanks @moi90)\n"
ENTRY = "- 1.22.1 Match floats without a decimal point when the precision is 0, as `format()` writes them\n"

REVIEW = Review(
    summary="A precision of 0 now reads back what format() writes, for floats and Decimals; the pattern of every other "
    "precision is the one of before. The change log has its line.",
    checks=(
        CheckAnswer(
            check="business logic and requirements", tried="each sentence of the ticket as a call", result="holds"
        ),
        CheckAnswer(
            check="edge cases and assumptions",
            tried="precision 00 and 10, negative zero, width with fill, centred, both types in one pattern",
            result="holds",
        ),
        CheckAnswer(check="API contract", tried="signatures and group counts of the parser: unchanged", result="holds"),
        CheckAnswer(check="validation", tried="12.0, 12. and .5 against precision 0: refused", result="holds"),
        CheckAnswer(check="security", tried="the new pattern cannot backtrack more than the old one", result="holds"),
        CheckAnswer(check="database and migrations", tried="there is none", result="does not apply"),
        CheckAnswer(
            check="error handling", tried="a format without a precision has no key: get() is used", result="holds"
        ),
        CheckAnswer(check="concurrency and async", tried="patterns are built per parser", result="does not apply"),
        CheckAnswer(check="performance", tried="one comparison when a pattern is built", result="holds"),
        CheckAnswer(check="tests", tried="with the old branch back all four new tests are red", result="holds"),
        CheckAnswer(check="happy path only", tried="four texts are refused in the tests", result="holds"),
        CheckAnswer(check="architecture and conventions", tried="style of the neighbouring branches", result="holds"),
    ),
    probes=(
        Probe(command=SHOWN, outcome="<Result (20.0,) {}>"),
        Probe(command=EDGES, outcome="[False, False, False, False, True, False]"),
        Probe(command=ALL, outcome="103 passed, 1 skipped"),
    ),
)

TURNS = (
    Turn(
        "diagnosis",
        OPUS,
        (
            say(
                "First the defect itself, then the code that builds the pattern.",
                shell(SHOWN, contains="None", failed=True),
                search("precision", SOURCE, contains="precision"),
                search('type == "[fF]"', SOURCE, contains='elif type == "f"'),
            ),
            say(
                "",
                read(SOURCE, start=695, lines=45, contains='elif type == "F"'),
                read(SOURCE, start=351, lines=52, contains="def extract_format"),
                search("a 12 b", "tests/test_parse.py", contains="{:f}"),
            ),
            say("The precision is there and nobody asks for it.", shell(ALL, contains="99 passed")),
            hand_in(DIAGNOSIS),
        ),
    ),
    judged(
        "diagnosis",
        Verdict(
            compared=(
                "symptom and reproduction with the ticket's example: the same call",
                "FR-001, FR-002 and NFR-001 with the ticket's three sentences under Expected",
                "cause with the two branches: both insist on a point",
                "paths with the change log asked for: README.rst is inside",
            ),
        ),
        read(SOURCE, start=725, lines=12, contains='elif type == "F"'),
    ),
    Turn(
        "tests",
        SONNET,
        (
            say("", read("tests/test_bugs.py", lines=30, contains="import parse")),
            say("Round trips through format() say it best; each assertion fails today.", write(PATH, TESTS)),
            say("", shell(f"{ALL} {PATH}", contains="4 failed", failed=True)),
            hand_in(CLAIMS),
        ),
    ),
    judged(
        "tests",
        Verdict(
            compared=(
                "FR-001 with three tests: both types, widths, signs, named fields",
                "FR-002 with test_a_point_does_not_match_precision_0: four refused texts",
                "NFR-001 is given as unproven with a sound reason",
            ),
        ),
        read(PATH, contains="def test_what_format_writes_is_read_back"),
    ),
    Turn(
        "implementation",
        SONNET,
        (
            say("", read(SOURCE, start=725, lines=14, contains='elif type == "F"')),
            say(
                "The two branches differ only in the converter, so they become one.",
                edit(SOURCE, BEFORE, AFTER),
                edit("README.rst", LOG, ENTRY + LOG),
            ),
            say("", shell(f"{ALL} {PATH}", contains="4 passed"), shell(ALL, contains="103 passed")),
            hand_in(
                Change(
                    summary="`{:.0f}` and `{:.0F}` match digits without a point, because format() writes none at "
                    "precision 0. Every other precision, and none, keeps its pattern.",
                    ran=(f"{ALL} {PATH}: 4 passed", f"{ALL}: 103 passed, 1 skipped"),
                    documentation="README.rst: a line in the change log.",
                )
            ),
        ),
    ),
    judged(
        "implementation",
        Verdict(
            compared=(
                "the diagnosis's approach with the diff: one branch for both types",
                "the four approved tests with the code: no text of theirs stands in it",
                "README.rst with the diff: a line in the change log",
            ),
        ),
    ),
    Turn(
        "review",
        OTHER,
        (
            say(
                "",
                read(SOURCE, start=725, lines=14, contains="precision.strip"),
                read("README.rst", start=442, lines=8, contains="precision is 0"),
                shell(ALL, contains="103 passed"),
            ),
            say("", shell(SHOWN, contains="20.0"), shell(EDGES, contains="[False, False, False, False, True, False]")),
            hand_in(REVIEW),
        ),
        role=Role.REVIEWER,
    ),
)


def build() -> dict[str, Any]:
    """The recording."""
    about = "A hotfix in the package parse: floats with precision 0 are read back."
    return recording(about, "parse-159-zero-precision", TURNS)
