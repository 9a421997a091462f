"""The sessions that let xmltodict.unparse() decode byte values."""

import runpy
from pathlib import Path
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

_DOCUMENTS = runpy.run_path(str(Path(__file__).with_name("documents.py")))
SPEC, DESIGN, PLAN = _DOCUMENTS["SPEC"], _DOCUMENTS["DESIGN"], _DOCUMENTS["PLAN"]

SOURCE = "xmltodict.py"
PATH = "tests/test_unparse_bytes.py"
ALL = "python -m pytest -q -p no:cacheprovider"
TODAY = (
    'python -c \'from xmltodict import unparse; print(unparse({"x": {"@a": b"abc", "@t": True}}));'
    ' print(unparse({"x": b"abc"}))\''
)
ODD = (
    'python -c \'from xmltodict import unparse; print(unparse({"x": {"b": [b"1", memoryview(b"2"), '
    'bytearray(b""), None], "@e": b"", "#comment": [b"n", b""], "#text": b"<raw>"}}, '
    "full_document=False))'"
)
HANDLER = (
    'python -c \'import io; from xmltodict import unparse; out = io.StringIO()\ntry:\n unparse({"x": "y"}, out, '
    'bytes_errors="nope")\nexcept ValueError as error:\n print(repr(out.getvalue()), error)\''
)

# The ids of claims have no parameters, so the kinds of bytes are looped over.
TESTS = '''import io

from xmltodict import unparse

KINDS = (bytes, bytearray, memoryview)
LATIN = "caf\\u00e9".encode("latin-1")


def written(document, **options):
    """What unparse writes, without header; or the name and words of the error it ends with."""
    try:
        return unparse(document, full_document=False, **options)
    except (TypeError, ValueError) as error:
        return f"{type(error).__name__}: {error}"


def test_text_is_decoded():
    for kind in KINDS:
        assert written({"x": kind(b"abc")}) == "<x>abc</x>"
        assert written({"x": {"#text": kind(b"abc")}}) == "<x>abc</x>"
        assert written({"x": {"y": [kind(b"1"), "2", kind(b"")]}}) == "<x><y>1</y><y>2</y><y></y></x>"


def test_attributes_and_xmlns_are_decoded():
    for kind in KINDS:
        assert written({"x": {"@a": kind(b"abc")}}) == '<x a="abc"></x>'
        assert written({"x": {"@xmlns": {"p": kind(b"urn:p")}}}) == '<x xmlns:p="urn:p"></x>'


def test_comments_are_decoded():
    for kind in KINDS:
        assert written({"x": {"#comment": kind(b"note")}}) == "<x><!--note--></x>"
    assert written({"x": {"#comment": [b"one", b"", "two"]}}) == "<x><!--one--><!--two--></x>"
    assert written({"x": {"#comment": b"a--b"}}) == "ValueError: Comment text cannot contain '--'"
    assert written({"x": {"#comment": LATIN}}, encoding="latin-1") == "<x><!--caf\\u00e9--></x>"


def test_the_output_encoding_decodes():
    document = {"x": {"@a": LATIN, "@xmlns": {"": LATIN}, "y": LATIN, "#text": LATIN}}
    expected = '<x a="caf\\u00e9" xmlns="caf\\u00e9"><y>caf\\u00e9</y>caf\\u00e9</x>'
    assert written(document, encoding="iso-8859-1") == expected


def test_bytes_are_one_value_with_expand_iter():
    for kind in KINDS:
        assert written({"x": kind(b"ab")}, expand_iter="item") == "<x>ab</x>"
        nested = {"x": {"y": [kind(b"ab"), ["c", kind(b"d")]]}}
        expected = "<x><y>ab</y><y><item>c</item><item>d</item></y></x>"
        assert written(nested, expand_iter="item") == expected


def test_undecodable_bytes_are_replaced_by_default():
    bad = "\\ufffd"
    document = {"x": {"@a": b"\\xff", "@xmlns": {"": b"\\xff"}, "#comment": b"\\xff", "#text": b"\\xff"}}
    assert written(document) == f'<x a="{bad}" xmlns="{bad}"><!--{bad}-->{bad}</x>'


def test_another_handler_is_used():
    places = ({"@a": b"\\xff"}, {"@xmlns": {"": b"\\xff"}}, {"#comment": b"\\xff"}, {"#text": b"\\xff"}, b"\\xff")
    for place in places:
        assert written({"x": place}, bytes_errors="strict").startswith("UnicodeDecodeError: ")
    assert written({"x": b"a\\xffb"}, bytes_errors="ignore") == "<x>ab</x>"


def test_an_unknown_handler_is_refused_before_anything_is_written():
    output = io.StringIO()
    refused = written({"x": "text"}, output=output, bytes_errors="nope")
    assert refused == "ValueError: Invalid bytes_errors handler: nope"
    assert output.getvalue() == ""


def test_booleans_are_small_everywhere():
    document = {"x": {"@on": True, "@off": False, "@xmlns": {"p": True}, "#text": True}}
    assert written(document) == '<x on="true" off="false" xmlns:p="true">true</x>'
'''

CLAIMS = AcceptanceTests(
    tests=(
        TestClaim(
            id=f"{PATH}::test_text_is_decoded",
            proves=("FR-001",),
            what="Text and #text, alone and in lists, all kinds.",
        ),
        TestClaim(
            id=f"{PATH}::test_attributes_and_xmlns_are_decoded", proves=("FR-001",), what="Attributes and xmlns values."
        ),
        TestClaim(
            id=f"{PATH}::test_comments_are_decoded",
            proves=("FR-001",),
            what="Comments, alone and in lists; the rule against -- holds after decoding.",
        ),
        TestClaim(
            id=f"{PATH}::test_the_output_encoding_decodes",
            proves=("FR-002",),
            what="Latin-1 bytes in all places with encoding iso-8859-1.",
        ),
        TestClaim(
            id=f"{PATH}::test_bytes_are_one_value_with_expand_iter",
            proves=("FR-003",),
            what="Bytes are not taken apart, also inside lists.",
        ),
        TestClaim(
            id=f"{PATH}::test_undecodable_bytes_are_replaced_by_default",
            proves=("FR-004",),
            what="U+FFFD stands in all four places.",
        ),
        TestClaim(
            id=f"{PATH}::test_another_handler_is_used",
            proves=("FR-004",),
            what="strict raises UnicodeDecodeError in every place, ignore leaves the byte out.",
        ),
        TestClaim(
            id=f"{PATH}::test_an_unknown_handler_is_refused_before_anything_is_written",
            proves=("FR-005",),
            what="ValueError with the asked message, and the output is empty.",
        ),
        TestClaim(
            id=f"{PATH}::test_booleans_are_small_everywhere",
            proves=("FR-006",),
            what="true and false in attributes, xmlns values and text.",
        ),
    ),
    files=(PATH,),
    unproven=(
        "NFR-001: it holds before the change too; the 104 existing tests hold it and stay unchanged",
        "SC-001: documentation; T002's check looks for the keyword in README.md",
    ),
)

CONVERT_BEFORE = '''def _convert_value_to_string(value):
    """Convert a value to its string representation for XML output.

    Handles boolean values consistently by converting them to lowercase.
    """
    if isinstance(value, (str, bytes)):
        return value
'''
CONVERT_AFTER = '''_BYTES_TYPES = (bytes, bytearray, memoryview)


def _convert_value_to_string(value, encoding='utf-8', bytes_errors='replace'):
    """Convert a value to its string representation for XML output.

    Handles boolean values consistently by converting them to lowercase, and
    decodes byte values with `encoding` and the error handler `bytes_errors`.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, _BYTES_TYPES):
        return bytes(value).decode(encoding, bytes_errors)
'''
XMLNS_BEFORE = "                        attrs[attr] = '' if v is None else str(v)\n"
XMLNS_AFTER = """                        attrs[attr] = '' if v is None else _convert_value_to_string(
                            v, encoding, bytes_errors)
"""
ATTRIBUTE_BEFORE = """                elif not isinstance(iv, str):
                    iv = str(iv)
"""
ATTRIBUTE_AFTER = """                else:
                    iv = _convert_value_to_string(iv, encoding, bytes_errors)
"""
LOOP_BEFORE = """            if expand_iter and hasattr(v, '__iter__'):
                v = {expand_iter: v}
            else:
                v = _convert_value_to_string(v)
"""
LOOP_AFTER = """            if (expand_iter and hasattr(v, '__iter__')
                    and not isinstance(v, _BYTES_TYPES)):
                v = {expand_iter: v}
            else:
                v = _convert_value_to_string(v, encoding, bytes_errors)
"""
DOCSTRING_BEFORE = """    can be customized with the `newl` and `indent` parameters.

    \"\"\"
    must_return = False
"""
DOCSTRING_AFTER = """    can be customized with the `newl` and `indent` parameters.

    Byte values (`bytes`, `bytearray`, `memoryview`) are decoded with `encoding`
    wherever a value is written. The `bytes_errors` parameter (default=`'replace'`)
    is the error handler for that decoding; with `'strict'`, bytes that cannot be
    decoded raise `UnicodeDecodeError`. An unknown handler raises `ValueError`.

    \"\"\"
    try:
        codecs.lookup_error(bytes_errors)
    except LookupError:
        raise ValueError(f"Invalid bytes_errors handler: {bytes_errors}") from None
    must_return = False
"""
README_BEFORE = "- `expand_iter=None`: Tag name to use for items in nested lists (breaks roundtripping).\n"
README_AFTER = README_BEFORE + (
    "- `bytes_errors='replace'`: Error handler used to decode `bytes`, `bytearray` and `memoryview` values with "
    "`encoding`. `'strict'` raises `UnicodeDecodeError` for bytes that cannot be decoded; an unknown handler raises "
    "`ValueError`.\n"
)

EMIT_EDITS = (
    edit(
        SOURCE,
        "from xml.parsers import expat\nfrom xml.sax",
        "import codecs\nfrom xml.parsers import expat\nfrom xml.sax",
    ),
    edit(SOURCE, CONVERT_BEFORE, CONVERT_AFTER),
    edit(
        SOURCE,
        "          expand_iter=None,\n          comment_key='#comment'):\n",
        "          expand_iter=None,\n          comment_key='#comment',\n          encoding='utf-8',\n"
        "          bytes_errors='replace'):\n",
    ),
    edit(
        SOURCE,
        "            comment_text = _convert_value_to_string(comment_text)\n",
        "            comment_text = _convert_value_to_string(\n                comment_text, encoding, bytes_errors)\n",
    ),
    edit(
        SOURCE,
        "    if not hasattr(value, '__iter__') or isinstance(value, (str, dict)):\n",
        "    if (not hasattr(value, '__iter__')\n            or isinstance(value, (str, dict, *_BYTES_TYPES))):\n",
    ),
    edit(SOURCE, LOOP_BEFORE, LOOP_AFTER),
    edit(
        SOURCE,
        "                    cdata = _convert_value_to_string(iv)\n",
        "                    cdata = _convert_value_to_string(\n                        iv, encoding, bytes_errors)\n",
    ),
    edit(SOURCE, XMLNS_BEFORE, XMLNS_AFTER),
    edit(SOURCE, ATTRIBUTE_BEFORE, ATTRIBUTE_AFTER),
    edit(
        SOURCE,
        "                  expand_iter=expand_iter, comment_key=comment_key)\n",
        "                  expand_iter=expand_iter, comment_key=comment_key,\n"
        "                  encoding=encoding, bytes_errors=bytes_errors)\n",
    ),
)
UNPARSE_EDITS = (
    edit(
        SOURCE,
        "            short_empty_elements=False, comment_key='#comment',\n            **kwargs):\n",
        "            short_empty_elements=False, comment_key='#comment',\n            bytes_errors='replace', "
        "**kwargs):\n",
    ),
    edit(SOURCE, DOCSTRING_BEFORE, DOCSTRING_AFTER),
    edit(
        SOURCE,
        "        _emit(key, value, content_handler, full_document=full_document, comment_key=comment_key, **kwargs)\n",
        "        _emit(key, value, content_handler, full_document=full_document, comment_key=comment_key,\n"
        "              encoding=encoding, bytes_errors=bytes_errors, **kwargs)\n",
    ),
)

REVIEW = Review(
    summary="Byte values are decoded with the output encoding in all five places the ticket names, and count as one "
    "value. The handler is checked first. Booleans are written the same everywhere.",
    checks=(
        CheckAnswer(
            check="business logic and requirements", tried="each point of the ticket as a call", result="holds"
        ),
        CheckAnswer(
            check="edge cases and assumptions", tried="empty bytes, None beside bytes, lists of both", result="holds"
        ),
        CheckAnswer(
            check="API contract", tried="order of the existing arguments of unparse: unchanged", result="holds"
        ),
        CheckAnswer(check="validation", tried="a comment with -- hidden in bytes is still refused", result="holds"),
        CheckAnswer(check="security", tried="bytes with < and & are escaped like text", result="holds"),
        CheckAnswer(check="database and migrations", tried="there is none", result="does not apply"),
        CheckAnswer(
            check="error handling", tried="strict in every place; unknown handler with an output", result="holds"
        ),
        CheckAnswer(check="concurrency and async", tried="no state is kept", result="does not apply"),
        CheckAnswer(check="performance", tried="one isinstance more for a value that is no text", result="holds"),
        CheckAnswer(check="tests", tried="took each edit back in turn: a test goes red each time", result="holds"),
        CheckAnswer(
            check="happy path only", tried="bad bytes, bad handlers and bad comments are tested", result="holds"
        ),
        CheckAnswer(check="architecture and conventions", tried="one conversion function, as before", result="holds"),
    ),
    probes=(
        Probe(command=ODD, outcome="each byte value decoded once and escaped, empty ones empty"),
        Probe(command=HANDLER, outcome="'' Invalid bytes_errors handler: nope"),
        Probe(command=ALL, outcome="113 passed"),
    ),
)


def accepted(phase: str, *compared: str, fresh: int = 1) -> Turn:
    """A validator that has nothing against the deliverable."""
    return judged(phase, Verdict(compared=compared), fresh=fresh)


TURNS = (
    Turn(
        "discovery",
        OPUS,
        (
            say(
                "What is written today, and by which lines?",
                search("_convert_value_to_string|str\\(", SOURCE, contains="_convert_value_to_string(iv)"),
                read(SOURCE, start=374, lines=12, contains="isinstance(value, (str, bytes))"),
                read(SOURCE, start=434, lines=105, contains="@xmlns"),
                shell(TODAY, contains="b'abc'", failed=True),
            ),
            say("", read("README.md", start=222, lines=24, contains="expand_iter"), shell(ALL, contains="104 passed")),
            hand_in(SPEC),
        ),
    ),
    accepted(
        "discovery",
        "`decoded ... wherever a value is written` with FR-001 and FR-002: the five places are named",
        "`count as one value, also with expand_iter` with FR-003",
        "`bytes_errors` with FR-004 and FR-005: default, strict, unknown handler, before anything is written",
        "`booleans as true and false` with FR-006; `Describe the keyword` with SC-001",
    ),
    Turn(
        "tech_spec",
        SONNET,
        (
            say(
                "",
                read(SOURCE, start=543, lines=58, contains="def unparse"),
                search("_validate_comment", SOURCE, contains="def _validate_comment"),
            ),
            hand_in(DESIGN),
        ),
    ),
    accepted(
        "tech_spec",
        "FR-001, FR-002, FR-006 with the one conversion function and its two new parameters",
        "FR-003 with the two places that take iterables apart",
        "FR-004 and FR-005 with the keyword and codecs.lookup_error at the start of unparse",
        "must_stay with interfaces: the keyword comes last",
    ),
    Turn(
        "planning",
        OPUS,
        (
            say(
                "",
                search("_emit\\(|unparse\\(", SOURCE, contains="def _emit"),
                shell("grep -rn _emit tests README.md", failed=True),
            ),
            hand_in(PLAN),
        ),
    ),
    accepted(
        "planning",
        "every criterion with a task: FR-001 to FR-006 and NFR-001 in T001, SC-001 in T002",
        "T001's steps with the places in the design: all seven call sites are named",
        "checks with tasks: each ends in a command",
        "boundaries with the files of the tasks",
    ),
    Turn(
        "tests",
        SONNET,
        (
            say("", read("tests/test_dicttoxml.py", lines=40, contains="unparse")),
            say(
                "One test for each point of the ticket; errors are told as text, so that each is red by its assertion.",
                write(PATH, TESTS),
            ),
            say("", shell(f"{ALL} {PATH}", contains="9 failed", failed=True)),
            hand_in(CLAIMS),
        ),
    ),
    accepted(
        "tests",
        "FR-001 with three tests: text, attributes and xmlns, comments, each with three kinds of bytes",
        "FR-002 to FR-006 with a test each, FR-004 with two",
        "NFR-001 and SC-001 are given as unproven with sound reasons",
    ),
    Turn(
        "implementation",
        SONNET,
        (
            say("", read(SOURCE, start=374, lines=12), read(SOURCE, start=434, lines=105, contains="def _emit")),
            say("The conversion first, then each place that writes a value.", *EMIT_EDITS),
            say("Then the keyword, checked before a handler is made.", *UNPARSE_EDITS),
            say("", shell(f"{ALL} {PATH}", contains="9 passed"), shell(ALL, contains="113 passed")),
            hand_in(
                Change(
                    summary="`unparse()` decodes bytes, bytearray and memoryview with the output encoding wherever a "
                    "value is written, and counts them as one value. `bytes_errors` names the error handler; an "
                    "unknown one is refused before anything is written. Attributes and xmlns values write booleans "
                    "as text does.",
                    ran=(f"{ALL} {PATH}: 9 passed", f"{ALL}: 113 passed"),
                    documentation="The docstring of unparse; README.md follows in T002.",
                )
            ),
        ),
        task="T001",
    ),
    accepted(
        "implementation",
        "T001's steps with the diff: the conversion, the five places, the keyword and its check",
        "the approved tests with the code: no value of theirs stands in it",
    ),
    Turn(
        "implementation",
        SONNET,
        (
            say("", edit("README.md", README_BEFORE, README_AFTER)),
            say(
                "",
                shell("grep -n bytes_errors README.md", contains="bytes_errors='replace'"),
                shell(ALL, contains="113 passed"),
            ),
            hand_in(
                Change(
                    summary="README.md describes `bytes_errors` beside the other keywords of `unparse()`.",
                    ran=("grep -n bytes_errors README.md: one line", f"{ALL}: 113 passed"),
                    documentation="README.md.",
                )
            ),
        ),
        task="T002",
    ),
    accepted("implementation", "T002's step with README.md: the keyword is described beside the others", fresh=2),
    Turn(
        "review",
        OTHER,
        (
            say(
                "",
                read(SOURCE, start=374, lines=20, contains="_BYTES_TYPES"),
                search("bytes_errors", SOURCE, contains="lookup_error(bytes_errors)"),
                search("bytes_errors", "README.md", contains="replace"),
                shell(ALL, contains="113 passed"),
            ),
            say(
                "Odd values, and the promise that nothing is written before the handler is checked.",
                shell(ODD, contains='<x e=""><b>1</b><b>2</b><b></b><b></b><!--n-->&lt;raw&gt;</x>'),
                shell(HANDLER, contains="'' Invalid bytes_errors handler: nope"),
            ),
            hand_in(REVIEW),
        ),
        role=Role.REVIEWER,
    ),
)


def build() -> dict[str, Any]:
    """The recording."""
    about = "A feature in the package xmltodict: unparse() decodes byte values."
    return recording(about, "xmltodict-bytes-values", TURNS)
