"""Two reviews: what tests of squares do not see, and a clean one."""

from ...model.objection import Deviation, Severity, Source
from ...model.review import Finding, Probe, Review
from ...model.session import Role
from ..authoring import OTHER, Turn, checked, hand_in, read, say, shell
from .building import API

_IMPORTS = (
    "import { tried } from './tests/service.ts'; import { stored, upload } from './tests/client.ts'; "
    "import { photo, colourAt } from './tests/pictures.ts'; "
)


def _probe(body: str) -> str:
    return f'node --input-type=module -e "{_IMPORTS}await tried(async (at) => {{ {body} }})"'


UPRIGHT = _probe(
    "const turned = await stored(at, await upload(at, await photo('jpeg', 6))); "
    "const [red] = await colourAt(turned, 0.9, 0.1); "
    "console.log(red > 200 ? 'upright' : 'lies on its side'); if (red < 200) process.exitCode = 1;"
)
GONE = _probe(
    "const { body } = await upload(at, await photo('png')); "
    "await fetch(at + '/api/profile/avatar', { method: 'DELETE' }); "
    "const { status } = await fetch(at + body.avatarUrl); "
    "console.log('after the delete:', status); if (status !== 404) process.exitCode = 1;"
)
MANY = _probe(
    "const sent = await photo('jpeg'); "
    "const all = await Promise.all(Array.from({ length: 12 }, () => upload(at, sent))); "
    "console.log(all.filter(({ status }) => status === 200).length, 'of 12');"
)

UPRIGHT_FINDING = Finding(
    severity=Severity.HIGH,
    deviation=Deviation.BEHAVIOUR,
    what="A photo taken with a phone held upright is stored lying on its side: most pictures that people upload.",
    cause="Cameras store the picture as the sensor saw it and say in EXIF how to turn it; sharp drops what EXIF says "
    "with the other metadata, and nothing turns the pixels before.",
    path="src/server/avatars.ts",
    line=32,
    evidence="A JPEG with orientation 6, red at the top, comes back red on the left.",
    probe=UPRIGHT,
)
GONE_FINDING = Finding(
    severity=Severity.HIGH,
    deviation=Deviation.BEHAVIOUR,
    what="A picture that a person took away or replaced is still served to whoever has its URL, and stays on the disk "
    "for ever.",
    cause="Api.#replace changes the profile and leaves the file; nothing ever deletes one.",
    path="src/server/api.ts",
    line=72,
    evidence="After DELETE the old URL answers 200 with the picture.",
    probe=GONE,
)
UPRIGHT_ID, GONE_ID = (finding.objection(Source.REVIEWER).fingerprint for finding in (UPRIGHT_FINDING, GONE_FINDING))

_HOLDS = {
    "business logic and requirements": "each sentence of the ticket against the running service",
    "API contract": "keys of every answer; the error shape of SYSTEM.md in all six codes",
    "validation": "5 MB to the byte; SVG, GIF, a text called me.png; 900 megapixels in 300 bytes",
    "security": "vulnerabilities: path of an avatar with dots, names from outside, markup in name and bio, nosniff",
    "database and migrations": "a database from before is brought up; 0001 is unchanged",
    "error handling": "the store replaced by a file: 500, and the cause stays inside",
    "concurrency and async": "12 uploads at once: 12 of 12",
    "performance": "performance impact: bundle about 1.5 KB larger, compressed, 10 are allowed; a crop: 20 ms",
    "tests": "took the pixel limit out: the bomb's test goes red",
    "architecture and conventions": "style guide: SYSTEM.md line by line; types are strict, no any, no innerHTML",
}
FIRST = Review(
    summary="Limits and shapes hold against real files. Two things that a person would see at once do not: photos of "
    "phones lie on their side, and a picture that was taken away is still there.",
    checks=checked(
        _HOLDS,
        fails={
            "edge cases and assumptions": "EXIF orientations 3, 6 and 8",
            "happy path only": "what is left after DELETE, and after a second upload",
        },
    ),
    probes=(
        Probe(command=UPRIGHT, outcome="lies on its side"),
        Probe(command=GONE, outcome="after the delete: 200"),
        Probe(command=MANY, outcome="12 of 12"),
    ),
    findings=(UPRIGHT_FINDING, GONE_FINDING),
)
SECOND = Review(
    summary="Photos are upright, and a picture that was taken away is gone from the service and from the disk. The "
    "change does what the ticket says.",
    checks=checked(
        {
            **_HOLDS,
            "edge cases and assumptions": "EXIF orientations 3, 6 and 8, a picture of one pixel",
            "happy path only": "DELETE twice, the same picture twice, a replaced one",
        }
    ),
    probes=(
        Probe(command=UPRIGHT, outcome="upright"),
        Probe(command=GONE, outcome="after the delete: 404"),
        Probe(command="node --test", outcome="41 pass"),
    ),
    closed=(UPRIGHT_ID, GONE_ID),
)

FIRST_TURN = Turn(
    "review",
    OTHER,
    (
        say(
            "The ticket first, then the change.",
            read("src/server/avatars.ts", contains="limitInputPixels"),
            read("src/server/api.ts", contains="#upload"),
            shell(f"node --test {API}", contains="pass 10"),
        ),
        say("Many at once hold?", shell(MANY, contains="12 of 12")),
        say(
            "Now what a person does with a phone: a photo held upright, and a picture regretted.",
            shell(UPRIGHT, contains="lies on its side", failed=True),
            shell(GONE, contains="after the delete: 200", failed=True),
        ),
        hand_in(FIRST),
    ),
    role=Role.REVIEWER,
)
SECOND_TURN = Turn(
    "review",
    OTHER,
    (
        say(
            "",
            read("src/server/avatars.ts", contains="autoOrient"),
            shell(UPRIGHT, contains="upright"),
            shell(GONE, contains="after the delete: 404"),
            shell("node --test", contains="fail 0"),
        ),
        hand_in(SECOND),
    ),
    role=Role.REVIEWER,
    fresh=2,
)
