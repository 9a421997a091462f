"""Makes characters visible that a person would not see but a model would read."""

import re

_INVISIBLE = re.compile(
    "["
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # controls but tab and newlines
    "\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff"
    "\ud800-\udfff"  # halves of a pair: text that was not UTF-8
    "\ue000-\uf8ff"  # private use
    "\U000110bd\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"  # tags and variation selectors: whole messages hide in them
    "\U000f0000-\U0010ffff"
    "]"
)
_JOINERS = "\u200c\u200d"
_EMOJI_STYLE = "\ufe0f"


def visible(text: str) -> str:
    """`text` with Unix line ends, and each control, invisible or direction-changing character written `[U+202E]`.

    Joiners inside emoji and inside scripts that need them stay.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _INVISIBLE.sub(_named, text)


def _named(match: re.Match[str]) -> str:
    character = match.group()
    text, at = match.string, match.start()
    before = text[at - 1] if at else " "
    after = text[at + 1] if at + 1 < len(text) else " "
    if character == _EMOJI_STYLE and ord(before) >= 0x2000 and not _INVISIBLE.match(before):
        return character
    if character in _JOINERS and all(_takes_joiners(beside) for beside in (before, after)):
        return character
    return f"[U+{ord(character):04X}]"


def _takes_joiners(beside: str) -> bool:
    code = ord(beside)
    return 0x0600 <= code <= 0x0DFF or 0x2190 <= code <= 0x2BFF or code == 0xFE0F or 0x1F000 <= code <= 0x1FAFF
