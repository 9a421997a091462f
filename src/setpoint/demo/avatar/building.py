"""Tests first, then four tasks; the third is stopped by the type checker, once."""

from ...model.change import AcceptanceTests, Answered, Change, TestClaim
from ...model.review import Verdict
from ..authoring import SONNET, Call, Turn, built, compared, edit, finished, hand_in, judged, read, say, shell, write
from ..project import PROJECTS

DONE = PROJECTS / "avatar-done"
API = "tests/profile-api.test.ts"
PAGE = "tests/profile-page.test.ts"

TESTS = AcceptanceTests(
    tests=tuple(
        TestClaim(id=f"{path}::{name}", proves=proves, what=what)
        for path, name, proves, what in (
            (API, "a profile is read and written", ("FR-001",), "GET, PUT and GET again tell the same."),
            (API, "a profile that cannot be kept is refused", ("FR-001",), "Five bad bodies get 400 with a code."),
            (API, "a request without a file is refused", ("FR-002",), "A form without one, and no form: 400 missing."),
            (API, "a file over 5 MB is refused", ("FR-002",), "One byte more, and two megabytes more: 400 too_large."),
            (
                API,
                "a file that is no picture is refused whatever its name",
                ("FR-002",),
                "A text called me.png, SVG, GIF and a broken PNG: 400 not_a_picture.",
            ),
            (
                API,
                "a picture of too many pixels is refused before it is unpacked",
                ("FR-002",),
                "A PNG of few bytes that claims 900 megapixels.",
            ),
            (
                API,
                "a picture is stored as a square and its URL returned",
                ("FR-003", "FR-005"),
                "PNG, JPEG and WebP become WebP squares, seen by their colours.",
            ),
            (API, "the crop keeps the part that was asked for", ("FR-005",), "Left is red, right is blue."),
            (API, "a picture is taken away again", ("FR-003",), "URL and date are null afterwards."),
            (API, "a failure is answered with 500 in the agreed shape", ("FR-004",), "The store is no folder: 500."),
            (PAGE, "the page shows card and form and upload", ("FR-006",), "Name, initials, fields and a file input."),
            (PAGE, "a picture of the person takes the place of the initials", ("FR-006",), "The card has an image."),
        )
    ),
    files=(API, PAGE, "tests/pictures.ts", "tests/client.ts"),
    unproven=(
        "NFR-001: the order of the work is no behaviour; the plan's needs hold it, each task's checks before the next",
        "NFR-002: it holds before the change too; tests/health.test.ts holds it and stays unchanged",
    ),
)

_ORIENTED = "      .autoOrient()\n"
_FORGOTTEN = "    const before = profileOf(this.#database).avatarUrl;\n"
_FORGET = "    if (before !== url) this.#avatars.forget(before);\n"
_FORGETS = (
    "  /** Forget the picture at a URL, if there is one. */\n"
    "  forget(url: string | null): void {\n"
    '    const path = this.#path(url ?? "");\n'
    "    if (path !== undefined) rmSync(path, { force: true });\n"
    "  }\n\n"
)
_SURE = "    const chosen = file.files?.[0];\n    const problem = problemWith(chosen);\n    if (chosen && problem"
_UNSURE = "    const chosen = file.files[0];\n    const problem = problemWith(chosen);\n    if (chosen && problem"
_README = "| `GET /` | the page |\n"
_ROWS = (
    '| `GET /api/profile` | 200, `{"id", "name", "bio", "avatarUrl", "avatarUploadDate"}` |\n'
    '| `PUT /api/profile` with `{"name", "bio"}` | 200, as above; 400 `malformed`, `invalid` |\n'
    "| `POST /api/profile/avatar`, a form with `avatar` (PNG, JPEG, WebP; 5 MB, 24 megapixels) and `position` "
    "(`centre`, `top`, `bottom`, `left`, `right`) | 200, as above; 400 `missing`, `too_large`, `not_a_picture`, "
    "`malformed` |\n"
    "| `DELETE /api/profile/avatar` | 200, as above |\n"
    "| `GET /avatars/HASH.webp` | the picture |\n"
)


def _without(path: str, *parts: str) -> Call:
    """The finished file as it was before the review: `parts` are not there yet."""
    text = (DONE / path).read_text(encoding="utf-8")
    for part in parts:
        assert text.count(part) == 1, (path, part)
        text = text.replace(part, "")
    return write(path, text)


SCHEMA = built(
    1,
    ("", (read("src/server/database.ts", contains="user_version"), read(API, lines=40))),
    (
        "",
        tuple(
            finished(DONE, path)
            for path in ("migrations/0002_avatars.sql", "src/server/profiles.ts", "tests/profiles.test.ts")
        ),
    ),
    ("", (shell("node --test tests/profiles.test.ts", contains="pass 2"), shell("tsc --noEmit"))),
    change=Change(
        summary="Profiles have avatar_url and avatar_upload_date, null for those from before; src/server/profiles.ts "
        "is all SQL there is. Nothing calls it yet.",
        ran=("node --test tests/profiles.test.ts: 2 pass", "tsc --noEmit: clean"),
        documentation="README.md follows with T002, where the calls are.",
    ),
)

ENDPOINTS = built(
    2,
    (
        "Bytes below a limit, then the header, then the crop: nothing is unpacked that was not measured.",
        (
            finished(DONE, "src/server/upload.ts"),
            _without("src/server/avatars.ts", _ORIENTED, _FORGETS, ", rmSync"),
            finished(DONE, "tests/avatars.test.ts"),
        ),
    ),
    (
        "",
        (
            _without("src/server/api.ts", _FORGOTTEN, _FORGET),
            finished(DONE, "src/server/app.ts"),
            edit("README.md", _README, _README + _ROWS),
        ),
    ),
    (
        "",
        (
            shell(f"node --test {API} tests/avatars.test.ts", contains="pass 15"),
            shell("eslint src tests"),
            shell("tsc --noEmit"),
        ),
    ),
    change=Change(
        summary="Four calls: the profile is read and changed, a picture is taken, cropped to a WebP square and taken "
        "away. What cannot be a picture is refused by its bytes, its header or its content, in this order.",
        ran=(f"node --test {API} tests/avatars.test.ts: 15 pass", "eslint src tests: clean", "tsc --noEmit: clean"),
        documentation="README.md: the four calls and their limits.",
    ),
)

_PARTS = ("src/client/api.ts", "src/client/components/profile-card.ts", "src/client/components/profile-form.ts")
_UPLOAD = "src/client/components/avatar-upload.ts"
COMPONENTS = built(
    3,
    (
        "The endpoints are green; now what people see.",
        (
            *(finished(DONE, path) for path in _PARTS),
            write(_UPLOAD, (DONE / _UPLOAD).read_text(encoding="utf-8").replace(_SURE, _UNSURE)),
            finished(DONE, "src/client/page.ts"),
            finished(DONE, "public/style.css"),
        ),
    ),
    (
        "",
        (
            *(finished(DONE, f"tests/{name}.test.ts") for name in ("profile-card", "profile-form", "avatar-upload")),
            shell(f"node --test {PAGE} tests/profile-card.test.ts tests/profile-form.test.ts", contains="pass 6"),
        ),
    ),
    change=Change(
        summary="Card, form and upload, drawn anew from each answer; what cannot be sent is said before it is.",
        ran=(f"node --test {PAGE} tests/profile-card.test.ts tests/profile-form.test.ts: 6 pass",),
        documentation="None needed: the page explains itself.",
    ),
)
COMPONENTS_MENDED = built(
    3,
    (
        "I had run the tests and not the type checker. `files` of an input can be null: a browser may say so.",
        (
            shell("tsc --noEmit", contains="possibly 'null'", failed=True),
            edit(_UPLOAD, _UNSURE, _SURE),
        ),
    ),
    (
        "",
        (
            shell("tsc --noEmit"),
            shell("node --test tests/avatar-upload.test.ts", contains="pass 5"),
            shell("eslint ."),
        ),
    ),
    change=Change(
        summary="Card, form and upload, drawn anew from each answer; what cannot be sent is said before it is. An "
        "input without a list of files counts as nothing chosen.",
        ran=("tsc --noEmit: clean", "node --test tests/avatar-upload.test.ts: 5 pass", "eslint .: clean"),
        documentation="None needed: the page explains itself.",
    ),
    turn=2,
)

JOURNEY = built(
    4,
    (
        "",
        (
            finished(DONE, "tests/journey.test.ts"),
            shell("node --test tests/journey.test.ts", contains="pass 2"),
            shell("eslint . && tsc --noEmit"),
        ),
    ),
    change=Change(
        summary="The page and the running service together: a name, a text that is refused, a picture, none again.",
        ran=("node --test tests/journey.test.ts: 2 pass", "eslint . && tsc --noEmit: clean"),
        documentation="None needed.",
    ),
)

TURNS: tuple[Turn, ...] = (
    Turn(
        "tests",
        SONNET,
        (
            say("", read("tests/service.ts", contains="served"), read("tests/dom.ts", contains="freshMain")),
            say(
                "Real pictures: two colours to see a crop by, a bomb, and a text that calls itself a picture.",
                *(finished(DONE, path) for path in ("tests/pictures.ts", "tests/client.ts", API, PAGE)),
            ),
            say(
                "Red on their assertions.",
                shell(f"node --test {API} {PAGE}", contains="fail 12", failed=True),
                shell("eslint tests && tsc --noEmit"),
            ),
            hand_in(TESTS, "Twelve red; the five earlier tests are untouched."),
        ),
    ),
    judged(
        "tests",
        Verdict(
            compared=(
                "FR-001 with two tests: read, written, refused",
                "FR-002 with four tests: no file, size on both sides, content against name, pixels",
                "FR-003 and FR-005 with three tests: format, size and colours of what comes back",
                "FR-004 with one test: the shape, and that the cause is not told",
                "FR-006 with two tests; NFR-001 and NFR-002 are given as unproven with sound reasons",
            ),
        ),
    ),
    SCHEMA,
    compared(1, "T001's steps with the migration and profiles.ts", "0001_profiles.sql with the diff: unchanged"),
    ENDPOINTS,
    compared(2, "T002's steps with upload.ts, avatars.ts and api.ts", "README.md with the four calls"),
    COMPONENTS,  # the type checker stops it
    COMPONENTS_MENDED,
    compared(3, "T003's steps with the three components", "SYSTEM.md, Page, with the diff: element() only"),
    JOURNEY,
    compared(4, "T004's step with tests/journey.test.ts: from a name to a picture"),
)


def rework(upright: str, gone: str) -> Turn:
    """The answer to the first review, given by the last task's session."""
    return built(
        4,
        (
            "Both are right: I looked at squares and not at people. Tests of that first.",
            (
                finished(DONE, "tests/privacy.test.ts"),
                shell("node --test tests/privacy.test.ts", contains="fail 2", failed=True),
            ),
        ),
        ("", (finished(DONE, "src/server/avatars.ts"), finished(DONE, "src/server/api.ts"))),
        ("", (shell("node --test", contains="fail 0"), shell("eslint . && tsc --noEmit"))),
        change=Change(
            summary="A picture is turned upright before it is cropped, and one that was replaced or taken away is "
            "deleted: its URL gives 404.",
            answers=(
                Answered(
                    objection=upright,
                    done="autoOrient() before the crop; tests/privacy.test.ts has three orientations, red before",
                ),
                Answered(
                    objection=gone,
                    done="Api.#replace forgets what it replaces, unless it is the same; tests/privacy.test.ts looks "
                    "into the folder",
                ),
            ),
            ran=("node --test: 41 pass", "eslint . && tsc --noEmit: clean"),
            documentation="None needed: README.md promises no URL for longer than the picture is there.",
        ),
        turn=2,
    )
