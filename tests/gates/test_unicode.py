"""What reads otherwise than it runs is found in code and tests; translations, data and honest words are left alone."""

import pytest

from setpoint.gates.change_set import between
from setpoint.gates.unicode import check_unicode
from setpoint.model.judgement import Measured


def judged(path: str, text: str, before: str = "") -> Measured:
    change = between({path: before.encode()} if before else {}, {path: text.encode()})
    return check_unicode(change)


WRONG = [
    ("an override in a comment", "a.py", "x = 1  # \u202e begin admins only \u2066\n", "bidi"),
    ("an isolate in a string", "tests/test_a.py", 'assert level == "user\u2066 // admin\u2069"\n', "bidi"),
    ("a mark in code", "src/a.ts", "const a\u200e = 1;\n", "bidi"),
    ("a zero-width space in a string", "a.py", 'if name == "ad\u200bmin":\n', "invisible"),
    ("a joiner in a name", "a.js", "const admin\u200d = 1;\n", "invisible"),
    ("a filler as a name", "a.js", "const { timeout, \u3164 } = query;\n", "invisible"),
    ("variation selectors that carry bytes", "a.js", "const s = 'x\U000e0154\U000e0155';\n", "invisible"),
    ("tags in instructions", "AGENTS.md", "Be kind\U000e0069\U000e0067.\n", "invisible"),
    ("zero width in prose", "README.md", "Read\u200b this.\n", "invisible"),
    ("a private letter", "a.py", "x = '\ue000'\n", "invisible"),
    ("a line separator", "a.js", "// nothing\u2028run();\n", "invisible"),
    ("a bare return in a line", "a.py", "x = 1\x00\n".replace("\x00", "\x08"), "invisible"),
    ("a mixed name", "a.py", "def is_\u0430dmin(user): ...\n", "homoglyph"),
    ("a mixed word in a string", "a.py", 'ROLE = "\u0430dmin"\n', "homoglyph"),
    ("a name all in look-alikes", "a.py", "\u0441\u043e\u0440\u0443 = 1\n", "homoglyph"),
    ("a string all in look-alikes of a name here", "a.py", 'copy = 1\nx = "\u0441\u043e\u0440\u0443"\n', "homoglyph"),
    ("full-width letters", "a.py", "\uff41dmin = 1\n", "homoglyph"),
    ("a Greek omicron", "test/a.test.js", "assert.equal(t\u03bftal(), 1);\n", "homoglyph"),
    ("in a workflow", ".github/workflows/ci.yml", "run: ech\u043e hi \u202e\n", "bidi"),
    ("a file's name", "src/\u0430pp.py", "x = 1\n", "file-name"),
]


@pytest.mark.parametrize(("path", "text", "rule"), [pytest.param(*row[1:], id=row[0]) for row in WRONG])
def test_what_reads_otherwise_than_it_runs_is_minded(path: str, text: str, rule: str) -> None:
    told = judged(path, text)
    assert f"unicode/{rule}" in {objection.rule for objection in told.objections}
    assert not told.holds
    for objection in told.objections:
        assert objection.evidence.isascii()
        assert objection.what.isascii()


HONEST = [
    ("umlauts", "a.py", "größe = 1  # süß\nprint('Übergröße – „ja“ …')\n"),
    ("Russian words in strings", "a.py", 'GREETING = "Привет, мир"  # приветствие\n'),
    ("Japanese with Latin letters", "a.py", 'TITLE = "Webサイトの設定"\n'),
    ("Greek names that look like nothing else", "a.py", "λ = 1\nδθ = λ * 2\n"),
    ("a family of emoji", "a.py", "x = '👨‍👩‍👧 ✔️ 1️⃣ 🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f'\n"),
    ("Persian with joiners", "a.py", 'WORD = "می‌خواهم"\n'),
    ("a translation with marks", "locale/he/LC_MESSAGES/app.po", 'msgstr "\u200fשלום (1)\u200f"\n'),
    ("data with marks", "tests/data/names.csv", "\u200fשלום,1\n"),
    ("prose with an isolate", "docs/a.md", "The word \u2067שלום\u2069 is Hebrew.\n"),
    ("a byte-order mark", "a.cs", "\ufeffusing System;\n"),
    ("an escape", "a.py", 'BIDI = "\\u202e"\n'),
    ("formats of a language", "conf/locale/fa/formats.py", 'DATE = "Y/n/j،\u200f G:i"\n'),
    ("braille for a spinner", "a.py", 'FRAMES = "⢀⠀⡀⠀"\n'),
    ("science", "a.py", "Δt = 0.1\nσ_x = ν_max * Δt\nμ = 2\n"),
    ("a form feed", "a.py", "x = 1\n\x0c\ny = 2\n"),
    ("micro and degree", "a.py", 'UNITS = "µm °C ½ ²"\n'),
]


@pytest.mark.parametrize(("path", "text"), [pytest.param(*row[1:], id=row[0]) for row in HONEST])
def test_honest_words_are_left_alone(path: str, text: str) -> None:
    told = judged(path, text)
    assert told.objections == ()


def test_only_added_lines_are_looked_at() -> None:
    old = "x = 'a\u200b'\n"
    told = judged("a.py", old + "y = 1\n", old)
    assert (told.objections, told.result.evidence.examined) == ((), 1)
