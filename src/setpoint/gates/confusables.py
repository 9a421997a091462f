"""Letters that look like ASCII and are not, and the script a letter belongs to."""

import unicodedata
from functools import cache

_ALIKE = {
    # Cyrillic
    **dict(zip("асеорхуіјѕԁһӏԛԝьвкмнтгп", "aceopxyijsdhlqwbbkmhtrn", strict=True)),
    **dict(zip("АВЕКМНОРСТХУІЈЅԌԚԜҮ", "ABEKMHOPCTXYIJSGQWY", strict=True)),
    # Greek
    **dict(zip("αεικνορτυχγηωβμς", "aeiknoptuxynwbuc", strict=True)),
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
    """Whether `text` is no ASCII and looks as if it were, letter by letter."""
    return not text.isascii() and skeleton(text).isascii()


@cache
def script(letter: str) -> str:
    """The script of a letter, by its Unicode name; empty for what belongs to none (digits, marks, punctuation)."""
    if not letter.isalpha():
        return ""
    name = unicodedata.name(letter, "")
    first = name.split(" ")[0].split("-")[0]
    return _SAME.get(first, first)


_SAME = {"FULLWIDTH": "LATIN", "MATHEMATICAL": "LATIN", "FEMININE": "LATIN", "HALFWIDTH": "KATAKANA"}
_TOGETHER = (
    frozenset(("HIRAGANA", "KATAKANA", "CJK", "LATIN", "IDEOGRAPHIC")),
    frozenset(("HANGUL", "CJK", "LATIN")),
    frozenset(("BOPOMOFO", "CJK", "LATIN")),
)


def mixes_scripts(word: str) -> bool:
    """Whether `word` takes letters of scripts that no language writes in one word."""
    found = {name for letter in word if (name := script(letter))}
    return len(found) > 1 and not any(found <= allowed for allowed in _TOGETHER)
