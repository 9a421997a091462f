"""The English patterns by which intake reads a ticket's sentences. Data first; every rule says what it is for.

A sentence is a demand (it asks for something), a keep (it says what must stay), a request for tests, a question, a
symptom or mere context. A demand is checkable when it names something specific: a literal, a number, a piece of code,
or at least three words that are neither generic nor a matter of taste.
"""

import re

from .intake_text import masked


def _any(*words: str) -> str:
    return "(?:" + "|".join(words) + ")"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


# -- demands ----------------------------------------------------------------------------------------------------------

IMPERATIVES = _words(
    """
    add allow apply append attach bind block build bump cache call cap change check clear collect compute
    configure convert copy count cover create decode default define delete deny describe detect disable display
    document drop emit enable encode enforce ensure escape expire export expose extend extract fail filter fix
    forbid format generate give group handle hide ignore implement import include introduce keep limit list load
    lock log look make map mark match measure merge mend migrate move name normalise normalize notify offer open
    order paginate parse pass permit persist preserve prevent print process produce provide publish put quote
    raise read record redirect refuse reject release remove rename render repair replace reply report require
    reset resolve restore restrict retry return reuse reverse rotate round run sanitise sanitize save send serve
    set show skip sort split start stop store stream strip support switch sync throttle throw trim turn update
    upload use validate verify warn wire wrap write
    """
)

_LEADERS = re.compile(r"^(?:please|also|then|and|finally|first|next|in addition|on the way)\b,?\s*", re.I)
_MODAL = _compiled(r"\b(?:must|shall|should|needs? to|ha(?:s|ve) to|ought to|(?:is|are) expected to|is required)\b")
_WEAK_MODAL = _compiled(r"\b(?:can|will|may)\b|\b(?:i|we|they|users?|customers?)(?:'d| would)? (?:want|need|like)s?\b")
_THEN_MODAL = _compiled(r"\b(?:it|they|this|that|these|instead),? (?:must|shall|should|needs? to|ha(?:s|ve) to)\b")
_PLEASE = _compiled(r"\bplease\b")
_GHERKIN = _compiled(r"^(?:given|when|if|while|where|once|after)\b.*\b(?:then|shall|must|should|the system)\b")

VAGUE_VERBS = _words(
    """
    improve enhance optimise optimize refactor polish modernise modernize clean tidy streamline simplify revamp
    boost better perfect beautify rework upgrade redesign rethink overhaul
    """
)

TASTE = _words(
    """
    better best faster fast nice nicer clean cleaner robust modern scalable good great easy easier simple
    simpler user-friendly friendly intuitive efficient performant quick quicker secure safe safer stable
    reliable flexible beautiful pretty prettier smooth smoother well properly correctly nicely happy perfect
    readable maintainable elegant professional production-ready high-quality world-class seamless powerful smart
    smarter proper
    """
)

_GENERIC = _words(
    """
    app apps application applications system systems code codebase software product project website site web
    platform thing things stuff everything something anything all some feature features functionality
    functionalities ui ux user users experience performance quality bug bugs issue issues problem problems error
    errors improvement improvements change changes work works working way ways lot lots part parts whole overall
    practice practices program tool people person it's more much very really generally usually always possible
    needed necessary overall various several many most least new current existing
    """
)
_STOP = _words(
    """
    the a an and or but nor so if then than that this these those there here with without within from into onto
    of for to in on at by as is are was were be been being do does did done has have had having must shall
    should can could will would may might need needs not no yes it its they them their we our us you your i my
    me he she his her one any each every both either when while where who whom which what how why also only just
    too still even please again such same other another
    """
)
_WEAK_VERBS = _words(
    "make get look handle fix change support use keep ensure provide allow need want set have run call"
)
_EMPTY = _WEAK_VERBS | VAGUE_VERBS | TASTE | _GENERIC | _STOP

_WORD = re.compile(r"[^\W\d_][\w'’-]+")
_ANCHOR = re.compile(
    r"`[^`]+`"  # code
    r"|\"[^\"]{1,200}\"|“[^”]{1,200}”|(?<!\w)'[^']{1,200}'(?!\w)"  # a literal
    r"|(?<![\w/])/[a-z][\w/{}:.-]*"  # a URL path
    r"|(?<![#\w])\d[\d.,]*"  # a number, not an issue's
    r"|(?<!\w)--[a-z][\w-]+"  # a flag
    r"|\b\w+_\w+\b|\b[a-z]+[A-Z]\w*\b"  # a name in code
    r"|\b\w+\.(?:py|js|ts|md|rst|toml|json|ya?ml|txt|cfg|sql|go|rs|java)\b"  # a file
    r"|\b(?:GET|POST|PUT|PATCH|DELETE)\b"
)
_LITERAL = re.compile(r"\d|\"[^\"]+\"|“[^”]+”|(?<!\w)'[^']+'(?!\w)")
_LINK = _compiled(r"\b(?:so that|must|shall|should|by \w+ing|such that)\b|:")
_TASTE_PREDICATE = _compiled(
    r"\b(?:be|become|feel|feels|look|looks|work|works|run|runs|get|is|are|make|makes|made)\b[^,;:]{0,60}?\b"
    + _any(*(re.escape(word) for word in sorted(TASTE)))
    + r"\b"
)


def words_of(sentence: str) -> list[str]:
    """The words that say something of their own: not generic, not a matter of taste, not the demand itself."""
    plain = re.sub(r"`+[^`]*`+", " ", sentence)
    if first_word(plain) in IMPERATIVES:
        plain = without_leaders(plain).partition(" ")[2]
    return [word for word in (found.casefold() for found in _WORD.findall(plain)) if word not in _EMPTY]


def is_specific(sentence: str) -> bool:
    """Whether `sentence` names something a check could look at."""
    anchors = len(_ANCHOR.findall(sentence))
    words = len(words_of(sentence))
    if is_taste(sentence):
        return False
    return anchors >= 2 or (anchors >= 1 and words >= 1) or words >= 3


def is_taste(sentence: str) -> bool:
    """Whether it only wishes for something better, with no measure of better."""
    hidden = masked(sentence)
    led = first_word(sentence) in VAGUE_VERBS
    if not led and not _TASTE_PREDICATE.search(hidden):
        return False
    if _LITERAL.search(hidden):
        return False
    if not led:
        return len(words_of(sentence)) + len(_ANCHOR.findall(sentence)) < 6
    link = _LINK.search(hidden)
    return link is None or _is_taste_after(sentence[link.end() :])


def _is_taste_after(rest: str) -> bool:
    return bool(_TASTE_PREDICATE.search(masked(rest))) or len(words_of(rest)) + len(_ANCHOR.findall(rest)) < 2


def names_object(text: str) -> bool:
    """Whether a title says what is built: an anchor, or two words of its own, and not only a wish."""
    return not is_taste(text) and (bool(_ANCHOR.search(text)) or len(words_of(text)) >= 2)


def without_leaders(sentence: str) -> str:
    """`sentence` without `please`, `also`, ... in front."""
    while match := _LEADERS.match(sentence):
        sentence = sentence[match.end() :]
    return sentence


def first_word(sentence: str) -> str:
    """The first word, in small letters; empty when it starts with something else."""
    match = _WORD.match(without_leaders(sentence).lstrip("*_ "))
    return match.group().casefold() if match else ""


def is_imperative(sentence: str) -> bool:
    """Whether it begins with a verb that asks."""
    return first_word(sentence) in IMPERATIVES | VAGUE_VERBS


def is_demand(sentence: str) -> bool:
    """Whether it asks for something. A report of what goes wrong does not, though it may say `should`."""
    hidden = masked(sentence)
    if is_imperative(sentence) or _PLEASE.search(hidden) or _GHERKIN.match(hidden):
        return True
    modal, defect = _MODAL.search(hidden), defect_in(sentence)
    if modal and (not defect or modal.start() < defect.start() or _THEN_MODAL.search(hidden)):
        return True
    return not defect and bool(_WEAK_MODAL.search(hidden))


# -- symptoms: what chooses the hotfix route --------------------------------------------------------------------------

_DEFECT = _compiled(
    r"\b(?:bugs?|defects?|crash(?:es|ed|ing)?|fail(?:s|ed|ing|ures?)?|broken|breaks|broke|regress(?:ion|ions|ed|es)|"
    r"wrong(?:ly)?|incorrect(?:ly)?|cannot|can't|can not|no longer|instead of|(?:does|do|did)(?: not|n't)|"
    r"stopped working|"
    r"unexpected(?:ly)?|hangs?|leaks?|finds? nothing|tracebacks?|segfaults?|deadlocks?|(?:is|are) ignored|"
    r"since v?\d+(?:\.\d+)+|(?:returns|answers|gives|responds with)(?: an?)?(?: http)? 5\d\d|out of memory)\b"
)
_CONDITION = _compiled(r"\b(?:when|if|whenever|in case|until|unless|once|whether|must not|should not|never|without)\b")


def defect_in(sentence: str) -> re.Match[str] | None:
    """The word that reports a defect. Not one in a condition (`when the payment fails, ...`) or inside code."""
    hidden = masked(sentence)
    for match in _DEFECT.finditer(hidden):
        clause = re.split(r"[,;:(]", hidden[: match.start()])[-1]
        if not _CONDITION.search(clause):
            return match
    return None


# -- what must stay ---------------------------------------------------------------------------------------------------

_UNCHANGED = (
    r"(?:unchanged|as (?:it|they) (?:is|are)|as is|intact|untouched|alone|stable|compatible|the same|working|frozen)"
)
_TOUCH = (
    r"(?:chang(?:e|ing)|alter(?:ing)?|modify(?:ing)?|break(?:ing)?|touch(?:ing)?|renam(?:e|ing)|affect(?:ing)?|"
    r"edit(?:ing)?|remov(?:e|ing)|drop(?:ping)?)"
)
_NOT = r"(?:do not|don't|does not|must not|mustn't|may not|should not|shouldn't|shall not|never|without|no need to)"

_KEEP_RULES = tuple(
    _compiled(rule)
    for rule in (
        r"^(?:preserve|retain)\b",  # Preserve the existing API response shape.
        rf"^(?:keep|leave|maintain)\b.*\b{_UNCHANGED}\b",  # Keep the CLI output unchanged.
        r"^(?:keep|leave|maintain)\b.*\b(?:existing|current|backwards?|present)\b",  # Maintain backward compatibility.
        rf"^{_NOT} {_TOUCH}\b",  # Do not change the database schema.
        rf"\bwithout {_TOUCH}\b",  # ... without changing the public interface.
        rf"\b(?:stays?|remains?|(?:must|should|shall) (?:stay|remain|be left|be kept)|is|are|be left) {_UNCHANGED}\b",
        r"\b(?:everything|all|the rest|nothing)(?: \w+){0,3} (?:stays?|remains?)\b",
        r"\bnothing(?: \w+){0,2} changes\b",
        r"\bbackwards?[- ]compatib",
        r"^no (?:\w+ ){0,2}(?:changes?|regressions?|migrations?|dependenc)",  # No breaking changes.
        r"^(?:no|without) (?:any )?(?:new|additional|extra|further) ",  # No new dependencies.
        r"\b(?:must|shall|should|may) not\b",  # Passwords must not be logged.
        r"^(?:do not|don't|never) ",  # Do not log passwords.
    )
)
_PROHIBITION = _compiled(r"\b(?:must|shall|should|may) not\b|^(?:do not|don't|never) ")


def says_keep(sentence: str) -> bool:
    """Whether it says that something must stay as it is, or must not happen."""
    hidden = without_leaders(masked(sentence))
    return any(rule.search(hidden) for rule in _KEEP_RULES)


def is_prohibition(sentence: str) -> bool:
    """Whether it forbids a behaviour (`must not log passwords`), which a test can check, and freezes nothing."""
    hidden = without_leaders(masked(sentence))
    return bool(_PROHIBITION.search(hidden)) and not re.search(rf"{_NOT} (?:be )?{_TOUCH}", hidden, re.IGNORECASE)


_KEPT = _compiled(rf"^(?:preserve|retain|keep|leave|maintain|{_NOT} {_TOUCH})\s+(.+?)(?:\s+{_UNCHANGED})?[.!]*$")
_ARTICLES = _compiled(r"^(?:the|all|any|our|its|an?|existing|current|present|public interface of)\s+")
_INTERFACE = _compiled(
    r"\b(?:api|apis|response|responses|request|schema|contract|interface|signatures?|endpoints?|format|shape|"
    r"protocol|public|cli|flag|flags|output|database|model|models|command|commands|file|layout|order|behaviou?r)\b|`"
)


def frozen_object(sentence: str) -> str:
    """The interface a keep-sentence freezes, in the ticket's words (`API response shape`), or empty."""
    match = _KEPT.match(without_leaders(sentence))
    if not match or not _INTERFACE.search(match.group(1)):
        return ""
    kept = match.group(1)
    while article := _ARTICLES.match(kept):
        kept = kept[article.end() :]
    return kept


# -- tests ------------------------------------------------------------------------------------------------------------

_TESTS_FOR = _compiled(
    r"^(?:add|write|include|provide|create)\s+(?:[\w-]+\s+){0,4}?tests?\s+(?:cases?\s+)?"
    r"(for|of|on|covering|that|which|to|against)\s+(.+)$"
)
_COVER = _compiled(r"^cover\s+(.+?)\s+(?:with|by)\s+(?:\w+\s+)?tests?\b")
_SPLIT = re.compile(r"\s*(?:,\s*(?:and|or|&)\s+|;\s*(?:and\s+)?|,\s+|\s+and\s+)")


def tests_asked(sentence: str) -> list[str]:
    """The tests a sentence asks for: `Add tests for A, B, and C` asks for three."""
    text = without_leaders(sentence).strip().rstrip(".!")
    match = _TESTS_FOR.match(text)
    if match:
        one = match.group(1).casefold() in ("that", "which", "to")
        return [f"{match.group(1)} {match.group(2)}"] if one else _listed(match.group(2))
    cover = _COVER.match(text)
    return _listed(cover.group(1)) if cover else []


def _listed(text: str) -> list[str]:
    hidden = masked(text)
    parts: list[str] = []
    start = 0
    for cut in _SPLIT.finditer(hidden):
        parts.append(text[start : cut.start()])
        start = cut.end()
    return [part.strip() for part in (*parts, text[start:]) if part.strip()]


# -- who uses it, what is recorded -------------------------------------------------------------------------------------

_RECORD = _compiled(r"\b(?:change[- ]?log|release notes?|news fragment|readme|docstrings?|documentation|man page)\b")
_ROLE = (
    r"(?:users?|customers?|admins?|administrators?|operators?|clients?|callers?|subscribers?|developers?|visitors?|"
    r"members?)"
)
_PEOPLE = (
    _compiled(rf"\bas an? ((?:[\w-]+ ){{0,3}}{_ROLE})\b"),
    _compiled(rf"\bfor (?:all |our |the )?((?:[\w-]+ ){{0,2}}{_ROLE})\b"),
    _compiled(rf"\b((?:[\w-]+ ){{0,1}}{_ROLE}) (?:can|cannot|can't|must|should|may|need|want|see|get|who)\b"),
)
_SURFACES = (
    (_compiled(r"\b((?:[\w/-]+ )?(?:endpoint|api|route|webhook))\b"), "callers of the {}"),
    (_compiled(r"\b((?:GET|POST|PUT|PATCH|DELETE) /[\w/{}:.-]*)"), "callers of {}"),
    (_compiled(r"(`[\w.]+\([^`]{0,80}\)`|`[A-Za-z_][\w.]*\.[\w.]+`)"), "callers of {}"),
    (
        _compiled(r"\b((?:(?!per |each |every )[\w-]+ )?(?:page|screen|form|dialog|dashboard)(?!s))\b"),
        "people on the {}",
    ),
    (_compiled(r"\b((?:[\w-]+ )?(?:command|cli))\b"), "people who run the {}"),
)


def users_named(title: str, body: str) -> str:
    """Who the text itself says uses it: a role, or the callers of the surface it names; empty when it says neither."""
    for text in (title, body[:8000]):
        for rule in _PEOPLE:
            match = rule.search(masked(text))
            if match:
                return match.group(1).strip()
        for rule, form in _SURFACES:
            match = rule.search(text)
            if match:
                return form.format(re.sub(r"^(?:the|an?|our|this) ", "", match.group(1)))
    return ""


def asks_for_record(sentence: str) -> bool:
    """Whether it asks for an entry in the change log, the README or a docstring."""
    return bool(_RECORD.search(sentence)) and not is_taste(sentence)
