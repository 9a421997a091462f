"""Letters that look like ASCII and are not, and the script a letter belongs to."""

import re
import unicodedata
from functools import cache

_ALIKE = {
    # Cyrillic
    **dict(zip("асеорхуіјѕԁһӏԛԝьвкмнтгп", "aceopxyijsdhlqwbbkmhtrn", strict=True)),
    **dict(zip("АВЕКМНОРСТХУІЈЅԌԚԜҮ", "ABEKMHOPCTXYIJSGQWY", strict=True)),
    # Greek; letters that science uses as they are, and that nobody takes for others, are left out
    **dict(zip("ονιυ", "ovlu", strict=True)),
    **dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX", strict=True)),
    # Armenian
    **dict(zip("աօսոհցզքյ", "wouuhgqpj", strict=True)),
    **dict(zip("ՕՍՏԼ", "OUSL", strict=True)),
    # Cherokee capitals
    **dict(zip("ᎠᎡᎢᎪᎬᎳᎷᎻᏀᏃᏆᏔᏚᏞᏟᏢᏦᏴ", "DRTAEWMHGZIWSLCPKB", strict=True)),
    # Latin, letters that most fonts draw like another
    **dict(zip("ıɑɡɩʟɴʀɪᴏᴄᴜᴠᴡᴢᴋᴍ", "iagilnriocuvwzkm", strict=True)),
    "ⅼ": "l",
    "ǀ": "l",
    "Ꭵ": "i",
    "٥": "o",
    "०": "o",
}


def skeleton(text: str) -> str:
    """`text` as it looks, in ASCII as far as its letters have a look-alike there."""
    if text.isascii():
        return text
    return "".join(_ALIKE.get(letter, letter) for letter in unicodedata.normalize("NFKC", text))


def imitates(text: str) -> bool:
    """Whether `text` is no ASCII and looks as if it were, letter by letter; lone Greek letters are signs of science."""
    foreign = [part for part in re.split(r"[\W\d_]+", text) if not part.isascii()]
    signs = all(len(part) == 1 and script(part) in ("GREEK", "MICRO") for part in foreign)
    return not signs and skeleton(text).isascii()


@cache
def script(letter: str) -> str:
    """The script of a letter, by its Unicode name; empty for what belongs to none (digits, marks, punctuation)."""
    if not letter.isalpha() or unicodedata.category(letter) == "Lm":
        return ""
    name = unicodedata.name(letter, "")
    first = name.split(" ")[0].split("-")[0]
    return _SAME.get(first, first)


_SAME = {
    "FULLWIDTH": "LATIN",
    "MATHEMATICAL": "LATIN",
    "FEMININE": "LATIN",
    "MASCULINE": "LATIN",
    "HALFWIDTH": "KATAKANA",
}
_TOGETHER = (
    frozenset(("HIRAGANA", "KATAKANA", "CJK", "LATIN", "IDEOGRAPHIC")),
    frozenset(("HANGUL", "CJK", "LATIN")),
    frozenset(("BOPOMOFO", "CJK", "LATIN")),
)


def mixes_scripts(word: str) -> bool:
    """Whether a part of `word` takes letters of scripts that no language writes together, one of them in disguise."""
    return any(_mixed(part) for part in re.split(r"[\W\d_]+", word))


def _mixed(part: str) -> bool:
    found = {name for letter in part if (name := script(letter))}
    if len(found) < 2 or any(found <= allowed for allowed in _TOGETHER):
        return False
    return any(not letter.isascii() and skeleton(letter).isascii() for letter in part)
