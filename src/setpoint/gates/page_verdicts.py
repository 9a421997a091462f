"""What was seen of a page, judged. Pure: nothing is run here."""

from ..model.evidence import Finding, Outcome
from ..model.page import Act, PageStep
from .reading import capped, line
from .step_verdicts import ActTold, PageTold, Seen, Told, failing, finding_of

NO_BROWSER = (
    "there is no browser in the sandbox: install Chromium where it sees it (apt install chromium), or name one in "
    "[sandbox.env] SETPOINT_BROWSER and show its folder by [sandbox] readonly"
)
PROBE = "setpoint gates tasks"


def viewed(step: PageStep, told: Told) -> Seen:
    """Whether the page could be used as it was said, and showed what it should."""
    page, asked = told.page or PageTold(lost=told.why or "nothing was told"), f"Page {step.path}"
    if told.page is not None and not page.browser:
        return Seen(Outcome.REFUSED, NO_BROWSER)
    if page.lost:
        return Seen(Outcome.REFUSED, line(f"{asked}: the browser told nothing: {page.lost}"))
    if page.why:
        return failing(finding_of(asked, None, "page", f"{asked}: {page.why}", "it could not be opened", "", PROBE))
    found = [one for act, came in zip(step.acts, page.acts, strict=False) for one in _wrong(asked, act, came, page)]
    if found:
        return Seen(Outcome.FAILED, found[0].message, tuple(found), page.text)
    if len(page.acts) < len(step.acts):
        return Seen(Outcome.REFUSED, f"{asked}: not all acts were told of")
    return Seen(Outcome.PASSED, line(f"{asked}: {'; '.join(map(str, step.acts))}"), output=page.text)


def _wrong(asked: str, act: Act, came: ActTold, page: PageTold) -> list[Finding]:
    seen = capped(page.text, 2000)
    if act.act == "no-console-errors":
        return [
            finding_of(
                asked, None, "console", f"{asked}: the console says: {said[:200]}", "an error in the page", said, PROBE
            )
            for said in page.console
        ]
    if came.ok:
        return []
    if act.act == "barriers":
        cause = "who does not see the page, or uses the keyboard alone, cannot use it"
        return [finding_of(asked, None, "barrier", f"{asked}: {rule}", cause, on, PROBE) for rule, on in came.barriers]
    cause = {
        "fill": "no visible field has this label, name or id, or the list no such option",
        "click": "nothing visible that can be clicked has this name",
        "see": "the page's visible text does not hold it",
        "count": f"there are {came.count or 0}",
    }[act.act]
    return [finding_of(asked, None, "page", f"{asked}: {act} did not hold", cause, seen, PROBE)]
