"""Numbers with their nouns, as a person reads them."""

_ENDINGS = (("ies", "y"), ("ches", "ch"), ("shes", "sh"), ("sses", "ss"), ("s", ""))


def counted(number: float, nouns: str) -> str:
    """`number` with what is counted, which is named as many: `1 new file`, `2 new files`."""
    shown = f"{number:g}" if isinstance(number, float) else str(number)
    if number != 1:
        return f"{shown} {nouns}"
    ending, one = next((pair for pair in _ENDINGS if nouns.endswith(pair[0])), ("", ""))
    return f"{shown} {nouns.removesuffix(ending)}{one}"


def dollars(usd: float) -> str:
    """A sum; small ones with parts of a cent."""
    if usd >= 0.1 or usd == 0:
        return f"${usd:.2f}"
    return f"${usd:.4f}" if abs(usd) >= 0.0001 else f"${usd:.1g}"
