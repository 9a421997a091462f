"""What a check does on a page of the service in a browser, and what it must see there.

Page /orders - fill "Customer" with "Ann"; click "Order"; shows "1 order"; 2 rows; no console errors; no barriers
"""

import re
from typing import Literal

from .record import Line, Record

FORM = (
    'Page /PATH - fill "LABEL" with "TEXT"; click "NAME"; shows "TEXT"; 2 ROLE "NAME"; no console errors; no barriers'
)
MOST = 20
"""Acts on one page."""
ROLES = frozenset(
    (
        *("alert", "article", "banner", "button", "cell", "checkbox", "columnheader", "combobox", "contentinfo"),
        *("dialog", "form", "heading", "img", "link", "list", "listitem", "main", "menuitem", "navigation", "option"),
        *("progressbar", "radio", "region", "row", "searchbox", "slider", "spinbutton", "status", "tab", "table"),
        "textbox",
    )
)
_SAID = r'"([^"]*)"'
_FILL = re.compile(rf"fill {_SAID} with {_SAID}$", re.IGNORECASE)
_NAMED = re.compile(rf"(click|shows) {_SAID}$", re.IGNORECASE)
_COUNT = re.compile(rf"(?:(no|\d{{1,4}}) )?([a-z]+)(?: {_SAID})?$", re.IGNORECASE)
_SPLIT = re.compile(r';(?=(?:[^"]*"[^"]*")*[^"]*$)')


class Act(Record):
    """One thing that is done or looked for."""

    act: Literal["fill", "click", "see", "count", "no-console-errors", "barriers"]
    name: str | None = None
    """Label, name or text, as a person sees it."""
    value: str | None = None
    role: str = ""
    number: int | None = None
    """Exactly so many; None: at least one."""

    @property
    def looks(self) -> bool:
        """Whether it can fail for what is seen, not only for what cannot be done."""
        return self.act not in ("fill", "click")

    def __str__(self) -> str:
        name = f' "{self.name}"' if self.name is not None else ""
        if self.act == "count":
            return f"{'' if self.number is None else f'{self.number} '}{self.role}{name}"
        words = {"see": "shows", "barriers": "no barriers", "no-console-errors": "no console errors"}
        return f"{words.get(self.act, self.act)}{name}" + (f' with "{self.value}"' if self.act == "fill" else "")


class PageStep(Record):
    """A page of the service, opened in a real browser."""

    do: Literal["page"] = "page"
    path: Line
    acts: tuple[Act, ...]


def page_step(rest: str, text: str) -> PageStep:
    """The step behind the word `Page`. Raises ValueError."""
    told = re.match(r"`?(/[^\s`]*)`?\s+[-–—]\s+(.+)$", rest)
    if told is None:
        raise ValueError(f"`{text[:120]}` opens a page and looks at nothing, so it cannot fail; write `{FORM}`")
    parts = [part.strip() for part in _SPLIT.split(told[2]) if part.strip()]
    acts = tuple(_act(part) for part in parts)
    if not any(act.looks for act in acts):
        raise ValueError(f"`{text[:120]}` looks at nothing, so it cannot fail; end it as in `{FORM}`")
    if len(acts) > MOST:
        raise ValueError(f"{len(acts)} acts on one page; at most {MOST}: make it two steps")
    return PageStep(path=told[1], acts=acts)


def _act(text: str) -> Act:
    fill = _FILL.match(text)
    if fill:
        return Act(act="fill", name=_some(fill[1], text), value=fill[2])
    named = _NAMED.match(text)
    if named:
        return Act(act="see" if named[1].lower() == "shows" else "click", name=_some(named[2], text))
    if text.casefold() in ("no console errors", "no errors in the console"):
        return Act(act="no-console-errors")
    if text.casefold() in ("no barriers", "no accessibility barriers"):
        return Act(act="barriers")
    told = _COUNT.match(text)
    role = _role(told[2].lower()) if told else ""
    if not told or not role:
        raise ValueError(
            f"`{text[:120]}` is nothing that a page is asked; write `{FORM}`. Roles: {', '.join(sorted(ROLES))}"
        )
    number = {None: None, "no": 0}.get(told[1] and told[1].lower(), -1)
    return Act(act="count", role=role, name=told[3], number=int(told[1]) if number == -1 else number)


def _role(word: str) -> str:
    plain = {"boxes": "box", "entries": "entry", "images": "img", "image": "img", "statuses": "status"}.get(word, word)
    return next((each for each in (plain, plain.removesuffix("s"), plain.removesuffix("es")) if each in ROLES), "")


def _some(name: str, text: str) -> str:
    if not name.strip():
        raise ValueError(f"`{text[:120]}` names nothing; put a name or a text between the quotes")
    return name
